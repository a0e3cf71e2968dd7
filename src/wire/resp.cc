#include "wire/resp.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "wire/limits.h"

namespace shore::wire {

namespace {

/// A short line "<type><digits>\r\n" that is there as a whole. Null when it is not, or is longer
/// than lines usually are; the scanners read it byte by byte then, and say what is wrong with it.
const char* read_number(const char* at, const char* end, char type, uint32_t& value) {
    constexpr std::ptrdiff_t kLongest = 1 + 7 + 2;
    if (end - at < 4 || *at != type) {
        return nullptr;
    }
    const char* const last = end - at < kLongest ? end : at + kLongest;
    uint32_t number = 0;
    const char* const first = ++at;
    for (; at < last && *at >= '0' && *at <= '9'; ++at) {
        number = number * 10 + static_cast<uint32_t>(*at - '0');
    }
    if (at == first || last - at < 2 || at[0] != '\r' || at[1] != '\n') {
        return nullptr;
    }
    value = number;
    return at + 2;
}

}  // namespace

RespStatus RespNumber::feed(char byte) {
    if (ending_) {
        return byte == '\n' && digits_ > 0 ? RespStatus::kDone : RespStatus::kBad;
    }
    if (byte >= '0' && byte <= '9') {
        if (++digits_ > kRespDigitsMax) {
            return RespStatus::kBad;
        }
        value_ = value_ * 10 + (byte - '0');
        return RespStatus::kMore;
    }
    if (byte == '\r') {
        ending_ = true;
        return RespStatus::kMore;
    }
    if (byte == '-' && digits_ == 0 && !negative_) {
        negative_ = true;
        return RespStatus::kMore;
    }
    return RespStatus::kBad;
}

// -- Replies --------------------------------------------------------------------------------------

/// A length or a count has been read.
RespStatus ReplyScanner::on_number() {
    const int64_t count = number_.value();
    if (element_ == '$' || element_ == '=' || element_ == '!') {
        if (count > kRespBulkMax || count < -1) {
            return RespStatus::kBad;
        }
        if (count >= 0) {
            skip_ = static_cast<uint64_t>(count) + 2;
            state_ = State::kBulk;
            return RespStatus::kMore;
        }
        return element_done() ? RespStatus::kDone : RespStatus::kMore;
    }
    if (count > kRespCountMax || count < -1) {
        return RespStatus::kBad;
    }
    const uint64_t pairs = element_ == '%' || element_ == '|' ? 2 : 1;
    remaining_ += static_cast<uint64_t>(std::max<int64_t>(count, 0)) * pairs;
    if (element_ == '|') {
        // Attributes stand before what they belong to: they are no element.
        state_ = State::kType;
        return RespStatus::kMore;
    }
    return element_done() ? RespStatus::kDone : RespStatus::kMore;
}

/// The size of the bulk string at `data` when all of it is there, which is what most replies are;
/// 0: it is to be scanned byte by byte.
size_t ReplyScanner::take_whole(const char* data, size_t size) {
    uint32_t count = 0;
    const char* const begin = read_number(data, data + size, '$', count);
    if (begin == nullptr || static_cast<size_t>(data + size - begin) < size_t{count} + 2) {
        return 0;
    }
    type_ = element_ = '$';
    return static_cast<size_t>(begin - data) + count + 2;
}

RespStep ReplyScanner::feed(const char* data, size_t size) {
    if (remaining_ == 0 && state_ == State::kType) {
        if (const size_t whole = take_whole(data, size); whole > 0) {
            return {.status = RespStatus::kDone, .used = whole};
        }
    }
    return scan(data, size);
}

RespStep ReplyScanner::scan(const char* data, size_t size) {
    const char* at = data;
    const char* const end = data + size;
    const auto step = [&](RespStatus status) {
        return RespStep{.status = status, .used = static_cast<size_t>(at - data)};
    };
    if (remaining_ == 0 && at < end) {
        remaining_ = 1;
        type_ = 0;
    }
    while (at < end) {
        switch (state_) {
            case State::kType: {
                element_ = *at++;
                if (remaining_ == 1 && type_ == 0 && element_ != '|') {
                    type_ = element_;
                }
                constexpr std::string_view kNumbered = "$*%~>|=!";
                constexpr std::string_view kLines = "+-:,#_(";
                if (kNumbered.contains(element_)) {
                    number_.begin();
                    state_ = State::kNumber;
                } else if (kLines.contains(element_)) {
                    line_ = 0;
                    state_ = State::kLine;
                } else {
                    return step(RespStatus::kBad);
                }
                break;
            }
            case State::kNumber: {
                RespStatus status = number_.feed(*at++);
                if (status == RespStatus::kDone) {
                    status = on_number();
                    if (status == RespStatus::kDone) {
                        return step(status);
                    }
                }
                if (status == RespStatus::kBad) {
                    return step(status);
                }
                break;
            }
            case State::kLine: {
                const auto left = static_cast<size_t>(end - at);
                const auto* const found = static_cast<const char*>(std::memchr(at, '\n', left));
                const size_t part = found != nullptr ? static_cast<size_t>(found - at) + 1 : left;
                if (part > kRespLineMax - line_) {
                    return step(RespStatus::kBad);
                }
                line_ += static_cast<uint32_t>(part);
                at += part;
                if (found != nullptr && element_done()) {
                    return step(RespStatus::kDone);
                }
                break;
            }
            case State::kBulk: {
                const auto part = std::min(skip_, static_cast<uint64_t>(end - at));
                at += part;
                skip_ -= part;
                if (skip_ == 0 && element_done()) {
                    return step(RespStatus::kDone);
                }
                break;
            }
        }
    }
    return step(RespStatus::kMore);
}

// -- Requests -------------------------------------------------------------------------------------

void RequestScanner::take_name(const char* data, size_t size) {
    for (size_t i = 0; i < size; ++i) {
        if (name_size_ < kNameMax) {
            const char byte = data[i];
            name_[name_size_] =
                byte >= 'a' && byte <= 'z' ? static_cast<char>(byte - 'a' + 'A') : byte;
        }
        name_size_ = static_cast<uint8_t>(std::min<size_t>(size_t{name_size_} + 1, kNameMax + 1));
    }
}

void RequestScanner::end_name() {
    name_known_ = true;
    if (name_size_ > kNameMax) {
        name_size_ = 0;
    }
}

/// The size of an argument has been read; `at_` stands behind its line.
RespStatus RequestScanner::on_size() {
    const int64_t size = number_.value();
    if (size < 0 || size > kRespBulkMax) {
        return RespStatus::kBad;
    }
    skip_ = static_cast<uint64_t>(size) + 2;
    if (index_ == 0) {
        name_left_ = static_cast<uint64_t>(size);
    } else if (index_ <= kArgumentsKept && at_ + static_cast<uint64_t>(size) <= UINT32_MAX) {
        kept_[index_ - 1] = {.offset = static_cast<uint32_t>(at_),
                             .size = static_cast<uint32_t>(size)};
    }
    state_ = State::kBulk;
    return RespStatus::kMore;
}

/// Bytes of an inline command, its line end included at the last.
void RequestScanner::feed_inline(const char* data, size_t size) {
    for (size_t i = 0; i < size; ++i) {
        const char byte = data[i];
        if (byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n') {
            if (word_ && arguments_ == 1) {
                end_name();
            }
            word_ = false;
            continue;
        }
        if (!word_) {
            word_ = true;
            ++arguments_;
        }
        if (arguments_ == 1) {
            take_name(data + i, 1);
        }
    }
}

/// A command begins with `first`; true when that byte is used.
bool RequestScanner::begin(char first) {
    at_ = 0;
    arguments_ = index_ = 0;
    name_size_ = 0;
    name_known_ = word_ = false;
    kept_ = {};
    inline_ = first != '*';
    state_ = inline_ ? State::kInline : State::kCount;
    number_.begin();
    return !inline_;
}

/// kDone: an empty command.
RespStatus RequestScanner::on_count() {
    const int64_t count = number_.value();
    if (count > kRespCountMax) {
        return RespStatus::kBad;
    }
    arguments_ = static_cast<uint32_t>(std::max<int64_t>(count, 0));
    name_known_ = arguments_ == 0;
    state_ = arguments_ == 0 ? State::kStart : State::kDollar;
    return arguments_ == 0 ? RespStatus::kDone : RespStatus::kMore;
}

/// One byte of a command's head or of an argument's.
RespStatus RequestScanner::feed_head(char byte) {
    if (state_ == State::kDollar) {
        number_.begin();
        state_ = State::kSize;
        return byte == '$' ? RespStatus::kMore : RespStatus::kBad;
    }
    const RespStatus status = number_.feed(byte);
    if (status != RespStatus::kDone) {
        return status;
    }
    return state_ == State::kSize ? on_size() : on_count();
}

/// `size` bytes of an argument, at most what is left of it.
RespStatus RequestScanner::feed_bulk(const char* data, size_t size) {
    if (index_ == 0 && !name_known_) {
        const auto of_name = static_cast<size_t>(std::min<uint64_t>(size, name_left_));
        take_name(data, of_name);
        name_left_ -= of_name;
        if (name_left_ == 0) {
            end_name();
        }
    }
    skip_ -= size;
    if (skip_ > 0) {
        return RespStatus::kMore;
    }
    state_ = ++index_ == arguments_ ? State::kStart : State::kDollar;
    return state_ == State::kStart ? RespStatus::kDone : RespStatus::kMore;
}

/// The size of the command at `data` when all of it is there, which is what most are; 0: it is to
/// be scanned byte by byte.
size_t RequestScanner::take_whole(const char* data, size_t size) {
    const char* const end = data + size;
    uint32_t count = 0;
    const char* at = read_number(data, end, '*', count);
    if (at == nullptr || count == 0) {
        return 0;
    }
    const char* name = nullptr;
    size_t name_size = 0;
    std::array<Argument, kArgumentsKept> kept{};
    for (uint32_t i = 0; i < count; ++i) {
        uint32_t bytes = 0;
        at = read_number(at, end, '$', bytes);
        if (at == nullptr || static_cast<size_t>(end - at) < size_t{bytes} + 2) {
            return 0;
        }
        if (i == 0) {
            name = at;
            name_size = bytes;
        } else if (i <= kArgumentsKept) {
            kept[i - 1] = {.offset = static_cast<uint32_t>(at - data), .size = bytes};
        }
        at += bytes + 2;
    }
    begin('*');
    take_name(name, name_size);
    end_name();
    arguments_ = index_ = count;
    kept_ = kept;
    state_ = State::kStart;
    at_ = static_cast<uint64_t>(at - data);
    return static_cast<size_t>(at - data);
}

RespStep RequestScanner::feed(const char* data, size_t size) {
    if (state_ == State::kStart) {
        if (const size_t whole = take_whole(data, size); whole > 0) {
            return {.status = RespStatus::kDone, .used = whole};
        }
    }
    size_t used = 0;
    RespStatus status = RespStatus::kMore;
    while (used < size && status == RespStatus::kMore) {
        const char* const at = data + used;
        size_t part = 1;
        if (state_ == State::kBulk) {
            part = static_cast<size_t>(std::min<uint64_t>(skip_, size - used));
            status = feed_bulk(at, part);
        } else if (state_ == State::kInline) {
            const auto* const end = static_cast<const char*>(std::memchr(at, '\n', size - used));
            part = end != nullptr ? static_cast<size_t>(end - at) + 1 : size - used;
            if (part > kRespInlineMax - at_) {
                status = RespStatus::kBad;
                break;
            }
            feed_inline(at, part);
            if (end != nullptr) {
                name_known_ = true;
                state_ = State::kStart;
                status = RespStatus::kDone;
            }
        } else if (state_ == State::kStart) {
            part = begin(*at) ? 1 : 0;
        } else {
            ++at_;  // on_size() wants to stand behind the line.
            status = feed_head(*at);
            --at_;
        }
        used += part;
        at_ += part;
    }
    return {.status = status, .used = used};
}

std::vector<std::string_view> resp_parts(std::string_view command) {
    std::vector<std::string_view> parts;
    const auto number = [&command](char type, int64_t& value) {
        if (!command.starts_with(type)) {
            return false;
        }
        const size_t end = command.find("\r\n");
        if (end == std::string_view::npos) {
            return false;
        }
        const auto [at, error] = std::from_chars(command.data() + 1, command.data() + end, value);
        const bool whole = error == std::errc() && at == command.data() + end;
        command.remove_prefix(end + 2);
        return whole;
    };
    if (!command.starts_with('*')) {
        constexpr std::string_view kBlanks = " \t\r\n";
        while (true) {
            const size_t begin = command.find_first_not_of(kBlanks);
            if (begin == std::string_view::npos) {
                return parts;
            }
            command.remove_prefix(begin);
            const size_t size = std::min(command.find_first_of(kBlanks), command.size());
            parts.push_back(command.substr(0, size));
            command.remove_prefix(size);
        }
    }
    int64_t count = 0;
    if (!number('*', count)) {
        return {};
    }
    for (int64_t i = 0; i < count; ++i) {
        int64_t size = 0;
        if (!number('$', size) || size < 0 || command.size() < static_cast<uint64_t>(size) + 2) {
            return {};
        }
        parts.push_back(command.substr(0, static_cast<size_t>(size)));
        command.remove_prefix(static_cast<size_t>(size) + 2);
    }
    return parts;
}

bool is_canonical_command(std::string_view command) {
    const char* at = command.data();
    const char* const end = at + command.size();
    const auto has_plain_number = [&at] { return at[1] != '0' || at[2] == '\r'; };
    uint32_t count = 0;
    const char* next = read_number(at, end, '*', count);
    if (next == nullptr || count == 0 || !has_plain_number()) {
        return false;
    }
    for (uint32_t i = 0; i < count; ++i) {
        at = next;
        uint32_t size = 0;
        next = read_number(at, end, '$', size);
        if (next == nullptr || !has_plain_number() ||
            static_cast<size_t>(end - next) < size_t{size} + 2) {
            return false;
        }
        next += size;
        if (next[0] != '\r' || next[1] != '\n') {
            return false;
        }
        next += 2;
    }
    return next == end;
}

void append_command(std::string& out, const std::vector<std::string_view>& parts) {
    fmt::format_to(std::back_inserter(out), "*{}\r\n", parts.size());
    for (const std::string_view part : parts) {
        fmt::format_to(std::back_inserter(out), "${}\r\n{}\r\n", part.size(), part);
    }
}

// -- Values ---------------------------------------------------------------------------------------

namespace {

const RespValue kNothing;

class ValueParser final {
 public:
    explicit ValueParser(std::string_view rest) : rest_(rest) {}

