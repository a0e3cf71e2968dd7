// Small text operations that the standard library lacks. Pure; views returned point into the
// argument.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace shore::base {

std::vector<std::string_view> split(std::string_view text, char separator);
/// Text before and after the first separator, or nothing when it does not occur.
std::optional<std::pair<std::string_view, std::string_view>> split_once(std::string_view text,
                                                                        char separator);
std::string join(std::span<const std::string> parts, std::string_view separator);
std::string_view trim(std::string_view text);
std::string to_lower(std::string_view text);
bool equals_ignoring_case(std::string_view a, std::string_view b);
std::string replace_all(std::string text, std::string_view from, std::string_view to);

/// The candidate nearest to `word` when near enough to be a slip of the hand (at most a third of
/// its letters wrong).
std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates);
/// `, did you mean "x"?` or an empty string; for the end of an error message.
std::string did_you_mean(std::string_view word, std::span<const std::string> candidates);

/// Text safe to print on a terminal and in a log: control bytes and broken UTF-8 as \xNN, cut at
/// `limit` bytes with "…".
std::string printable(std::string_view text, size_t limit = 200);

/// Length in bytes of the well-formed UTF-8 sequence (RFC 3629) that `text` begins with; 0 when
/// there is none.
size_t utf8_sequence(std::string_view text);

/// Longest prefix of `text` of at most `limit` bytes that does not cut a UTF-8 sequence.
std::string_view utf8_prefix(std::string_view text, size_t limit);

/// `text` as one word for a POSIX shell.
std::string shell_quoted(std::string_view text);

}  // namespace shore::base
