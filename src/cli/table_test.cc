// What is made from the command table, and the table itself.
#include "cli/table.h"

#include <cstdio>
#include <fstream>
#include <set>

#include <gtest/gtest.h>

#include "cli/command.h"
#include "cli/completion.h"
#include "cli/fake_daemon.h"
#include "cli/help.h"
#include "cli/parse.h"
#include "cli/width.h"

namespace shore::cli {
namespace {

TEST(Commands, NamesLettersAndTextsAreWellFormed) {
    std::set<std::string_view> names;
    for (const Command& command : commands()) {
        EXPECT_TRUE(names.insert(command.name).second) << command.name;
        EXPECT_FALSE(command.summary.empty() || command.summary.ends_with('.')) << command.name;
        EXPECT_TRUE(command.description.ends_with('.')) << command.name;
        std::set<std::string> options{"--help", "-h"};
        for (const auto row : {command.options, global_options()}) {
            for (const Option& option : row) {
                EXPECT_TRUE(options.insert(fmt::format("--{}", option.name)).second)
                    << command.name << " " << option.name;
                EXPECT_TRUE(option.letter == 0 ||
                            options.insert(fmt::format("-{}", option.letter)).second)
                    << command.name << " " << option.letter;
                EXPECT_FALSE(option.description.ends_with('.'))
                    << command.name << " " << option.name;
            }
        }
    }
}

TEST(Commands, EveryExampleParses) {
    for (const Command& command : commands()) {
        for (const std::string_view example : command.examples) {
            std::vector<std::string> words;
            std::string word;
            for (const char c : std::string(example) + " ") {
                if (c != ' ') {
                    word += c;
                } else if (!word.empty()) {
                    words.push_back(std::exchange(word, {}));
                }
            }
            const auto end = std::ranges::find_if(words, [](const std::string& text) {
                return text == "|" || text == "||" || text == "&&";
            });
            words.erase(end, words.end());
            if (words.front() != "shore") {
                continue;
            }
            words.erase(words.begin());
            const auto parsed = parse(words);
            ASSERT_TRUE(parsed) << example << ": " << parsed.error();
            EXPECT_EQ(parsed->command->name, command.name) << example;
        }
    }
}

TEST(Parse, TakesGlobalOptionsBeforeAndAfterTheVerb) {
    for (const std::vector<std::string>& words :
         {std::vector<std::string>{"--state", "/x", "--json", "status", "-d"},
          std::vector<std::string>{"status", "-d", "--json", "--state=/x"}}) {
        const auto parsed = parse(words);
        ASSERT_TRUE(parsed) << parsed.error();
        EXPECT_EQ(parsed->command->name, "status");
        EXPECT_TRUE(parsed->arguments.has("json"));
        EXPECT_TRUE(parsed->arguments.has("detailed"));
        EXPECT_EQ(parsed->arguments.value("state"), "/x");
        EXPECT_EQ(state_option(words), "/x");
    }
    EXPECT_EQ(state_option({"exec", "api", "--", "--state", "/y"}), "");
}

TEST(Parse, RepeatableOptionsKeepTheirOrderAndTakeNoFreeWords) {
    const auto parsed = parse({"logs", "--file", "a", "api", "--file=b", "web"});
    ASSERT_TRUE(parsed) << parsed.error();
    EXPECT_EQ(parsed->arguments.values("file"), (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(parsed->arguments.values("SERVICE"), (std::vector<std::string>{"api", "web"}));
}

TEST(Table, AlignsByColumnsOfTheTerminal) {
    Table table({{"A"}, {"N", Table::Align::kRight}, {"LAST"}});
    table.add({"日本", "1", "x"});
    table.add({"é", "100", ""});
    table.add({"\x1b[31mred\x1b[0m", "7", "a long last cell that is cut"});
    EXPECT_EQ(table.text(28),
              "A       N  LAST\n"
              "日本    1  x\n"
              "é     100\n"
              "\x1b[31mred\x1b[0m     7  a long last cell…\n");
}

TEST(Width, CountsColumnsNotBytes) {
    EXPECT_EQ(display_width("abc"), 3u);
    EXPECT_EQ(display_width("héé"), 3u);
    EXPECT_EQ(display_width("e\xcc\x81"), 1u) << "a combining accent";
    EXPECT_EQ(display_width("日本"), 4u);
    EXPECT_EQ(display_width("🚀"), 2u);
    EXPECT_EQ(display_width("\x1b[1;32mok\x1b[0m"), 2u);
    EXPECT_EQ(display_width("\xff\xfe"), 2u);
    EXPECT_EQ(fitted("日本語", 5), "日本…");
    EXPECT_EQ(fitted("日本語", 4), "日…");
    EXPECT_EQ(fitted("abc", 3), "abc");
    EXPECT_EQ(fitted("abc", 0), "");
}

/// The exit status of a shell command, and what it printed.
std::pair<int, std::string> shell(const std::string& command) {
    FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
    std::string output;
    char buffer[4096];
    while (const size_t got = ::fread(buffer, 1, sizeof buffer, pipe)) {
        output.append(buffer, got);
    }
    return {::pclose(pipe), output};
}

class ScriptTest : public testing::TestWithParam<const char*> {
 protected:
    std::string written(const std::string& text) {
        std::ofstream(directory_.file("script")) << text;
        return directory_.file("script");
    }
    TestDirectory directory_;
};

TEST_P(ScriptTest, ShellsAcceptTheirCompletion) {
    const std::string name = GetParam();
    ASSERT_EQ(shell("command -v " + name).first, 0) << name << ": run scripts/bootstrap test";
    const auto script = completion_script(name);
    ASSERT_TRUE(script);
    const auto [status, output] = shell(name + " -n " + written(*script));
    EXPECT_EQ(status, 0) << output;
    EXPECT_EQ(output, "");
}
INSTANTIATE_TEST_SUITE_P(Shells, ScriptTest, testing::Values("bash", "zsh", "fish"),
                         [](const auto& about) { return std::string(about.param); });

TEST_F(ScriptTest, BashCompletesVerbsOptionsAndValues) {
    const std::string file = written(*completion_script("bash"));
    const auto complete = [&](const std::string& words, int index) {
        return shell(fmt::format("bash -c 'source {}; COMP_WORDS=({}); COMP_CWORD={}; _shore; echo "
                                 "${{COMPREPLY[@]}}'",
                                 file, words, index))
            .second;
    };
    EXPECT_EQ(complete("shore sta", 1), "status start\n");
    EXPECT_EQ(complete("shore up --det", 2), "--detach\n");
    EXPECT_EQ(complete("shore --state /x status --wat", 4), "--watch\n");
    EXPECT_EQ(complete("shore completion z", 2), "zsh\n");
}

/// A page that is not current is written anew beside, to be looked at and copied.
TEST(CliReference, PageIsWhatTheTableSays) {
    const std::string page = SHORE_SOURCE_DIR "/docs/reference/cli.md";
    std::ifstream file(page, std::ios::binary);
    const std::string current{std::istreambuf_iterator<char>(file), {}};
    const std::string expected = cli_reference_page();
    if (current != expected) {
        const auto written = std::filesystem::temp_directory_path() / "shore-cli.md";
        std::ofstream(written, std::ios::binary) << expected;
        FAIL() << page << " is not current; copy " << written << " over it";
    }
}

TEST_F(ScriptTest, TheManualPageHasNoWarnings) {
    ASSERT_EQ(shell("command -v groff").first, 0) << "groff: run scripts/bootstrap test";
    const std::string file = written(manual_page("0.1.0"));
    const auto [status, output] = shell("groff -man -Tutf8 -ww -z " + file);
    EXPECT_EQ(status, 0);
    EXPECT_EQ(output, "");
    const std::string text = shell("groff -man -Tascii -P-c -P-b -P-u -P-o " + file).second;
    EXPECT_NE(text.find("shore up"), std::string::npos);
    EXPECT_NE(text.find("--detach"), std::string::npos);
}

}  // namespace
}  // namespace shore::cli
