#include "wire/resp.h"

#include <gtest/gtest.h>

#include "wire/limits.h"

namespace shore::wire {
namespace {

/// The frames of `text` as sizes, with the type of each, when it arrives `piece` bytes at a time:
/// "+5 $9"; "bad" and "more" at the end say what became of the rest.
std::string frames(std::string_view text, size_t piece) {
    ReplyScanner scanner;
    std::string out;
    size_t size = 0;
    while (!text.empty()) {
        const RespStep step = scanner.feed(text.data(), std::min(piece, text.size()));
        size += step.used;
        text.remove_prefix(step.used);
        if (step.status == RespStatus::kBad) {
            return out + "bad";
        }
        if (step.status == RespStatus::kDone) {
            out += fmt::format("{}{} ", scanner.type(), size);
            size = 0;
        }
    }
    return scanner.at_boundary() ? out : out + "more";
}

std::string frames(std::string_view text) {
    const std::string whole = frames(text, text.size());
    for (size_t piece = 1; piece < std::min<size_t>(text.size(), 64); ++piece) {
        EXPECT_EQ(frames(text, piece), whole) << "in pieces of " << piece;
    }
    return whole;
}

/// The commands of `text`: name, number of parts and size of each.
std::string commands(std::string_view text, size_t piece) {
    RequestScanner scanner;
    std::string out;
    size_t size = 0;
    while (!text.empty()) {
        const RespStep step = scanner.feed(text.data(), std::min(piece, text.size()));
        size += step.used;
        text.remove_prefix(step.used);
        if (step.status == RespStatus::kBad) {
            return out + "bad";
        }
        if (step.status == RespStatus::kDone) {
            out += fmt::format("{}/{}:{} ", scanner.name(), scanner.arguments(), size);
            size = 0;
        }
    }
    return scanner.at_boundary() ? out : out + "more";
}

std::string commands(std::string_view text) {
    const std::string whole = commands(text, text.size());
    for (size_t piece = 1; piece < std::min<size_t>(text.size(), 64); ++piece) {
        EXPECT_EQ(commands(text, piece), whole) << "in pieces of " << piece;
    }
    return whole;
}

TEST(ReplyScanner, FindsTheEndOfEveryTypeOfTheSecondVersion) {
    EXPECT_EQ(frames("+OK\r\n-ERR no\r\n:-12\r\n$5\r\na\r\nbc\r\n$0\r\n\r\n$-1\r\n*-1\r\n*0\r\n"),
              "+5 -9 :6 $11 $6 $5 *5 *4 ");
}

TEST(ReplyScanner, FindsTheEndOfEveryTypeOfTheThirdVersion) {
    EXPECT_EQ(frames("_\r\n,1.5\r\n#t\r\n(3492890328409238509324850943850943825024385\r\n"
                     "!5\r\nERR x\r\n=7\r\ntxt:abc\r\n~1\r\n:1\r\n%1\r\n+a\r\n:1\r\n"),
              "_3 ,6 #4 (46 !11 =13 ~8 %12 ");
}

TEST(ReplyScanner, CountsNestedElements) {
    EXPECT_EQ(frames("*3\r\n*2\r\n:1\r\n$1\r\na\r\n*0\r\n%1\r\n+k\r\n*1\r\n_\r\n+OK\r\n"),
              "*38 +5 ");
}

TEST(ReplyScanner, TellsPushesFromReplies) {
    EXPECT_EQ(frames(">2\r\n+invalidate\r\n_\r\n$1\r\nx\r\n"), ">20 $7 ");
}

TEST(ReplyScanner, TakesAttributesAsPartOfWhatTheyBelongTo) {
    EXPECT_EQ(frames("|1\r\n+ttl\r\n:3600\r\n:5\r\n*1\r\n|1\r\n+a\r\n+b\r\n:1\r\n"), ":21 *20 ");
}

TEST(ReplyScanner, RefusesWhatNoServerSends) {
    for (const std::string_view text :
         {"x", "$?\r\n", "*?\r\n", "$-2\r\n", "$\r\n", "$1x\r\n", "$1\rx", "*9999999999\r\n",
          "$536870913\r\n", "$9999999999999999999\r\n"}) {
        EXPECT_EQ(frames(text), "bad") << text;
    }
}

TEST(ReplyScanner, PassesTheLargestBulkStringThrough) {
    ReplyScanner scanner;
    const std::string head = fmt::format("${}\r\n", kRespBulkMax);
    ASSERT_EQ(scanner.feed(head.data(), head.size()).status, RespStatus::kMore);
    const std::string piece(1U << 20U, 'x');
    for (int i = 0; i < 512; ++i) {
        const RespStep step = scanner.feed(piece.data(), piece.size());
        ASSERT_EQ(step.status, RespStatus::kMore);
        ASSERT_EQ(step.used, piece.size());
    }
    EXPECT_EQ(scanner.feed("\r\n+OK", 5).used, 2U);
    EXPECT_TRUE(scanner.at_boundary());
}

TEST(RequestScanner, FindsCommandsAndTheirNames) {
    EXPECT_EQ(commands("*1\r\n$4\r\nping\r\n*3\r\n$3\r\nSet\r\n$1\r\na\r\n$2\r\n\r\n\r\n"),
              "PING/1:14 SET/3:28 ");
}

TEST(RequestScanner, UnderstandsInlineCommands) {
    EXPECT_EQ(commands("PING\r\nset a  b\nGET a"), "PING/1:6 SET/3:9 more");
    EXPECT_EQ(commands("\r\n  \r\n"), "/0:2 /0:4 ");
}

TEST(RequestScanner, TakesEmptyCommandsThatHaveNoAnswer) {
    EXPECT_EQ(commands("*0\r\n*-1\r\n*1\r\n$4\r\nPING\r\n"), "/0:4 /0:5 PING/1:14 ");
}

TEST(RequestScanner, HasNoNameForOneThatNoCommandHas) {
    EXPECT_EQ(commands("*1\r\n$25\r\nAAAAAAAAAAAAAAAAAAAAAAAAA\r\n"), "/1:36 ");
}

TEST(RequestScanner, RefusesWhatTheServerRefuses) {
    for (const std::string_view text :
         {"*1\r\n:1\r\n", "*1\r\n$-1\r\n", "*x\r\n", "*9999999999\r\n", "*1\r\n$536870913\r\n"}) {
        EXPECT_EQ(commands(text), "bad") << text;
    }
    EXPECT_EQ(commands(std::string(kRespInlineMax + 1, 'x'), 1000), "bad");
}

TEST(RequestScanner, SaysWhereTheFirstArgumentsAre) {
    constexpr std::string_view kText = "*3\r\n$6\r\nCLIENT\r\n$7\r\nSETNAME\r\n$2\r\nme\r\n";
    RequestScanner scanner;
    ASSERT_EQ(scanner.feed(kText.data(), kText.size()).status, RespStatus::kDone);
    const auto argument = [&](size_t i) {
        return kText.substr(scanner.kept()[i].offset, scanner.kept()[i].size);
    };
    EXPECT_EQ(argument(0), "SETNAME");
    EXPECT_EQ(argument(1), "me");
    EXPECT_EQ(argument(2), "");
}

TEST(RespParts, SplitsWhatAppendCommandWrote) {
    std::string text;
    append_command(text, {"AUTH", "user", "with\r\nend"});
    EXPECT_EQ(text, "*3\r\n$4\r\nAUTH\r\n$4\r\nuser\r\n$9\r\nwith\r\nend\r\n");
    EXPECT_EQ(resp_parts(text), (std::vector<std::string_view>{"AUTH", "user", "with\r\nend"}));
    EXPECT_EQ(resp_parts("AUTH  me secret\r\n"),
              (std::vector<std::string_view>{"AUTH", "me", "secret"}));
    EXPECT_TRUE(resp_parts(text.substr(0, text.size() - 1)).empty());
}

TEST(ParseReply, GivesValues) {
    const auto value = parse_reply("*4\r\n$1\r\na\r\n:-7\r\n*1\r\n$-1\r\n-ERR no\r\n");
    ASSERT_TRUE(value);
    EXPECT_EQ(value->at(0).text, "a");
    EXPECT_EQ(value->at(1).integer, -7);
    EXPECT_EQ(value->at(2).at(0).kind, RespValue::Kind::kNull);
    EXPECT_TRUE(value->at(3).is_error());
    EXPECT_EQ(value->at(9).kind, RespValue::Kind::kNull);
    EXPECT_EQ(parse_reply("%1\r\n+k\r\n=5\r\ntxt:v\r\n")->find("k").text, "v");
}

TEST(ParseReply, RefusesDamage) {
    for (const std::string_view text : {"", "+OK", "$5\r\nab\r\n", "*2\r\n:1\r\n", ":x\r\n",
                                        "+OK\r\n+OK\r\n", "?\r\n", "$18446744073709551615\r\n"}) {
        EXPECT_FALSE(parse_reply(text)) << text;
    }
    std::string deep;
    for (uint32_t i = 0; i <= kRespDepthMax + 1; ++i) {
        deep += "*1\r\n";
    }
    EXPECT_FALSE(parse_reply(deep + "_\r\n"));
}

TEST(RespCommand, IsCanonicalWhenEveryServerReadsItAlike) {
    EXPECT_TRUE(is_canonical_command("*2\r\n$3\r\nGET\r\n$0\r\n\r\n"));
    EXPECT_TRUE(is_canonical_command("*1\r\n$10\r\n0123456789\r\n"));
    for (const std::string_view text :
         {"", "GET a\r\n", "*0\r\n", "*1\r\n", "*-1\r\n", "*01\r\n$1\r\na\r\n",
          "*1\r\n$01\r\na\r\n", "*1\r\n$00\r\n\r\n", "*1\r\n$-1\r\n", "*1\r\n$1\r\naxx",
          "*1\r\n$1\r\na\r\n*", "*2\r\n$1\r\na\r\n"}) {
        EXPECT_FALSE(is_canonical_command(text)) << text;
    }
}

}  // namespace
}  // namespace shore::wire