    Result<RespValue> parse(size_t depth) {
        if (depth > kRespDepthMax || ++items_ > kRespItemsMax) {
            return fail(ErrorCode::kCorrupt, "a reply is nested too deep or has too many elements");
        }
        const size_t end = rest_.find("\r\n");
        if (rest_.empty() || end == std::string_view::npos) {
            return broken();
        }
        const char type = rest_.front();
        const std::string_view line = rest_.substr(1, end - 1);
        rest_.remove_prefix(end + 2);
        RespValue value;
        switch (type) {
            case '+':
            case ',':
            case '#':
            case '(':
                value.kind = RespValue::Kind::kText;
                value.text = line;
                return value;
            case '-':
                value.kind = RespValue::Kind::kError;
                value.text = line;
                return value;
            case '_':
                return value;
            default:
                break;
        }
        int64_t number = 0;
        const auto [at, error] = std::from_chars(line.data(), line.data() + line.size(), number);
        if (error != std::errc() || at != line.data() + line.size()) {
            return broken();
        }
        if (type == ':') {
            value.kind = RespValue::Kind::kInteger;
            value.integer = number;
            return value;
        }
        if (number < 0) {
            return value;
        }
        if (type == '$' || type == '=' || type == '!') {
            return bulk(type, static_cast<uint64_t>(number));
        }
        return list(type, static_cast<uint64_t>(number), depth);
    }
    bool done() const { return rest_.empty(); }

