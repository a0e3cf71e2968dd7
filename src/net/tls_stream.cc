#include "net/tls_stream.h"

#include <algorithm>
#include <cstring>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "net/limits.h"
#include "os/file.h"

namespace shore::net {

namespace {

constexpr std::string_view kPlainHttpAnswer =
    "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\n"
    "Content-Length: 60\r\n\r\nThis port speaks HTTPS: use https:// instead of http:// here";
static_assert(kPlainHttpAnswer.substr(kPlainHttpAnswer.find("\r\n\r\n") + 4).size() == 60);

}  // namespace

TlsScratch::TlsScratch()
    : plain_(std::make_unique_for_overwrite<char[]>(kTlsRecordPlain)),
      file_(std::make_unique_for_overwrite<char[]>(kTlsBatch)),
      received_(std::make_unique_for_overwrite<char[]>(kTlsReceiveMax)) {
    records_.reserve(kTlsBatch + kTlsBatch / 4);
}
TlsScratch::~TlsScratch() = default;

/// The library's end of the socket.
struct TlsStream::Bio {
    static TlsStream& of(BIO* bio) { return *static_cast<TlsStream*>(BIO_get_data(bio)); }

    static int read(BIO* bio, char* space, size_t size, size_t* got) {
        TlsStream& stream = of(bio);
        BIO_clear_retry_flags(bio);
        if (!stream.watch_.is_readable()) {
            BIO_set_retry_read(bio);
            return 0;
        }
        const IoResult result = net::receive_now(stream.socket_, space, size);
        if (result.count < size) {
            stream.watch_.read_drained();
        }
        *got = result.count;
        if (result.status == IoStatus::kAgain) {
            BIO_set_retry_read(bio);
        } else if (result.status == IoStatus::kEnd) {
            BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
        }
        return result.status == IoStatus::kDone ? 1 : 0;
    }
    static int write(BIO* bio, const char* bytes, size_t size, size_t* written) {
        BIO_clear_retry_flags(bio);
        of(bio).scratch_.records_.append(bytes, size);
        *written = size;
        return 1;
    }
    static long control(BIO* bio, int command, long /*number*/, void* /*pointer*/) {
        switch (command) {
            case BIO_CTRL_FLUSH:
                return 1;
            case BIO_CTRL_EOF:
                return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
            default:
                return 0;
        }
    }
    static int create(BIO* bio) {
        BIO_set_init(bio, 1);
        return 1;
    }
    /// One for the program, made on first use and never changed.
    static const BIO_METHOD* method() {
        static const BIO_METHOD* const method = [] {
            BIO_METHOD* const made =
                BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "shore");
            BIO_meth_set_read_ex(made, &read);
            BIO_meth_set_write_ex(made, &write);
            BIO_meth_set_ctrl(made, &control);
            BIO_meth_set_create(made, &create);
            return made;
        }();
        return method;
    }
};

TlsStream::TlsStream(std::shared_ptr<const TlsServer> server, async::Watch& watch, int socket,
                     TlsScratch& scratch)
    : server_(std::move(server)),
      watch_(watch),
      socket_(socket),
      scratch_(scratch),
      ssl_(SSL_new(server_->context_for({}))),
      secrets_(std::make_unique<TlsSecrets>()) {
    BIO* const bio = BIO_new(Bio::method());
    BIO_set_data(bio, this);
    SSL_set_bio(ssl_, bio, bio);
    SSL_set_accept_state(ssl_);
}

TlsStream::~TlsStream() {
    end_writing();
    SSL_free(ssl_);
    ERR_clear_error();
}

/// Sends what the call before it encrypted, behind what an earlier one left. False when the
/// connection is gone.
bool TlsStream::flush() {
    std::string& fresh = scratch_.records_;
    if (unsent_.empty() && fresh.empty()) {
        return true;
    }
    if (!unsent_.empty()) {
        unsent_ += fresh;
        fresh.clear();
    }
    std::string_view rest = unsent_.empty() ? fresh : unsent_;
    while (!rest.empty()) {
        const IoResult sent = net::send_now(socket_, rest);
        if (sent.status != IoStatus::kDone) {
            if (sent.status == IoStatus::kBroken) {
                failed_ = true;
            }
            watch_.write_full();
            break;
        }
        rest.remove_prefix(sent.count);
    }
    if (rest.empty() || failed_) {
        unsent_ = std::string();
    } else {
        unsent_ = std::string(rest);
        failed_ = unsent_.size() > kTlsUnsentMax;
    }
    fresh.clear();
    return !failed_;
}

