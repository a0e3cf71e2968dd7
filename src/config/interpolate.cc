#include "config/interpolate.h"

#include <fmt/format.h>

#include "base/strings.h"
#include "config/limits.h"
#include "model/engine_spec.h"

namespace shore::config {

namespace {

bool is_name_start(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool is_name_part(char c) {
    return is_name_start(c) || (c >= '0' && c <= '9');
}

std::string_view take_name(std::string_view text) {
    size_t size = 0;
    if (!text.empty() && is_name_start(text[0])) {
        while (size < text.size() && is_name_part(text[size])) {
            ++size;
        }
    }
    return text.substr(0, size);
}

/// Position of the brace that closes one opened before `text`, skipping nested ${…} and $$; npos
/// when there is none.
size_t closing_brace(std::string_view text) {
    size_t depth = 1;
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '$' && i + 1 < text.size() && (text[i + 1] == '$' || text[i + 1] == '{')) {
            depth += text[i + 1] == '{' ? 1 : 0;
            ++i;
        } else if (text[i] == '}' && --depth == 0) {
            return i;
        }
    }
    return std::string_view::npos;
}

class Interpolation final {
 public:
    Interpolation(const Variables& variables, std::vector<std::string>* missing, BarePort port)
        : variables_(variables), missing_(missing), port_(port) {}

    /// Appends the expansion of `text` to `out`; false when message() says why not.
    bool expand(std::string_view text, std::string& out, size_t depth) {
        if (depth > kInterpolationDepthMax) {
            return refuse(
                fmt::format("variables are nested deeper than {} levels", kInterpolationDepthMax));
        }
        while (!text.empty()) {
            const size_t dollar = text.find('$');
            out += text.substr(0, dollar);
            if (dollar == std::string_view::npos) {
                break;
            }
            text.remove_prefix(dollar + 1);
            if (!take_one(text, out, depth)) {
                return false;
            }
            if (out.size() > kValueBytesMax) {
                return refuse(fmt::format("the value grows beyond {} bytes", kValueBytesMax));
            }
        }
        return true;
    }

    std::string take_message() { return std::move(message_); }

 private:
    bool refuse(std::string message) {
        message_ = std::move(message);
        return false;
    }

    /// What follows a dollar sign; advances `text` behind it.
    bool take_one(std::string_view& text, std::string& out, size_t depth) {
        if (text.starts_with('$')) {
            out += '$';
            text.remove_prefix(1);
            return true;
        }
        if (text.starts_with('{')) {
            const size_t end = closing_brace(text.substr(1));
            if (end == std::string_view::npos) {
                return refuse(fmt::format("\"${}\" is not closed, expected \"}}\"",
                                          base::printable(text, 40)));
            }
            const std::string_view inside = text.substr(1, end);
            text.remove_prefix(end + 2);
            return braced(inside, out, depth);
        }
        const std::string_view name = take_name(text);
        if (name.empty()) {
            return refuse(fmt::format("\"${}\" is no variable; write $$ for a dollar sign",
                                      base::printable(base::utf8_prefix(text, 10), 40)));
        }
        text.remove_prefix(name.size());
        bare(name, fmt::format("${}", name), out);
        return true;
    }

    void bare(std::string_view name, std::string_view as_written, std::string& out) {
        const auto found = variables_.find(std::string(name));
        const bool is_kept = port_ == BarePort::kKept && name == "PORT";
        if (found != variables_.end() && !is_kept) {
            out += found->second;
        } else if (is_runtime_variable(name)) {
            out += as_written;
        } else if (missing_ != nullptr) {
            missing_->emplace_back(name);
        }
    }

