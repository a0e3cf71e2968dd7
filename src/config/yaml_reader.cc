#include "config/yaml_reader.h"

#include <algorithm>
#include <array>
#include <istream>
#include <map>
#include <streambuf>
#include <unordered_map>

#include <fmt/format.h>
#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include "base/strings.h"
#include "config/limits.h"

namespace shore::config {

namespace {

struct Extent {
    size_t nodes = 1;
    size_t height = 1;
};

Extent extent(const Node& node) {
    Extent total;
    const auto add = [&](const Node& child) {
        const Extent part = extent(child);
        total.nodes += part.nodes;
        total.height = std::max(total.height, part.height + 1);
    };
    for (const Node& item : node.items) {
        add(item);
    }
    for (const Entry& entry : node.entries) {
        add(entry.value);
    }
    return total;
}

/// Builds the tree from events. After the first problem that leaves the tree without meaning it
/// ignores further events, and UntilStopped ends yaml-cpp's input: there is no other way to stop
/// it.
class TreeBuilder final : public YAML::EventHandler {
 public:
    TreeBuilder(std::shared_ptr<const std::string> file, const ReadLimits& limits, Report& report)
        : file_(std::move(file)), limits_(limits), report_(report) {}

    void OnDocumentStart(const YAML::Mark&) override {}
    void OnDocumentEnd() override {}

    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        take(Node::null(place(mark)), anchor);
    }

    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        if (stopped_) {
            return;
        }
        const auto found = anchors_.find(anchor);
        if (found == anchors_.end()) {
            stop(place(mark), "this alias stands inside the node it names");
            return;
        }
        const Extent size = extent(found->second);
        if (!charge_copy(size.nodes, place(mark))) {
            return;
        }
        if (frames_.size() + size.height > limits_.depth_max) {
            stop(place(mark),
                 fmt::format("nested deeper than {} levels by this alias", limits_.depth_max));
            return;
        }
        take(found->second, 0);
    }

    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override {
        if (stopped_) {
            return;
        }
        Node node = Node::string(value, place(mark));
        const bool plain = tag == "?";
        if (plain || tag == "tag:yaml.org,2002:int" || tag == "tag:yaml.org,2002:float" ||
            tag == "tag:yaml.org,2002:bool" || tag == "tag:yaml.org,2002:null") {
            node.kind = plain_kind(value);
        } else if (tag != "!" && tag != "tag:yaml.org,2002:str") {
            read_tag(tag, node);
            node.kind = plain_kind(value);
        }
        plain_scalar_ = plain;
        take(std::move(node), anchor);
        plain_scalar_ = false;
    }

    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        open(Node::list(place(mark)), tag, anchor);
    }
    void OnSequenceEnd() override { close(); }

    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        open(Node::map(place(mark)), tag, anchor);
    }
    void OnMapEnd() override { close(); }

    /// Reports what leaves the tree without meaning.
    void stop(const Place& where, std::string message) {
        report_.problem(where, path(), std::move(message));
        stopped_ = true;
    }
    /// The same for what is no YAML, where the path so far says nothing.
    void refuse(const Place& where, std::string message) {
        report_.problem(where, "", std::move(message));
        stopped_ = true;
    }
    bool stopped() const { return stopped_; }

    /// The document's root, an empty map when there was none; nothing after stop().
    std::optional<Node> result(const Place& start) && {
        if (stopped_) {
            return std::nullopt;
        }
        return root_ && !root_->is_null() ? std::move(*root_) : Node::map(start);
    }

    Place place(const YAML::Mark& mark) const {
        return {file_, static_cast<uint32_t>(mark.line + 1),
                static_cast<uint32_t>(mark.column + 1)};
    }

 private:
    struct Frame {
        Node node;
        YAML::anchor_t anchor = 0;
        std::optional<Entry> pending;  ///< A key whose value is next.
        bool pending_is_merge = false;
        std::vector<Node> merges;  ///< Values of `<<`, in order.
        std::unordered_map<std::string, Place>
            keys;  ///< Keys seen, so that a large map stays linear.
    };

    std::string path() const {
        std::string path;
        for (const Frame& frame : frames_) {
            if (frame.node.is_list()) {
                path += fmt::format("[{}]", frame.node.items.size());
            } else if (frame.pending) {
                path += (path.empty() ? "" : ".") + frame.pending->key;
            }
        }
        return path;
    }

    bool charge_copy(size_t nodes, const Place& where) {
        copied_ += nodes;
        if (copied_ > kAliasNodesMax) {
            stop(where, fmt::format("aliases expand to more than {} nodes", kAliasNodesMax));
        }
        return !stopped_;
    }

    void read_tag(const std::string& tag, Node& node) {
        if (tag == "!reset") {
            node.merge = MergeTag::kReset;
        } else if (tag == "!override") {
            node.merge = MergeTag::kOverride;
        } else if (tag != "?" && tag != "!" && !tag.empty() && tag != "tag:yaml.org,2002:map" &&
                   tag != "tag:yaml.org,2002:seq") {
            report_.problem(node.place, path(),
                            fmt::format("unknown tag \"{}\", expected !reset or !override",
                                        base::printable(tag, 60)));
        }
    }

    void open(Node node, const std::string& tag, YAML::anchor_t anchor) {
        if (stopped_) {
            return;
        }
        if (!frames_.empty() && frames_.back().node.is_map() && !frames_.back().pending) {
            stop(node.place, "a key must be text, got " + std::string(describe(node.kind)));
            return;
        }
        if (frames_.size() >= limits_.depth_max) {
            stop(node.place, fmt::format("nested deeper than {} levels", limits_.depth_max));
            return;
        }
        read_tag(tag, node);
        frames_.push_back({.node = std::move(node), .anchor = anchor});
    }

    void close() {
        if (stopped_) {
            return;
        }
        Frame frame = std::move(frames_.back());
        frames_.pop_back();
        for (Node& merge : frame.merges) {
            for (Entry& entry : merge.entries) {
                if (frame.keys.try_emplace(entry.key, entry.place).second) {
                    frame.node.entries.push_back(std::move(entry));
                }
            }
        }
        take(std::move(frame.node), frame.anchor);
    }

    void take(Node node, YAML::anchor_t anchor) {
        if (stopped_) {
            return;
        }
        if (++nodes_ > limits_.nodes_max) {
            stop(node.place, fmt::format("more than {} nodes", limits_.nodes_max));
            return;
        }
        if (anchor != 0) {
            if (!charge_copy(extent(node).nodes, node.place)) {
                return;
            }
            anchors_[anchor] = node;
            anchors_[anchor].merge = MergeTag::kNone;
        }
        if (frames_.empty()) {
            root_ = std::move(node);
            return;
        }
        Frame& frame = frames_.back();
        if (frame.node.is_list()) {
            frame.node.items.push_back(std::move(node));
        } else if (!frame.pending) {
            take_key(frame, std::move(node));
        } else if (frame.pending_is_merge) {
            frame.pending.reset();
            take_merge(frame, std::move(node));
        } else {
            frame.pending->value = std::move(node);
            frame.node.entries.push_back(std::move(*frame.pending));
            frame.pending.reset();
        }
    }

    void take_key(Frame& frame, Node key) {
        if (!key.is_scalar() || key.is_null()) {
            stop(key.place, fmt::format("a key must be text, got {}", describe(key.kind)));
            return;
        }
        if (key.text.size() > kKeyBytesMax) {
            stop(key.place,
                 fmt::format("a key may have {} bytes, \"{}...\" has {}", kKeyBytesMax,
                             base::printable(base::utf8_prefix(key.text, 40)), key.text.size()));
            return;
        }
        frame.pending_is_merge = plain_scalar_ && key.text == "<<";
        if (!frame.pending_is_merge) {
            const auto [first, is_new] = frame.keys.try_emplace(key.text, key.place);
            if (!is_new && !report_.full()) {
                report_.problem(key.place, path(),
                                fmt::format("duplicate key \"{}\", first given at line {}",
                                            base::printable(key.text, 60), first->second.line));
            }
        }
        frame.pending = Entry{.key = std::move(key.text), .place = key.place, .value = {}};
    }

    void take_merge(Frame& frame, Node value) {
        std::vector<Node> sources;
        if (value.is_map()) {
            sources.push_back(std::move(value));
        } else if (value.is_list()) {
            sources = std::move(value.items);
        } else {
            stop(value.place,
                 fmt::format("<< needs a map or a list of maps, got {}", describe(value.kind)));
            return;
        }
        for (Node& source : sources) {
            if (!source.is_map()) {
                stop(source.place, fmt::format("<< needs maps, got {}", describe(source.kind)));
                return;
            }
            frame.merges.push_back(std::move(source));
        }
    }

    std::shared_ptr<const std::string> file_;
    ReadLimits limits_;
    Report& report_;
    std::vector<Frame> frames_;
    std::map<YAML::anchor_t, Node> anchors_;
    std::optional<Node> root_;
    size_t nodes_ = 0;
    size_t copied_ = 0;
    bool plain_scalar_ = false;
    bool stopped_ = false;
};