TlsStream::Handshake TlsStream::handshake_now() {
    if (!unsent_.empty() && !flush()) {
        return Handshake::kFailed;
    }
    int result = 1;
    if (!established_) {
        result = SSL_do_handshake(ssl_);
    }
    const int error = result == 1 ? SSL_ERROR_NONE : SSL_get_error(ssl_, result);
    if (error != SSL_ERROR_NONE && error != SSL_ERROR_WANT_READ) {
        if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_HTTP_REQUEST) {
            scratch_.records_.assign(kPlainHttpAnswer);
        }
        ERR_clear_error();
        flush();  // The alert that says why.
        failed_ = true;
        return Handshake::kFailed;
    }
    if (error == SSL_ERROR_NONE && !std::exchange(established_, true)) {
        note_outcome();
        leave_library();
    }
    if (!flush()) {
        return Handshake::kFailed;
    }
    return !unsent_.empty() ? Handshake::kWantsWrite
           : established_   ? Handshake::kDone
                            : Handshake::kWantsRead;
}

/// The library tells them to whoever listens for them, and to nobody else.
void TlsStream::note_secret(const SSL* ssl, const char* line) {
    if (TlsSecrets* const secrets = Bio::of(SSL_get_wbio(ssl)).secrets_.get()) {
        secrets->take(line);
    }
}

void TlsStream::note_outcome() {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_, &name, &size);
    alpn_.assign(reinterpret_cast<const char*>(name), size);
    resumed_ = SSL_session_reused(ssl_) == 1;
    X509* const certificate = SSL_get0_peer_certificate(ssl_);
    if (certificate != nullptr && SSL_get_verify_result(ssl_) == X509_V_OK) {
        client_certificate_.resize(
            static_cast<size_t>(std::max(i2d_X509(certificate, nullptr), 0)));
        auto* at = reinterpret_cast<unsigned char*>(client_certificate_.data());
        i2d_X509(certificate, &at);
    }
}

/// Right behind the client's Finished, when the last things written are the session tickets: the
/// first records of the new keys, by which keys and count are proven. Nothing has been read with
/// them yet, since the handshake reads no further than its own records.
void TlsStream::leave_library() {
    if (SSL_version(ssl_) == TLS1_3_VERSION && SSL_has_pending(ssl_) == 0) {
        secrets_->suite = SSL_CIPHER_get_protocol_id(SSL_get_current_cipher(ssl_));
        records_ = TlsRecordLayer::take_over(*secrets_, scratch_.records_);
    }
    secrets_.reset();
    if (records_) {
        SSL_free(std::exchange(ssl_, nullptr));
        server_.reset();
        return;
    }
    // One receive takes what is there, whole records or not.
    SSL_set_read_ahead(ssl_, 1);
    pending_ = SSL_has_pending(ssl_) == 1;
}

IoResult TlsStream::receive_now(char* space, size_t size) {
    if (failed_) {
        return {.status = IoStatus::kBroken};
    }
    return records_ ? receive_records(space, size) : receive_from_library(space, size);
}

IoResult TlsStream::receive_records(char* space, size_t size) {
    char* const bytes = scratch_.received_.get();
    size_t have = records_->take_rest(bytes);
    IoResult got{.status = IoStatus::kAgain};
    if (!records_->has_more() && watch_.is_readable()) {
        // As much as there is room for, and a record at least.
        const size_t wanted = std::clamp(size + size / 8, kTlsRecordMax, kTlsReceiveMax) - have;
        got = net::receive_now(socket_, bytes + have, wanted);
        have += got.count;
        if (got.count < wanted) {
            watch_.read_drained();
        }
    }
    const size_t count = records_->open(bytes, have, space, size, scratch_.records_);
    if (!scratch_.records_.empty()) {
        flush();  // A key update, an alert.
    }
    const bool open = records_->state() == TlsRecordLayer::State::kOpen;
    pending_ = records_->has_more() || !open;
    if (count > 0) {
        return {.status = IoStatus::kDone, .count = count};
    }
    if (records_->state() == TlsRecordLayer::State::kBroken || got.status == IoStatus::kBroken) {
        failed_ = pending_ = true;
        return {.status = IoStatus::kBroken};
    }
    // Also without close_notify: who must know that a body is whole has its length.
    if (!open || got.status == IoStatus::kEnd) {
        pending_ = true;  // The end: it stays to be seen.
        return {.status = IoStatus::kEnd};
    }
    return {.status = IoStatus::kAgain};
}

