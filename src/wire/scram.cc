#include "wire/scram.h"

#include <array>
#include <charconv>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include "base/strings.h"
#include "wire/base64.h"

namespace shore::wire {

namespace {

// More would be a way to keep a client busy; PostgreSQL has 4096.
constexpr uint32_t kIterationsMax = 1'000'000;
constexpr std::string_view kHeader = "n,,";

std::string hmac(std::string_view key, std::string_view message) {
    std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
    unsigned int length = 0;
    HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
         reinterpret_cast<const unsigned char*>(message.data()), message.size(), digest.data(),
         &length);
    return {reinterpret_cast<const char*>(digest.data()), length};
}

std::string sha256(std::string_view message) {
    std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
    SHA256(reinterpret_cast<const unsigned char*>(message.data()), message.size(), digest.data());
    return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

// The value of "x=…" in a message.
std::string_view attribute(std::string_view message, char name) {
    for (const std::string_view part : base::split(message, ',')) {
        if (part.size() >= 2 && part[0] == name && part[1] == '=') {
            return part.substr(2);
        }
    }
    return {};
}

}  // namespace

Result<std::string> ScramSecret::salted(std::string_view salt, uint32_t iterations) {
    if (iterations == 0 || iterations > kIterationsMax) {
        return fail(ErrorCode::kCorrupt, "SCRAM: {} iterations", iterations);
    }
    if (salted_.empty() || salt_ != salt || iterations_ != iterations) {
        std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
        if (PKCS5_PBKDF2_HMAC(password_.data(), static_cast<int>(password_.size()),
                              reinterpret_cast<const unsigned char*>(salt.data()),
                              static_cast<int>(salt.size()), static_cast<int>(iterations),
                              EVP_sha256(), static_cast<int>(digest.size()), digest.data()) != 1) {
            return fail(ErrorCode::kInternal, "SCRAM: the password cannot be salted");
        }
        salt_ = salt;
        iterations_ = iterations;
        salted_.assign(reinterpret_cast<const char*>(digest.data()), digest.size());
    }
    return salted_;
}

std::string ScramClient::first() const {
    return fmt::format("{}n=,r={}", kHeader, nonce_);
}

Result<std::string> ScramClient::answer(std::string_view server_first) {
    const std::string_view nonce = attribute(server_first, 'r');
    const auto salt = base64_decode(attribute(server_first, 's'));
    const std::string_view count = attribute(server_first, 'i');
    uint32_t iterations = 0;
    std::from_chars(count.data(), count.data() + count.size(), iterations);
    if (!nonce.starts_with(nonce_) || nonce.size() == nonce_.size() || !salt) {
        return fail(ErrorCode::kCorrupt, "SCRAM: the server's first message is not understood");
    }
    SHORE_TRY(const std::string salted, secret_.salted(*salt, iterations));
    const std::string without_proof = fmt::format("c={},r={}", base64(kHeader), nonce);
    const std::string message = fmt::format("n=,r={},{},{}", nonce_, server_first, without_proof);
    std::string proof = hmac(salted, "Client Key");
    const std::string signature = hmac(sha256(proof), message);
    for (size_t i = 0; i < proof.size(); ++i) {
        proof[i] = static_cast<char>(proof[i] ^ signature[i]);
    }
    server_signature_ = hmac(hmac(salted, "Server Key"), message);
    return fmt::format("{},p={}", without_proof, base64(proof));
}

Result<void> ScramClient::verify(std::string_view server_final) const {
    if (server_signature_.empty() || attribute(server_final, 'v') != base64(server_signature_)) {
        return fail(ErrorCode::kPermission, "SCRAM: the server does not know the password");
    }
    return {};
}

}  // namespace shore::wire
