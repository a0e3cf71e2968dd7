#include "net/tls_record_layer.h"

#include <algorithm>
#include <array>
#include <optional>

#include <openssl/crypto.h>

#include "net/limits.h"
#include "wire/ascii.h"

namespace shore::net {

namespace {

/// RFC 8446 sections 4 and 4.6.3: type 24, three bytes of length, one of content.
constexpr std::string_view kKeyUpdate = {"\x18\0\0\1\0", 5};
constexpr std::string_view kKeyUpdateRequested = {"\x18\0\0\1\1", 5};

/// The whole record, header included, that the bytes begin with; nothing: it has not arrived.
std::optional<size_t> record_size(std::string_view bytes) {
    if (bytes.size() < kTlsHeaderBytes) {
        return std::nullopt;
    }
    return kTlsHeaderBytes + static_cast<uint8_t>(bytes[3]) * size_t{256} +
           static_cast<uint8_t>(bytes[4]);
}

std::optional<std::string> from_hex(std::string_view text) {
    std::string bytes;
    if (text.size() % 2 != 0 || !wire::all(wire::kHexDigit, text)) {
        return std::nullopt;
    }
    for (size_t i = 0; i < text.size(); i += 2) {
        bytes += static_cast<char>(wire::hex_value(text[i]) * 16 + wire::hex_value(text[i + 1]));
    }
    return bytes;
}

void wipe(std::string& secret) {
    OPENSSL_cleanse(secret.data(), secret.size());
}

}  // namespace

TlsSecrets::~TlsSecrets() {
    wipe(client);
    wipe(server);
}

void TlsSecrets::take(std::string_view line) {
    const std::string_view label = line.substr(0, line.find(' '));
    std::string* const wanted = label == "CLIENT_TRAFFIC_SECRET_0"   ? &client
                                : label == "SERVER_TRAFFIC_SECRET_0" ? &server
                                                                     : nullptr;
    if (wanted != nullptr) {
        *wanted = from_hex(line.substr(line.rfind(' ') + 1)).value_or("");
    }
}

TlsRecordLayer::TlsRecordLayer(const TlsSecrets& secrets, const TlsSuite& suite, uint64_t written)
    : read_(suite, TlsTraffic::Use::kOpen, secrets.client, 0),
      write_(suite, TlsTraffic::Use::kSeal, secrets.server, written) {
}

std::unique_ptr<TlsRecordLayer> TlsRecordLayer::take_over(const TlsSecrets& secrets,
                                                          std::string_view tickets) {
    const TlsSuite* const suite = TlsSuite::find(secrets.suite);
    if (suite == nullptr || secrets.client.size() != suite->secret_bytes ||
        secrets.server.size() != suite->secret_bytes) {
        return nullptr;
    }
    TlsTraffic written(*suite, TlsTraffic::Use::kOpen, secrets.server, 0);
    while (!tickets.empty()) {
        const auto size = record_size(tickets);
        if (!size || *size > tickets.size()) {
            return nullptr;
        }
        std::string record(tickets.substr(0, *size));
        const auto opened = written.open(record.data(), record.size());
        if (!opened || opened->content != TlsContent::kHandshake) {
            return nullptr;
        }
        tickets.remove_prefix(*size);
    }
    if (written.sequence() == 0) {
        return nullptr;
    }
    return std::unique_ptr<TlsRecordLayer>(new TlsRecordLayer(secrets, *suite, written.sequence()));
}

bool TlsRecordLayer::seal_record(TlsContent content, std::string_view first,
                                 std::string_view second, std::string& out) {
    if (write_.sequence() >= kTlsKeyRecordsMax) {
        if (!write_.seal(TlsContent::kHandshake, kKeyUpdate, {}, out)) {
            return false;
        }
        write_.update();
    }
    return write_.seal(content, first, second, out);
}

bool TlsRecordLayer::seal(std::string_view first, std::string_view second, std::string& out) {
    while (!first.empty() || !second.empty()) {
        const std::string_view head = first.substr(0, kTlsRecordPlain);
        const std::string_view tail = second.substr(0, kTlsRecordPlain - head.size());
        if (!seal_record(TlsContent::kData, head, tail, out)) {
            return false;
        }
        first.remove_prefix(head.size());
        second.remove_prefix(tail.size());
    }
    return true;
}

bool TlsRecordLayer::seal_end(std::string& out) {
    constexpr std::array<char, 2> kWarning = {1, static_cast<char>(Alert::kCloseNotify)};
    return seal_record(TlsContent::kAlert, {kWarning.data(), kWarning.size()}, {}, out);
}

void TlsRecordLayer::fail(Alert why, std::string& answer) {
    const std::array<char, 2> fatal = {2, static_cast<char>(why)};
    seal_record(TlsContent::kAlert, {fatal.data(), fatal.size()}, {}, answer);
    state_ = State::kBroken;
}

void TlsRecordLayer::on_alert(std::string_view alert, std::string& answer) {
    if (alert.size() != 2) {
        fail(Alert::kDecodeError, answer);
    } else {
        // Whatever its level says, anything else is the end of the connection (section 6.2).
        state_ =
            alert[1] == static_cast<char>(Alert::kCloseNotify) ? State::kEnded : State::kBroken;
    }
}

/// Of a client only key updates come behind the handshake, and each ends its record (section 5.1).
void TlsRecordLayer::on_handshake(std::string_view message, std::string& answer) {
    if (message != kKeyUpdate && message != kKeyUpdateRequested) {
        fail(Alert::kUnexpectedMessage, answer);
        return;
    }
    const bool requested = message == kKeyUpdateRequested;
    read_.update();
    if (requested && !std::exchange(updated_, true)) {
        if (!write_.seal(TlsContent::kHandshake, kKeyUpdate, {}, answer)) {
            state_ = State::kBroken;
            return;
        }
        write_.update();
    }
}

size_t TlsRecordLayer::take_rest(char* out) {
    const size_t size = encrypted_.copy(out, encrypted_.size());
    encrypted_.clear();
    return size;
}

size_t TlsRecordLayer::open(char* bytes, size_t size, char* space, size_t room,
                            std::string& answer) {
    size_t count = plain_.copy(space, room);
    plain_.erase(0, count);
    updated_ = false;
    while (state_ == State::kOpen && plain_.empty()) {
        const auto record = record_size({bytes, size});
        if (record && *record > kTlsRecordMax) {
            fail(Alert::kRecordOverflow, answer);
        }
        if (!record || *record > size || state_ != State::kOpen) {
            break;
        }
        if (count > 0 && count + *record > room + kTlsHeaderBytes + kTlsTrailerBytes) {
            more_ = true;  // It waits for the next call.
            encrypted_.assign(bytes, size);
            return count;
        }
        const auto opened = bytes[0] == static_cast<char>(TlsContent::kData)
                                ? read_.open(bytes, *record)
                                : std::nullopt;
        bytes += *record;
        size -= *record;
        if (!opened) {
            fail(Alert::kBadRecord, answer);
        } else if (opened->content == TlsContent::kData) {
            const size_t taken = opened->plain.copy(space + count, room - count);
            count += taken;
            plain_ = opened->plain.substr(taken);
        } else if (opened->content == TlsContent::kAlert) {
            on_alert(opened->plain, answer);
        } else if (opened->content == TlsContent::kHandshake) {
            on_handshake(opened->plain, answer);
        } else {
            fail(Alert::kUnexpectedMessage, answer);
        }
    }
    more_ = !plain_.empty();
    encrypted_.assign(bytes, size);
    return count;
}

void TlsRecordLayer::rest() {
    read_.rest();
    write_.rest();
    encrypted_.shrink_to_fit();
    plain_.shrink_to_fit();
}

}  // namespace shore::net