    bool braced(std::string_view inside, std::string& out, size_t depth) {
        const std::string_view name = take_name(inside);
        std::string_view rest = inside.substr(name.size());
        if (name.empty()) {
            return refuse(
                fmt::format("\"${{{}}}\" names no variable", base::printable(inside, 40)));
        }
        if (rest.empty()) {
            bare(name, fmt::format("${{{}}}", name), out);
            return true;
        }
        const bool empty_counts_as_unset = rest.starts_with(':');
        rest.remove_prefix(empty_counts_as_unset ? 1 : 0);
        if (rest.empty() || std::string_view("-?+").find(rest[0]) == std::string_view::npos) {
            return refuse(fmt::format(
                "\"${{{}}}\" has an unknown form, expected :- - :? ? :+ or + after the name",
                base::printable(inside, 40)));
        }
        const char form = rest[0];
        rest.remove_prefix(1);
        const auto found = variables_.find(std::string(name));
        const bool set =
            found != variables_.end() && !(empty_counts_as_unset && found->second.empty());
        if (form == '+') {
            return !set || expand(rest, out, depth + 1);
        }
        if (set) {
            out += found->second;
            return true;
        }
        if (form == '-') {
            return expand(rest, out, depth + 1);
        }
        std::string reason;
        if (!expand(rest, reason, depth + 1)) {
            return false;
        }
        return refuse(fmt::format("variable {} must be set{}{}", name, reason.empty() ? "" : ": ",
                                  base::printable(reason)));
    }

    const Variables& variables_;
    std::vector<std::string>* missing_;
    BarePort port_;
    std::string message_;
};

class TreeInterpolation final {
 public:
    TreeInterpolation(const Variables& variables, Report& report)
        : variables_(variables), report_(report) {}

    void walk(Node& node, const std::string& path, BarePort port) {
        for (size_t i = 0; i < node.items.size(); ++i) {
            walk(node.items[i], fmt::format("{}[{}]", path, i), port);
        }
        const bool is_process = is_process_service(node, path);
        for (Entry& entry : node.entries) {
            const std::string below = path.empty() ? entry.key : path + "." + entry.key;
            const bool keeps = is_process && is_start_key(entry.key);
            walk(entry.value, below, keeps ? BarePort::kKept : port);
        }
        if (node.kind == Kind::kString && node.text.find('$') != std::string::npos) {
            fill(node, path, port);
        }
    }

 private:
    static bool is_process_service(const Node& node, std::string_view path) {
        return path.starts_with("services.") &&
               path.find_first_of(".[", 9) == std::string_view::npos &&
               node.find("image") == nullptr && node.find("build") == nullptr;
    }

    /// What the supervisor expands at the start of an instance.
    static bool is_start_key(std::string_view key) {
        return key == "command" || key == "entrypoint" || key == "environment" ||
               key == "healthcheck" || key == "post_start" || key == "pre_stop";
    }

    void fill(Node& node, const std::string& path, BarePort port) {
        std::vector<std::string> missing;
        auto text = interpolate(node.text, variables_, &missing, port);
        if (!text) {
            report_.problem(node.place, path, std::move(text.error()));
            return;
        }
        node.text = std::move(*text);
        for (const std::string& name : missing) {
            report_.note(node.place, path,
                         fmt::format("variable {} is not set, an empty text is used", name));
        }
    }

    const Variables& variables_;
    Report& report_;
};

void replace_in_texts(Node& node, std::string_view from, std::string_view to) {
    for (Node& item : node.items) {
        replace_in_texts(item, from, to);
    }
    for (Entry& entry : node.entries) {
        replace_in_texts(entry.value, from, to);
    }
    if (node.kind == Kind::kString) {
        node.text = base::replace_all(std::move(node.text), from, to);
    }
}

}  // namespace

std::expected<std::string, std::string> interpolate(std::string_view text,
                                                    const Variables& variables,
                                                    std::vector<std::string>* missing,
                                                    BarePort port) {
    Interpolation interpolation(variables, missing, port);
    std::string out;
    if (!interpolation.expand(text, out, 0)) {
        return std::unexpected(interpolation.take_message());
    }
    return out;
}

void interpolate_tree(Node& node, const Variables& variables, Report& report) {
    TreeInterpolation(variables, report).walk(node, "", BarePort::kReplaced);
}

bool is_runtime_variable(std::string_view name) {
    return name == "PORT" || name.starts_with("SHORE_") || model::is_engine_variable(name);
}

void escape_dollars(Node& node) {
    replace_in_texts(node, "$", "$$");
}
void unescape_dollars(Node& node) {
    replace_in_texts(node, "$$", "$");
}

}  // namespace shore::config
