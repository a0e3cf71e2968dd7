#include "config/dotenv.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/strings.h"
#include "config/interpolate.h"

namespace shore::config {

namespace {

bool is_key(std::string_view key) {
    return !key.empty() && std::ranges::all_of(key, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '.' || c == '-' || c == '[' || c == ']';
    });
}

class DotenvParser final {
 public:
    DotenvParser(std::string_view text, const std::string& file, const Variables& variables,
                 Report& report)
        : rest_(text),
          file_(std::make_shared<const std::string>(file)),
          variables_(variables),
          scope_(variables),
          report_(report) {}

    std::vector<DotenvLine> parse() {
        while (!rest_.empty()) {
            take_entry();
        }
        return std::move(lines_);
    }

    std::vector<DotenvLine> parse_raw() {
        while (!rest_.empty()) {
            const std::string_view line = take_line();
            if (line.empty() || line.starts_with('#')) {
                continue;
            }
            const auto parts = base::split_once(line, '=');
            if (!parts) {
                add(base::trim(line), std::nullopt);
            } else {
                add(base::trim(parts->first), std::string(parts->second));
            }
        }
        return std::move(lines_);
    }

 private:
    void problem(std::string message) {
        report_.problem({file_, line_, 1}, "", std::move(message));
    }

    /// The rest of the current line without its end; moves to the next one.
    std::string_view take_line() {
        const size_t end = rest_.find('\n');
        std::string_view line = rest_.substr(0, end);
        rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
        ++line_;
        if (line.ends_with('\r')) {
            line.remove_suffix(1);
        }
        return line;
    }

    void add(std::string_view key, std::optional<std::string> value) {
        if (!is_key(key)) {
            --line_;
            problem(fmt::format("\"{}\" is no variable name, expected KEY=VALUE",
                                base::printable(key, 40)));
            ++line_;
            return;
        }
        if (value && !variables_.contains(std::string(key))) {
            scope_[std::string(key)] = *value;
        }
        lines_.push_back({std::string(key), std::move(value)});
    }

    void take_entry() {
        const size_t line_end = rest_.find('\n');
        const std::string_view line = base::trim(rest_.substr(0, line_end));
        if (line.empty() || line.starts_with('#')) {
            take_line();
            return;
        }
        size_t start = rest_.find_first_not_of(" \t\r");
        if (line.starts_with("export ") || line.starts_with("export\t")) {
            start = rest_.find_first_not_of(" \t", start + 6);
        }
        const size_t delimiter = rest_.find_first_of("=:\n", start);
        if (delimiter == std::string_view::npos || rest_[delimiter] == '\n') {
            const std::string_view key = base::trim(rest_.substr(start, delimiter - start));
            const std::string name(key.substr(0, key.find_first_of(" #")));
            take_line();
            add(name, std::nullopt);
            return;
        }
        const std::string key(base::trim(rest_.substr(start, delimiter - start)));
        rest_.remove_prefix(delimiter + 1);
        rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t"), rest_.size()));
        if (rest_.starts_with('"') || rest_.starts_with('\'')) {
            take_quoted(key);
        } else {
            take_unquoted(key);
        }
    }

    void take_unquoted(const std::string& key) {
        std::string_view value = take_line();
        for (size_t hash = value.find('#'); hash != std::string_view::npos;
             hash = value.find('#', hash + 1)) {
            if (hash == 0 || value[hash - 1] == ' ' || value[hash - 1] == '\t') {
                value = value.substr(0, hash);
            }
        }
        add(key, expanded(base::trim(value), key));
    }

    void take_quoted(const std::string& key) {
        const char quote = rest_[0];
        size_t end = 1;
        while (end < rest_.size() && rest_[end] != quote) {
            end += quote == '"' && rest_[end] == '\\' ? 2 : 1;
        }
        if (end >= rest_.size()) {
            problem(fmt::format("the value of {} is not closed, expected {}",
                                base::printable(key, 40), quote));
            rest_ = {};
            return;
        }
        const std::string_view inside = rest_.substr(1, end - 1);
        line_ += static_cast<uint32_t>(std::ranges::count(inside, '\n'));
        rest_.remove_prefix(end + 1);
        const std::string_view after = base::trim(take_line());
        if (!after.empty() && !after.starts_with('#')) {
            --line_;
            problem(fmt::format("\"{}\" follows the quoted value of {}", base::printable(after, 40),
                                base::printable(key, 40)));
            ++line_;
        }
        add(key, quote == '\'' ? std::string(inside) : expanded(unescaped(inside), key));
    }

    /// Backslash forms of double quotes. An escaped dollar sign becomes `$$`, which expansion turns
    /// into one.
    static std::string unescaped(std::string_view text) {
        std::string out;
        for (size_t i = 0; i < text.size(); ++i) {
            if (text[i] != '\\' || i + 1 == text.size()) {
                out += text[i];
                continue;
            }
            const char c = text[++i];
            switch (c) {
                case 'n':
                    out += '\n';
                    break;
                case 'r':
                    out += '\r';
                    break;
                case 't':
                    out += '\t';
                    break;
                case '$':
                    out += "$$";
                    break;
                case '"':
                case '\\':
                    out += c;
                    break;
                default:
                    out += {'\\', c};
            }
        }
        return out;
    }

    std::string expanded(std::string_view value, const std::string& key) {
        if (value.find('$') == std::string_view::npos) {
            return std::string(value);
        }
        std::vector<std::string> missing;
        auto text = interpolate(value, scope_, &missing);
        if (!text) {
            --line_;
            problem(fmt::format("{}: {}", base::printable(key, 40), text.error()));
            ++line_;
            return {};
        }
        for (const std::string& name : missing) {
            report_.note(
                {file_, line_ - 1, 1}, "",
                fmt::format("{}: variable {} is not set, an empty text is used", key, name));
        }
        return std::move(*text);
    }

    std::string_view rest_;
    uint32_t line_ = 1;
    std::shared_ptr<const std::string> file_;
    const Variables& variables_;
    Variables scope_;  ///< The caller's variables, which win, and those of the lines before.
    Report& report_;
    std::vector<DotenvLine> lines_;
};

}  // namespace

std::vector<DotenvLine> parse_dotenv(std::string_view text, const std::string& file,
                                     DotenvFormat format, const Variables& variables,
                                     Report& report) {
    if (text.starts_with("\xEF\xBB\xBF")) {
        text.remove_prefix(3);
    }
    DotenvParser parser(text, file, variables, report);
    return format == DotenvFormat::kRaw ? parser.parse_raw() : parser.parse();
}

}  // namespace shore::config
