#include "net/tls_traffic.h"

#include <algorithm>
#include <span>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/assert.h"
#include "net/limits.h"

namespace shore::net {

namespace {

constexpr size_t kTagBytes = kTlsTrailerBytes - 1;

const unsigned char* bytes_of(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

/// HKDF-Expand-Label with an empty context (RFC 8446 section 7.1) for at most one digest's length:
/// then HKDF-Expand (RFC 5869 section 2.3) is one HMAC.
void expand_label(const TlsSuite& suite, std::string_view secret, std::string_view label,
                  std::span<unsigned char> out) {
    SHORE_ASSERT(out.size() <= suite.secret_bytes);
    std::string info = {'\0', static_cast<char>(out.size()), static_cast<char>(6 + label.size())};
    info += "tls13 ";
    info += label;
    info += std::string_view("\0\1", 2);
    std::array<unsigned char, EVP_MAX_MD_SIZE> block{};
    unsigned size = 0;
    const auto* const made = HMAC(suite.digest, secret.data(), static_cast<int>(secret.size()),
                                  bytes_of(info), info.size(), block.data(), &size);
    SHORE_ASSERT(made != nullptr && size == suite.secret_bytes);
    std::ranges::copy(std::span(block).first(out.size()), out.begin());
    OPENSSL_cleanse(block.data(), block.size());
}

TlsSuite make_suite(const char* cipher, const EVP_MD* digest) {
    EVP_CIPHER* const fetched = EVP_CIPHER_fetch(nullptr, cipher, nullptr);
    SHORE_ASSERT(fetched != nullptr);
    return {.cipher = fetched,
            .digest = digest,
            .key_bytes = static_cast<size_t>(EVP_CIPHER_get_key_length(fetched)),
            .secret_bytes = static_cast<size_t>(EVP_MD_get_size(digest))};
}

}  // namespace

const TlsSuite* TlsSuite::find(uint16_t number) {
    static const std::array<TlsSuite, 3> kSuites = {make_suite("AES-128-GCM", EVP_sha256()),
                                                    make_suite("AES-256-GCM", EVP_sha384()),
                                                    make_suite("ChaCha20-Poly1305", EVP_sha256())};
    const size_t index = size_t{number} - 0x1301;
    return index < kSuites.size() ? &kSuites[index] : nullptr;
}

TlsTraffic::TlsTraffic(const TlsSuite& suite, Use use, std::string_view secret, uint64_t sequence)
    : suite_(suite), use_(use), sequence_(sequence) {
    SHORE_ASSERT(secret.size() == suite.secret_bytes);
    std::ranges::copy(secret, secret_.begin());
    derive_keys();
}

TlsTraffic::~TlsTraffic() {
    rest();
    OPENSSL_cleanse(secret_.data(), secret_.size());
    OPENSSL_cleanse(key_.data(), key_.size());
}

void TlsTraffic::derive_keys() {
    expand_label(suite_, secret(), "key", std::span(key_).first(suite_.key_bytes));
    expand_label(suite_, secret(), "iv", iv_);
}

void TlsTraffic::update() {
    std::array<unsigned char, 48> next{};
    expand_label(suite_, secret(), "traffic upd", std::span(next).first(suite_.secret_bytes));
    secret_ = next;
    OPENSSL_cleanse(next.data(), next.size());
    derive_keys();
    sequence_ = 0;
    rest();
}

void TlsTraffic::rest() {
    EVP_CIPHER_CTX_free(context_);
    context_ = nullptr;
}

/// The keyed cipher. False when the library has none to give.
bool TlsTraffic::prepare() {
    if (context_ != nullptr) {
        return true;
    }
    context_ = EVP_CIPHER_CTX_new();
    if (context_ != nullptr && EVP_CipherInit_ex2(context_, suite_.cipher, key_.data(), nullptr,
                                                  use_ == Use::kSeal ? 1 : 0, nullptr) == 1) {
        return true;
    }
    rest();
    return false;
}

/// With the next sequence number's nonce, which is never used again (section 5.3).
bool TlsTraffic::begin_record(const unsigned char* header) {
    Nonce nonce = iv_;
    SHORE_ASSERT(sequence_ < UINT64_MAX);
    uint64_t number = sequence_++;
    for (size_t i = nonce.size(); number != 0; number >>= 8U) {
        nonce[--i] ^= static_cast<unsigned char>(number);
    }
    int count = 0;
    return EVP_CipherInit_ex2(context_, nullptr, nullptr, nonce.data(), -1, nullptr) == 1 &&
           EVP_CipherUpdate(context_, nullptr, &count, header, kTlsHeaderBytes) == 1;
}

bool TlsTraffic::seal(TlsContent content, std::string_view first, std::string_view second,
                      std::string& out) {
    const size_t begin = out.size();
    const size_t body = first.size() + second.size() + kTlsTrailerBytes;
    SHORE_ASSERT(use_ == Use::kSeal && body - kTlsTrailerBytes <= kTlsRecordPlain);
    if (!prepare()) {
        return false;
    }
    const auto type = static_cast<char>(content);
    bool good = false;
    const size_t end = begin + kTlsHeaderBytes + body;
    // libstdc++ 12 may name a larger size than was asked for.
    out.resize_and_overwrite(end, [&](char* data, size_t /*size*/) {
        auto* at = reinterpret_cast<unsigned char*>(data + begin);
        const std::array<unsigned char, kTlsHeaderBytes> header = {
            static_cast<unsigned char>(TlsContent::kData), 3, 3,
            static_cast<unsigned char>(body >> 8U), static_cast<unsigned char>(body)};
        at = std::ranges::copy(header, at).out;
        good = begin_record(header.data());
        for (const std::string_view piece : {first, second, std::string_view(&type, 1)}) {
            int count = 0;
            good = good && (piece.empty() || EVP_CipherUpdate(context_, at, &count, bytes_of(piece),
                                                              static_cast<int>(piece.size())) == 1);
            at += count;
        }
        int count = 0;
        good = good && EVP_CipherFinal_ex(context_, at, &count) == 1 &&
               EVP_CIPHER_CTX_ctrl(context_, EVP_CTRL_AEAD_GET_TAG, kTagBytes, at) == 1;
        return good ? end : begin;
    });
    return good;
}

std::optional<TlsTraffic::Opened> TlsTraffic::open(char* record, size_t size) {
    SHORE_ASSERT(use_ == Use::kOpen);
    if (size < kTlsHeaderBytes + kTlsTrailerBytes || !prepare()) {
        return std::nullopt;
    }
    auto* const text = reinterpret_cast<unsigned char*>(record + kTlsHeaderBytes);
    const size_t count = size - kTlsHeaderBytes - kTagBytes;
    int opened = 0;
    int rest = 0;
    const bool genuine =
        begin_record(reinterpret_cast<const unsigned char*>(record)) &&
        EVP_CIPHER_CTX_ctrl(context_, EVP_CTRL_AEAD_SET_TAG, kTagBytes, text + count) == 1 &&
        EVP_CipherUpdate(context_, text, &opened, text, static_cast<int>(count)) == 1 &&
        EVP_CipherFinal_ex(context_, text + opened, &rest) == 1;
    // Zeros may follow the type (section 5.4).
    const std::string_view inner(record + kTlsHeaderBytes, count);
    const size_t type = inner.find_last_not_of('\0');
    if (!genuine || type == std::string_view::npos || type > kTlsRecordPlain) {
        return std::nullopt;
    }
    return Opened{static_cast<TlsContent>(inner[type]), inner.substr(0, type)};
}

}  // namespace shore::net
