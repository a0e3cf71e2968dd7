#include "wire/proxy_protocol.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include <arpa/inet.h>

#include "wire/ascii.h"
#include "wire/limits.h"

namespace shore::wire {

namespace {

constexpr std::string_view kFirst = "PROXY ";
constexpr std::string_view kSignature = {"\r\n\r\n\0\r\nQUIT\n", 12};
constexpr size_t kFixed = 16;  // Of version 2: signature, command, family, length.
constexpr size_t kFour = 12;
constexpr size_t kSix = 36;
constexpr size_t kUnix = 216;
constexpr std::array<uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool is_four(const ProxyEnd& end) {
    return std::ranges::equal(kMapped, std::span(end.address).first(kMapped.size()));
}

/// Like inet_pton, of a view.
bool read_address(std::string_view text, bool four, ProxyEnd& end) {
    std::array<char, INET6_ADDRSTRLEN> copy{};
    if (text.size() >= copy.size()) {
        return false;
    }
    text.copy(copy.data(), text.size());
    if (!four) {
        return inet_pton(AF_INET6, copy.data(), end.address.data()) == 1;
    }
    std::ranges::copy(kMapped, end.address.begin());
    return inet_pton(AF_INET, copy.data(), end.address.data() + kMapped.size()) == 1;
}

/// A number of at most 65535 without leading zeros.
bool read_port(std::string_view text, uint16_t& port) {
    if (text.empty() || text.size() > 5 || !all(kDigit, text) ||
        (text.size() > 1 && text.front() == '0')) {
        return false;
    }
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    return error == std::errc() && end == text.data() + text.size();
}

/// The text up to the next space, which goes away with it.
std::string_view take_word(std::string_view& line) {
    const size_t space = std::min(line.find(' '), line.size());
    const std::string_view word = line.substr(0, space);
    line.remove_prefix(std::min(space + 1, line.size()));
    return word;
}

ParseStatus read_line(std::string_view text, ProxyHeader& header) {
    const size_t feed = text.find('\n');
    if (feed == std::string_view::npos) {
        return text.size() >= kProxyHeaderWrittenMax ? ParseStatus::kBad : ParseStatus::kMore;
    }
    if (text[feed - 1] != '\r') {
        return ParseStatus::kBad;
    }
    const size_t end = feed - 1;
    header.size = feed + 1;
    if (header.size > kProxyHeaderWrittenMax) {
        return ParseStatus::kBad;
    }
    std::string_view line = text.substr(kFirst.size(), end - kFirst.size());
    if (line == "UNKNOWN" || line.starts_with("UNKNOWN ")) {
        header.local = true;
        return ParseStatus::kDone;
    }
    const size_t spaces = static_cast<size_t>(std::ranges::count(line, ' '));
    const std::string_view family = take_word(line);
    const bool four = family == "TCP4";
    const bool good = spaces == 4 && (four || family == "TCP6") &&
                      read_address(take_word(line), four, header.source) &&
                      read_address(take_word(line), four, header.destination) &&
                      read_port(take_word(line), header.source.port) &&
                      read_port(line, header.destination.port);
    return good ? ParseStatus::kDone : ParseStatus::kBad;
}

uint16_t number_at(std::string_view bytes, size_t at) {
    return static_cast<uint16_t>(static_cast<uint8_t>(bytes[at]) << 8U |
                                 static_cast<uint8_t>(bytes[at + 1]));
}

/// Type, length, value, to the last byte (section 2.2.2).
bool are_tlvs(std::string_view bytes) {
    while (!bytes.empty()) {
        if (bytes.size() < 3 || bytes.size() - 3 < number_at(bytes, 1)) {
            return false;
        }
        bytes.remove_prefix(size_t{3} + number_at(bytes, 1));
    }
    return true;
}

void read_ends(std::string_view body, size_t width, ProxyHeader& header) {
    for (ProxyEnd* const end : {&header.source, &header.destination}) {
        const size_t at = end == &header.source ? 0 : width;
        if (width == 4) {
            std::ranges::copy(kMapped, end->address.begin());
        }
        std::memcpy(end->address.data() + end->address.size() - width, body.data() + at, width);
        end->port = number_at(body, 2 * width + (end == &header.source ? 0 : 2));
    }
}

ParseStatus read_binary(std::string_view bytes, ProxyHeader& header) {
    if (bytes.size() < kFixed) {
        return ParseStatus::kMore;
    }
    const auto command = static_cast<uint8_t>(bytes[12]);
    const auto family = static_cast<uint8_t>(bytes[13]);
    const size_t length = number_at(bytes, 14);
    header.size = kFixed + length;
    const bool known = command == 0x20 || command == 0x21;
    if (!known || header.size > kProxyHeaderBytesMax) {
        return ParseStatus::kBad;
    }
    if (bytes.size() < header.size) {
        return ParseStatus::kMore;
    }
    const std::string_view body = bytes.substr(kFixed, length);
    if (command == 0x20) {
        header.local = true;  // Whatever it says of addresses does not count (section 2.2).
        return ParseStatus::kDone;
    }
    size_t taken = 0;
    switch (family) {
        case 0x00:
            header.local = true;
            break;
        case 0x11:
            taken = kFour;
            break;
        case 0x21:
            taken = kSix;
            break;
        case 0x31:
            taken = kUnix;
            header.local = true;
            break;
        default:  // Datagrams, or what nobody has defined.
            return ParseStatus::kBad;
    }
    if (length < taken || (family != 0x00 && !are_tlvs(body.substr(taken)))) {
        return ParseStatus::kBad;
    }
    if (!header.local) {
        read_ends(body, taken == kFour ? 4 : 16, header);
    }
    return ParseStatus::kDone;
}

char* put(char* out, std::string_view text) {
    std::memcpy(out, text.data(), text.size());
    return out + text.size();
}

char* put_address(char* out, const ProxyEnd& end, bool four) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    inet_ntop(four ? AF_INET : AF_INET6, end.address.data() + (four ? kMapped.size() : 0),
              text.data(), text.size());
    out = put(out, text.data());
    return put(out, " ");
}

size_t write_line(const ProxyEnd& source, const ProxyEnd& destination, bool four, char* out) {
    char* at = put(out, four ? "PROXY TCP4 " : "PROXY TCP6 ");
    at = put_address(at, source, four);
    at = put_address(at, destination, four);
    at = std::to_chars(at, at + 5, source.port).ptr;
    at = put(at, " ");
    at = std::to_chars(at, at + 5, destination.port).ptr;
    at = put(at, "\r\n");
    return static_cast<size_t>(at - out);
}

size_t write_binary(const ProxyEnd& source, const ProxyEnd& destination, bool four, char* out) {
    const size_t width = four ? 4 : 16;
    char* at = put(out, kSignature);
    *at++ = '\x21';
    *at++ = four ? '\x11' : '\x21';
    *at++ = 0;
    *at++ = static_cast<char>(four ? kFour : kSix);
    for (const ProxyEnd* const end : {&source, &destination}) {
        std::memcpy(at, end->address.data() + end->address.size() - width, width);
        at += width;
    }
    for (const ProxyEnd* const end : {&source, &destination}) {
        *at++ = static_cast<char>(end->port >> 8U);
        *at++ = static_cast<char>(end->port & 0xffU);
    }
    return static_cast<size_t>(at - out);
}

}  // namespace

ParseStatus parse_proxy_header(const char* data, size_t size, ProxyHeader& header) {
    header = {};
    const std::string_view bytes(data, size);
    const auto begins = [&](std::string_view with) {
        return bytes.substr(0, with.size()) == with.substr(0, bytes.size());
    };
    if (begins(kFirst)) {
        return size < kFirst.size() ? ParseStatus::kMore : read_line(bytes, header);
    }
    return begins(kSignature) ? read_binary(bytes, header) : ParseStatus::kBad;
}

size_t write_proxy_header(ProxyVersion version, const ProxyEnd& source, const ProxyEnd& destination,
                          char* out) {
    const bool four = is_four(source) && is_four(destination);
    return version == ProxyVersion::k1 ? write_line(source, destination, four, out)
                                       : write_binary(source, destination, four, out);
}

}  // namespace shore::wire