 private:
    static std::unexpected<Error> broken() {
        return fail(ErrorCode::kCorrupt, "what the server answered is no RESP");
    }

    Result<RespValue> bulk(char type, uint64_t size) {
        if (rest_.size() < 2 || size > rest_.size() - 2) {
            return broken();
        }
        RespValue value;
        value.kind = type == '!' ? RespValue::Kind::kError : RespValue::Kind::kText;
        value.text = rest_.substr(0, size);
        rest_.remove_prefix(size + 2);
        if (type == '=' && value.text.size() >= 4) {
            value.text.erase(0, 4);  // "txt:" of a verbatim string.
        }
        return value;
    }

    Result<RespValue> list(char type, uint64_t count, size_t depth) {
        if (type == '%' || type == '|') {
            count *= 2;
        } else if (type != '*' && type != '~' && type != '>') {
            return broken();
        }
        RespValue value;
        value.kind = type == '>' ? RespValue::Kind::kPush : RespValue::Kind::kList;
        for (uint64_t i = 0; i < count; ++i) {
            SHORE_TRY(RespValue item, parse(depth + 1));
            value.items.push_back(std::move(item));
        }
        if (type == '|') {
            return parse(depth + 1);
        }
        return value;
    }

    std::string_view rest_;
    size_t items_ = 0;
};

}  // namespace

const RespValue& RespValue::at(size_t index) const {
    return index < items.size() ? items[index] : kNothing;
}

const RespValue& RespValue::find(std::string_view key) const {
    for (size_t i = 0; i + 1 < items.size(); i += 2) {
        if (items[i].text == key) {
            return items[i + 1];
        }
    }
    return kNothing;
}

Result<RespValue> parse_reply(std::string_view frame) {
    ValueParser parser(frame);
    SHORE_TRY(RespValue value, parser.parse(0));
    if (!parser.done()) {
        return fail(ErrorCode::kCorrupt, "bytes follow the reply");
    }
    return value;
}

}  // namespace shore::wire
