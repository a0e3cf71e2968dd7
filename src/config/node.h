// Node: the own tree of a manifest. Every node and every key knows its place, so that an error
// after merging still points into the file that caused it. Scalars keep their text as written:
// `012`, `yes` and `22:22` survive.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shore::config {

/// Kinds after the YAML 1.2 core schema (section 10.3.2), except that a decimal with leading zeros
/// is a string.
enum class Kind : uint8_t { kNull, kBool, kInt, kFloat, kString, kList, kMap };

/// What a tag asks of merging (compose-spec, 13-merge).
enum class MergeTag : uint8_t { kNone, kReset, kOverride };

struct Place {
    std::shared_ptr<const std::string> file;  ///< Shared by the nodes of a file; may be null.
    uint32_t line = 0;
    uint32_t column = 0;
};

struct Entry;

struct Node {
    Kind kind = Kind::kNull;
    std::string text;            ///< Scalars: as written, after interpolation.
    std::vector<Node> items;     ///< kList.
    std::vector<Entry> entries;  ///< kMap, in the order of the file; keys are unique.
    Place place;
    MergeTag merge = MergeTag::kNone;

    static Node null(const Place& place);
    static Node boolean(bool value, const Place& place);
    static Node integer(int64_t value, const Place& place);
    static Node string(std::string text, const Place& place);
    static Node list(const Place& place);
    static Node map(const Place& place);

    bool is_scalar() const { return kind != Kind::kList && kind != Kind::kMap; }
    bool is_null() const { return kind == Kind::kNull; }
    bool is_list() const { return kind == Kind::kList; }
    bool is_map() const { return kind == Kind::kMap; }

    /// The value of `key` in a map, or nullptr. Linear: maps of manifests are short.
    const Node* find(std::string_view key) const;
    Node* find(std::string_view key);
    /// The node at "a.b.c" (keys without dots), or nullptr.
    const Node* at(std::string_view path) const;
    /// Puts `value` under `key`, replacing what is there; the key's place is the value's. Returns
    /// the stored value.
    Node& set(std::string_view key, Node value);
    /// Removes `key` if present.
    void erase(std::string_view key);
};

struct Entry {
    std::string key;
    Place place;
    Node value;
};

/// Same kind, text and children, whatever the places; maps in any order.
bool same(const Node& a, const Node& b);

/// The node and everything below it.
size_t count_nodes(const Node& node);

/// Sorts the entries of every map by key.
void sort_keys(Node& node);

/// Replaces the content of every secret of a document, and its digest, by "***".
void mask_secrets(Node& document);

/// Kind of a plain scalar by its text.
Kind plain_kind(std::string_view text);

/// "a map", "a list", "a number": for messages.
std::string_view describe(Kind kind);

/// Scalar readings, lenient about quotes as Compose is after interpolation. Nothing when the text
/// is not one.
std::optional<bool> as_bool(const Node& node);
std::optional<int64_t> as_int(const Node& node);
std::optional<double> as_number(const Node& node);

}  // namespace shore::config
