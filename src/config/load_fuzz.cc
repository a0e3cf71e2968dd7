// Any bytes as a manifest: loading ends with a stack or with problems, and what loads, loads again
// to an equal stack.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "config/canonical.h"
#include "config/diff.h"
#include "config/interpolate.h"
#include "config/load.h"
#include "config/merge.h"
#include "config/yaml_reader.h"
#include "config/yaml_writer.h"

namespace shore::config {

namespace {

/// The whole way of one file without the disk: env_file, include and extends stay unread in it.
void load_text(std::string_view text) {
    Report report;
    std::optional<Node> tree = read_yaml(text, "fuzz", report);
    if (!tree) {
        SHORE_ASSERT(report.failed());
        return;
    }
    // Writing is exact: what was read is read again.
    Report again;
    const std::optional<Node> copy = read_yaml(write_yaml(*tree), "copy", again);
    SHORE_ASSERT(report.failed() || (copy && same(*copy, *tree)));
    write_json(*tree);

    interpolate_tree(*tree, {{"A", "1"}, {"EMPTY", ""}, {"B", "$A"}}, report);
    const CanonicalContext context{.directory = "/srv/fuzz", .home = "/root"};
    Node document = canonical(*tree, context, report);
    Node merged = document;
    merge_documents(merged, document);
    drop_merge_tags(merged);

    const Outcome first = load_normalised(write_yaml(merged), "/srv/fuzz", "testing");
    if (!first) {
        SHORE_ASSERT(!first.error().empty());
        return;
    }
    const Outcome second = load_normalised(first->manifest_yaml, "/srv/fuzz", "testing");
    SHORE_ASSERT(second.has_value());
    SHORE_ASSERT(first->stack == second->stack);
    SHORE_ASSERT(first->manifest_yaml == second->manifest_yaml);
    const auto changes = diff(first->manifest_yaml, second->manifest_yaml);
    SHORE_ASSERT(changes && changes->empty());
}

}  // namespace

}  // namespace shore::config

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
    shore::config::load_text({reinterpret_cast<const char*>(bytes), size});
    return 0;
}
