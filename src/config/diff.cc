#include "config/diff.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "base/strings.h"
#include "config/node.h"
#include "config/yaml_reader.h"
#include "config/yaml_writer.h"

namespace shore::config {

namespace {

/// One side's value of a change is cut at this length: it is for people.
constexpr size_t kShownBytesMax = 200;

Result<Node> read_stored(std::string_view manifest) {
    Report report;
    std::optional<Node> tree = read_yaml(manifest, "manifest", report, kNormalisedLimits);
    if (!tree) {
        return fail(to_error(report.problems()));
    }
    sort_keys(*tree);
    return std::move(*tree);
}

std::string shown(const Node& node, bool secret) {
    return secret ? "***" : base::printable(write_flow(node), kShownBytesMax);
}

class Comparison final {
 public:
    std::vector<Change> take() { return std::move(changes_); }

    /// Both maps are sorted, so one pass over both finds what came, went and changed.
    void compare_maps(const Node& before, const Node& after, const std::string& path) {
        auto left = before.entries.begin();
        auto right = after.entries.begin();
        while (left != before.entries.end() || right != after.entries.end()) {
            const bool only_left = right == after.entries.end() ||
                                   (left != before.entries.end() && left->key < right->key);
            const bool only_right = left == before.entries.end() ||
                                    (right != after.entries.end() && right->key < left->key);
            const std::string& key = only_right ? right->key : left->key;
            const std::string below = path.empty() ? key : fmt::format("{}.{}", path, key);
            const bool secret =
                below.starts_with("secrets.") && (key == "content" || key == "x-digest");
            if (only_left) {
                changes_.push_back(
                    {below, ChangeKind::kRemoved, shown(left->value, is_secret(below)), ""});
                ++left;
            } else if (only_right) {
                changes_.push_back(
                    {below, ChangeKind::kAdded, "", shown(right->value, is_secret(below))});
                ++right;
            } else {
                compare(left->value, right->value, below, secret);
                ++left;
                ++right;
            }
        }
    }

 private:
    /// A secret as a whole, or its content.
    static bool is_secret(const std::string& path) {
        return path == "secrets" || path.starts_with("secrets.");
    }

    void compare(const Node& before, const Node& after, const std::string& path, bool secret) {
        if (before.is_map() && after.is_map()) {
            compare_maps(before, after, path);
        } else if (!same(before, after)) {
            changes_.push_back(
                {path, ChangeKind::kChanged, shown(before, secret), shown(after, secret)});
        }
    }

    std::vector<Change> changes_;
};

}  // namespace

Result<std::vector<Change>> diff(std::string_view before, std::string_view after) {
    SHORE_TRY(const Node left, read_stored(before));
    SHORE_TRY(const Node right, read_stored(after));
    Comparison comparison;
    comparison.compare_maps(left, right, "");
    return comparison.take();
}

std::string to_text(const Change& change) {
    switch (change.kind) {
        case ChangeKind::kAdded:
            return fmt::format("+ {}: {}", change.path, change.after);
        case ChangeKind::kRemoved:
            return fmt::format("- {}: {}", change.path, change.before);
        case ChangeKind::kChanged:
            break;
    }
    return fmt::format("~ {}: {} -> {}", change.path, change.before, change.after);
}

}  // namespace shore::config