IoResult TlsStream::receive_from_library(char* space, size_t size) {
    IoResult result{.status = IoStatus::kAgain};
    while (result.count < size) {
        size_t got = 0;
        const int status = SSL_read_ex(ssl_, space + result.count, size - result.count, &got);
        if (status == 1) {
            result.count += got;
            pending_ = SSL_has_pending(ssl_) == 1;
            if (!pending_) {
                break;
            }
            continue;
        }
        const int error = SSL_get_error(ssl_, status);
        pending_ = false;
        if (error == SSL_ERROR_ZERO_RETURN) {
            pending_ = true;  // The end: it stays to be seen.
            result.status = IoStatus::kEnd;
        } else if (error != SSL_ERROR_WANT_READ) {
            ERR_clear_error();
            failed_ = pending_ = true;
            result.status = IoStatus::kBroken;
        }
        break;
    }
    if (!scratch_.records_.empty()) {
        flush();  // An answer of the protocol itself: a key update, an alert.
    }
    if (result.count > 0) {
        result.status = IoStatus::kDone;
    }
    return result;
}

/// Both, in order, as records.
bool TlsStream::encrypt(std::string_view first, std::string_view second) {
    if (records_) {
        failed_ = !records_->seal(first, second, scratch_.records_);
        return !failed_;
    }
    const size_t size = first.size() + second.size();
    if (!second.empty() && size <= kTlsRecordPlain) {
        std::ranges::copy(first, scratch_.plain_.get());
        std::ranges::copy(second, scratch_.plain_.get() + first.size());
        first = {scratch_.plain_.get(), size};
        second = {};
    }
    for (const std::string_view piece : {first, second}) {
        size_t written = 0;
        if (!piece.empty() && SSL_write_ex(ssl_, piece.data(), piece.size(), &written) != 1) {
            ERR_clear_error();
            failed_ = true;
            return false;
        }
    }
    return true;
}

/// Of a send that took `taken` bytes.
IoResult TlsStream::outcome(size_t taken) {
    if (!flush()) {
        return {.status = IoStatus::kBroken};
    }
    return {.status = unsent_.empty() ? IoStatus::kDone : IoStatus::kAgain, .count = taken};
}

IoResult TlsStream::send_now(std::string_view first, std::string_view second) {
    if (failed_ || ended_writing_ || (!unsent_.empty() && !flush())) {
        return {.status = IoStatus::kBroken};
    }
    if (!unsent_.empty()) {
        return {.status = IoStatus::kAgain};
    }
    first = first.substr(0, kTlsBatch);
    second = second.substr(0, kTlsBatch - first.size());
    if (!encrypt(first, second)) {
        return {.status = IoStatus::kBroken};
    }
    return outcome(first.size() + second.size());
}

IoResult TlsStream::send_file_now(int file, uint64_t offset, size_t count) {
    if (failed_ || ended_writing_ || (!unsent_.empty() && !flush())) {
        return {.status = IoStatus::kBroken};
    }
    if (!unsent_.empty()) {
        return {.status = IoStatus::kAgain};
    }
    const auto got =
        os::read_at_blocking(file, offset, {scratch_.file_.get(), std::min(count, kTlsBatch)});
    if (!got || *got == 0) {
        return {.status = got ? IoStatus::kEnd : IoStatus::kBroken};
    }
    if (!encrypt({scratch_.file_.get(), *got}, {})) {
        return {.status = IoStatus::kBroken};
    }
    return outcome(*got);
}

void TlsStream::end_writing() {
    if (!established_ || failed_ || ended_writing_) {
        return;
    }
    ended_writing_ = true;
    if (records_) {
        records_->seal_end(scratch_.records_);
    } else {
        SSL_shutdown(ssl_);
        ERR_clear_error();
    }
    flush();
}

void TlsStream::release_buffers() {
    if (records_) {
        records_->rest();
    } else {
        SSL_free_buffers(ssl_);
    }
}

}  // namespace shore::net