/// The first byte that is no text: NUL and other control characters, or broken UTF-8.
std::optional<size_t> find_rubbish(std::string_view text) {
    size_t at = 0;
    while (at < text.size()) {
        const auto byte = static_cast<unsigned char>(text[at]);
        const size_t length = base::utf8_sequence(text.substr(at));
        const bool control =
            (byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') || byte == 0x7F;
        if (length == 0 || control) {
            return at;
        }
        at += length;
    }
    return std::nullopt;
}

bool check_text(std::string_view text, const Place& start, const ReadLimits& limits,
                Report& report) {
    if (text.size() > limits.bytes_max) {
        report.problem(
            {start.file, 0, 0}, "",
            fmt::format("has {} bytes, a manifest has at most {}", text.size(), limits.bytes_max));
        return false;
    }
    const auto rubbish = find_rubbish(text);
    if (!rubbish) {
        return true;
    }
    const std::string_view before = text.substr(0, *rubbish);
    const auto line = static_cast<uint32_t>(std::ranges::count(before, '\n') + 1);
    const size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0.
    report.problem({start.file, line, static_cast<uint32_t>(before.size() - line_start + 1)}, "",
                   fmt::format("byte 0x{:02x} is no text, expected YAML in UTF-8",
                               static_cast<unsigned char>(text[*rubbish])));
    return false;
}

/// The text as a stream that ends as soon as the builder has stopped, so that refusing costs
/// little.
class UntilStopped final : public std::streambuf {
 public:
    UntilStopped(std::string_view text, const TreeBuilder& builder)
        : rest_(text), builder_(builder) {}

 protected:
    int_type underflow() override {
        const size_t size = builder_.stopped() ? 0 : std::min(rest_.size(), chunk_.size());
        if (size == 0) {
            return traits_type::eof();
        }
        std::ranges::copy(rest_.substr(0, size), chunk_.begin());
        rest_.remove_prefix(size);
        setg(chunk_.data(), chunk_.data(), chunk_.data() + size);
        return traits_type::to_int_type(chunk_[0]);
    }

 private:
    std::string_view rest_;
    const TreeBuilder& builder_;
    std::array<char, 4096> chunk_{};
};

/// Runs yaml-cpp, which reports by exceptions. What it says after the builder has stopped is about
/// the input's early end, and not said on.
void parse(std::string_view text, TreeBuilder& builder, const ReadLimits& limits, Report& report) {
    std::string problem;
    YAML::Mark mark;
    try {
        UntilStopped buffer(text, builder);
        std::istream stream(&buffer);
        YAML::Parser parser(stream);
        TreeBuilder rest(nullptr, limits, report);
        if (parser.HandleNextDocument(builder) && !builder.stopped() &&
            parser.HandleNextDocument(rest)) {
            problem =
                "holds several documents; write each into a file of its own and give both with -f";
        }
    } catch (const YAML::DeepRecursion& error) {
        problem = fmt::format("nested deeper than {} levels", limits.depth_max);
        mark = error.mark;
    } catch (const YAML::Exception& error) {
        problem = "not YAML: " + error.msg;
        mark = error.mark;
        if (text.find("\n\t") != std::string_view::npos) {
            problem += "; a line begins with a tab, and YAML is indented by spaces";
        }
    } catch (const std::exception& error) {
        problem = fmt::format("not YAML: {}", error.what());
    }
    if (!problem.empty() && !builder.stopped()) {
        builder.refuse(builder.place(mark), std::move(problem));
    }
}

}  // namespace

std::optional<Node> read_yaml(std::string_view text, const std::string& file, Report& report,
                              const ReadLimits& limits) {
    const Place start{std::make_shared<const std::string>(file), 1, 1};
    if (!check_text(text, start, limits, report)) {
        return std::nullopt;
    }
    TreeBuilder builder(start.file, limits, report);
    parse(text, builder, limits, report);
    std::optional<Node> root = std::move(builder).result(start);
    if (root && !root->is_map()) {
        report.problem(root->place, "",
                       fmt::format("a manifest is a map, got {}", describe(root->kind)));
        return std::nullopt;
    }
    return root;
}

}  // namespace shore::config
