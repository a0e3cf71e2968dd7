// RESP, the protocol of Redis, versions 2 and 3 (https://redis.io/docs/reference/protocol-spec):
// where commands and replies begin and end. For who passes the bytes on: nothing is copied, nothing
// is allocated, and a frame of any size is scanned in the pieces in which it arrives.
//
// Depth needs no limit: a scanner counts the elements that are still to come and keeps no stack.
// What is scanned loosely, as the server itself does: the two bytes behind a bulk string are not
// looked at. Streamed strings and aggregates ("$?", "*?") are refused: no server sends them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace shore::wire {

enum class RespStatus : uint8_t {
    kMore,  ///< All bytes belong to the frame, which goes on.
    kDone,  ///< The frame has ended behind the bytes used.
    kBad,   ///< No RESP, or more than a limit allows: nothing that follows can be understood.
};

struct RespStep {
    RespStatus status = RespStatus::kMore;
    size_t used = 0;
};

/// One line "<type><number>\r\n" as it arrives. Of both scanners.
class RespNumber final {
 public:
    void begin() { *this = {}; }
    /// kDone: value() is the number. kBad: no number, "?" or beyond 18 digits.
    RespStatus feed(char byte);
    int64_t value() const { return negative_ ? -value_ : value_; }

 private:
    int64_t value_ = 0;
    uint8_t digits_ = 0;
    bool negative_ = false;
    bool ending_ = false;
};

/// What a server sends: replies and pushes.
class ReplyScanner final {
 public:
    /// Scans on, from data[0] to at most data[size). kDone leaves it at a boundary.
    RespStep feed(const char* data, size_t size);
    /// No frame has been begun.
    bool at_boundary() const { return remaining_ == 0; }
    /// '+', '-', ':', '$', '*', '>' and so on: of the frame that is or was scanned last, attributes
    /// left out. 0 while it is not known.
    char type() const { return type_; }

 private:
    enum class State : uint8_t { kType, kNumber, kLine, kBulk };
    size_t take_whole(const char* data, size_t size);
    RespStep scan(const char* data, size_t size);
    RespStatus on_number();
    bool element_done() {
        state_ = State::kType;
        return --remaining_ == 0;
    }

    uint64_t remaining_ = 0;  // Elements still to come.
    uint64_t skip_ = 0;       // Of a bulk string, with its line end.
    uint32_t line_ = 0;       // Bytes of a simple line so far.
    State state_ = State::kType;
    char type_ = 0;
    char element_ = 0;
    RespNumber number_;
};

/// What a client sends: commands, as arrays of bulk strings or inline.
class RequestScanner final {
 public:
    struct Argument {
        uint32_t offset = 0;  ///< From the command's first byte.
        uint32_t size = 0;
    };
    static constexpr size_t kNameMax = 24;
    static constexpr size_t kArgumentsKept = 3;

    /// Scans on, as ReplyScanner::feed.
    RespStep feed(const char* data, size_t size);
    bool at_boundary() const { return state_ == State::kStart; }

    /// The command's name in upper case, once its bytes have been fed; empty for one that is longer
    /// than any command, and for an empty command, to which there is no answer.
    std::string_view name() const { return {name_.data(), name_known_ ? name_size_ : 0U}; }
    bool name_known() const { return name_known_; }
    /// Parts of it, the name included; 0: an empty command.
    uint32_t arguments() const { return arguments_; }
    /// Where the first ones behind the name stand; not of inline commands. Those beyond 4 GiB or
    /// behind the kept ones are left out (size 0).
    const std::array<Argument, kArgumentsKept>& kept() const { return kept_; }
    bool is_inline() const { return inline_; }

 private:
    enum class State : uint8_t { kStart, kCount, kDollar, kSize, kBulk, kInline };
    size_t take_whole(const char* data, size_t size);
    bool begin(char first);
    RespStatus feed_head(char byte);
    RespStatus feed_bulk(const char* data, size_t size);
    RespStatus on_count();
    RespStatus on_size();
    void take_name(const char* data, size_t size);
    void end_name();
    void feed_inline(const char* data, size_t size);

    uint64_t at_ = 0;    // Bytes of this command so far.
    uint64_t skip_ = 0;  // Of a bulk string, with its line end.
    uint64_t name_left_ = 0;
    uint32_t arguments_ = 0;
    uint32_t index_ = 0;  // Of the argument that comes or is being scanned.
    State state_ = State::kStart;
    bool inline_ = false;
    bool name_known_ = false;
    bool word_ = false;
    uint8_t name_size_ = 0;
    RespNumber number_;
    std::array<char, kNameMax> name_{};
    std::array<Argument, kArgumentsKept> kept_{};
};

/// A whole command's parts; views of `command`. Inline: split at blanks, quotes are not understood.
/// For the rare commands of which more than the name matters. Nothing when it is not whole.
std::vector<std::string_view> resp_parts(std::string_view command);

/// Whether every server reads `command`, a whole one by a RequestScanner, as that one command:
/// lengths without signs and leading zeros, and line ends where they belong. Asked before commands
/// of different clients go over one connection.
bool is_canonical_command(std::string_view command);

/// A command as an array of bulk strings, appended to `out`.
void append_command(std::string& out, const std::vector<std::string_view>& parts);

/// A reply as a value: for the small client of the control side. Maps are lists of pairs in turn;
/// attributes are left out.
struct RespValue {
    enum class Kind : uint8_t { kNull, kText, kError, kInteger, kList, kPush };
    Kind kind = Kind::kNull;
    std::string text;  ///< Also of numbers that are no integers, and of truth ("t", "f").
    int64_t integer = 0;
    std::vector<RespValue> items;

    bool is_error() const { return kind == Kind::kError; }
    /// The item, or a null value.
    const RespValue& at(size_t index) const;
    /// Of a list of pairs: the value behind that key, or a null value.
    const RespValue& find(std::string_view key) const;
};

/// The value in one whole frame, as a ReplyScanner found it. kCorrupt when it is none, nests deeper
/// than kRespDepthMax or has more than kRespItemsMax elements.
Result<RespValue> parse_reply(std::string_view frame);

}  // namespace shore::wire
