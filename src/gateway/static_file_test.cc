#include "gateway/static_file.h"

#include <filesystem>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "gateway/asset_name.h"
#include "gateway/limits.h"
#include "gateway/media_type.h"
#include "os/directory.h"
#include "os/file.h"

namespace shore::gateway {
namespace {

class StaticFile : public testing::Test {
 protected:
    StaticFile() : temporary_(std::move(*os::TemporaryDirectory::create())) {
        store_.reset(1 << 20);
        spec_.root = temporary_.file("root");
        for (const char* const directory : {"/root/sub", "/root/.git", "/root/.well-known"}) {
            EXPECT_TRUE(os::make_directories(temporary_.path() + directory));
        }
        write("root/hello.txt", "0123456789");
        write("root/index.html", "front");
        write("root/sub/index.html", "sub");
        write("root/.env", "secret");
        write("root/.git/config", "secret");
        write("root/.well-known/acme", "public");
        write("root/empty", "");
        write("secret", "secret");
        std::filesystem::create_symlink("../secret", spec_.root + "/out");
        std::filesystem::create_symlink(temporary_.file("secret"), spec_.root + "/absolute");
        std::filesystem::create_symlink("hello.txt", spec_.root + "/in");
    }
    void write(std::string_view name, std::string_view content) {
        EXPECT_TRUE(os::write_file_atomically(temporary_.file(name), content));
    }
    FileAnswer get(std::string_view path, FileRequest request = {}) {
        request.path = request.outer = path;
        return answer_file({store_, spec_, policy_, true, now_}, request);
    }
    /// The value of a line of the answer's head.
    static std::string field(const FileAnswer& answer, std::string_view name) {
        const std::string start = std::string(name) + ": ";
        const std::string_view lines = answer.lines();
        const size_t at = lines.find(start);
        if (at == std::string::npos) {
            return {};
        }
        const size_t begin = at + start.size();
        return std::string(lines.substr(begin, lines.find("\r\n", begin) - begin));
    }
    static std::string body(const FileAnswer& answer) {
        if (!answer.body) {
            return {};
        }
        if (!answer.body->file) {
            return answer.body->bytes.substr(answer.offset, answer.length);
        }
        std::string bytes(answer.length, '\0');
        const ssize_t got = pread(answer.body->file.get(), bytes.data(), bytes.size(),
                                  static_cast<off_t>(answer.offset));
        EXPECT_EQ(got, static_cast<ssize_t>(bytes.size()));
        return bytes;
    }

    os::TemporaryDirectory temporary_;
    model::StaticFiles spec_;
    FileStore store_;
    ContentPolicy policy_;
    SteadyTime now_{std::chrono::hours(1)};
};

TEST_F(StaticFile, DescribesAFile) {
    const FileAnswer answer = get("/hello.txt");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(body(answer), "0123456789");
    EXPECT_EQ(field(answer, "Content-Type"), "text/plain; charset=utf-8");
    EXPECT_EQ(field(answer, "Content-Length"), "10");
    EXPECT_EQ(field(answer, "Accept-Ranges"), "bytes");
    EXPECT_TRUE(base::parse_http_date(field(answer, "Last-Modified")));
    EXPECT_EQ(body(get("/empty")), "");
    EXPECT_EQ(field(get("/index.html"), "Cache-Control"), "no-cache");
}

TEST_F(StaticFile, GivesTheIndexOfADirectoryAndLeadsToItsSlash) {
    EXPECT_EQ(body(get("/")), "front");
    EXPECT_EQ(body(get("/sub/")), "sub");
    const FileAnswer answer = get("/sub", {.query = "?a=b"});
    EXPECT_EQ(answer.status, 301);
    EXPECT_EQ(field(answer, "Location"), "/sub/?a=b");
}

TEST_F(StaticFile, FallsBackForUnknownPathsOfASinglePageApp) {
    EXPECT_EQ(get("/deep/link").status, 404);
    spec_.fallback = "index.html";
    const FileAnswer answer = get("/deep/link");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(body(answer), "front");
    EXPECT_EQ(field(answer, "Content-Type"), "text/html; charset=utf-8");
    EXPECT_EQ(get("/.env").status, 404);
}

TEST_F(StaticFile, NeverLeavesItsRoot) {
    EXPECT_EQ(body(get("/in")), "0123456789");
    for (const char* const path :
         {"/out", "/absolute", "/../secret", "/sub/../../secret", "/hello.txt/", "/sub/nothing"}) {
        EXPECT_EQ(get(path).status, 404) << path;
    }
}

TEST_F(StaticFile, ServesNoPipesAndDevices) {
    ASSERT_EQ(mkfifo((spec_.root + "/pipe").c_str(), 0644), 0);
    EXPECT_EQ(get("/pipe").status, 404);
    spec_.fallback = "index.html";
    EXPECT_EQ(get("/pipe").status, 200);
    spec_.fallback = "pipe";
    EXPECT_EQ(get("/nothing").status, 404);
}

TEST_F(StaticFile, HidesNamesWithADot) {
    EXPECT_EQ(get("/.env").status, 404);
    EXPECT_EQ(get("/.git/config").status, 404);
    EXPECT_EQ(get("/.well-known/.env").status, 404);
    EXPECT_EQ(body(get("/.well-known/acme")), "public");
}

TEST_F(StaticFile, ObeysConditions) {
    const std::string tag = field(get("/hello.txt"), "ETag");
    const std::string modified = field(get("/hello.txt"), "Last-Modified");
    const std::string weak = "W/" + tag;
    const std::string list = "\"a\", " + tag;
    constexpr std::string_view kOld = "Sun, 06 Nov 1994 08:49:37 GMT";
    const std::pair<FileRequest, int> cases[] = {
        {{.if_none_match = tag}, 304},
        {{.if_none_match = weak}, 304},
        {{.if_none_match = list}, 304},
        {{.if_none_match = "*"}, 304},
        {{.if_none_match = "\"a\""}, 200},
        {{.if_none_match = "\"a\"", .if_modified_since = modified}, 200},
        {{.if_modified_since = modified}, 304},
        {{.if_modified_since = kOld}, 200},
        {{.if_modified_since = "rubbish"}, 200},
        {{.if_match = tag}, 200},
        {{.if_match = "*"}, 200},
        {{.if_match = weak}, 412},
        {{.if_match = "\"a\""}, 412},
        {{.if_unmodified_since = modified}, 200},
        {{.if_unmodified_since = kOld}, 412},
    };
    for (const auto& [request, status] : cases) {
        const FileAnswer answer = get("/hello.txt", request);
        EXPECT_EQ(answer.status, status) << request.if_match << request.if_none_match;
        EXPECT_EQ(field(answer, "ETag").empty(), status == 412);
    }
}

TEST_F(StaticFile, GivesOneRange) {
    struct Case {
        std::string_view range;
        int status;
        std::string_view body;
        std::string_view content_range;
    };
    const Case cases[] = {
        {"bytes=0-0", 206, "0", "bytes 0-0/10"},
        {"bytes=2-4", 206, "234", "bytes 2-4/10"},
        {"BYTES=7-", 206, "789", "bytes 7-9/10"},
        {"bytes=-3", 206, "789", "bytes 7-9/10"},
        {"bytes=-30", 206, "0123456789", "bytes 0-9/10"},
        {"bytes=5-99999999999", 206, "56789", "bytes 5-9/10"},
        {"bytes=10-", 416, "", "bytes */10"},
        {"bytes=-0", 416, "", "bytes */10"},
        {"bytes=4-2", 200, "0123456789", ""},
        {"bytes=0-1,4-5", 200, "0123456789", ""},
        {"bytes=a-b", 200, "0123456789", ""},
        {"bytes=", 200, "0123456789", ""},
        {"bytes=99999999999999999999-", 200, "0123456789", ""},
        {"lines=1-2", 200, "0123456789", ""},
    };
    for (const Case& one : cases) {
        const FileAnswer answer = get("/hello.txt", {.range = one.range});
        EXPECT_EQ(answer.status, one.status) << one.range;
        EXPECT_EQ(field(answer, "Content-Range"), one.content_range) << one.range;
        if (answer.status != 416) {
            EXPECT_EQ(body(answer), one.body) << one.range;
        }
    }
    EXPECT_EQ(get("/empty", {.range = "bytes=-1"}).status, 416);
}

TEST_F(StaticFile, GivesARangeOnlyOfTheSameFile) {
    const std::string tag = field(get("/hello.txt"), "ETag");
    const std::string modified = field(get("/hello.txt"), "Last-Modified");
    EXPECT_EQ(get("/hello.txt", {.range = "bytes=1-2", .if_range = tag}).status, 206);
    EXPECT_EQ(get("/hello.txt", {.range = "bytes=1-2", .if_range = modified}).status, 206);
    EXPECT_EQ(get("/hello.txt", {.range = "bytes=1-2", .if_range = "\"old\""}).status, 200);
    const std::string weak = "W/" + tag;
    EXPECT_EQ(get("/hello.txt", {.range = "bytes=1-2", .if_range = weak}).status, 200);
}

TEST_F(StaticFile, OnlyReads) {
    EXPECT_EQ(get("/hello.txt", {.method = wire::Method::kPost}).status, 405);
    const FileAnswer answer = get("/hello.txt", {.method = wire::Method::kHead});
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(field(answer, "Content-Length"), "10");
}

TEST_F(StaticFile, SeesAChangeWithinASecond) {
    EXPECT_EQ(body(get("/hello.txt")), "0123456789");
    write("root/hello.txt", "new");
    EXPECT_EQ(body(get("/hello.txt")), "0123456789");
    now_ += kFileLookPause;
    EXPECT_EQ(body(get("/hello.txt")), "new");
    std::filesystem::rename(spec_.root, temporary_.file("old"));
    now_ += kFileLookPause;
    EXPECT_EQ(get("/hello.txt").status, 404);
    EXPECT_TRUE(os::make_directories(spec_.root));
    write("root/hello.txt", "newer");
    EXPECT_EQ(body(get("/hello.txt")), "newer");
}

TEST_F(StaticFile, KeepsAtMostWhatItMay) {
    for (int i = 0; i < 40; ++i) {
        write(fmt::format("root/{}.bin", i), std::string(100'000, 'x'));
    }
    for (int i = 0; i < 40; ++i) {
        EXPECT_EQ(get(fmt::format("/{}.bin", i)).length, 100'000U);
        EXPECT_LE(store_.bytes(), store_.bytes_max());
    }
    EXPECT_EQ(store_.files(), 10U);
    EXPECT_EQ(store_.open_files(), 10U);
    now_ += kFileLookPause;
    for (int i = 0; i < 40; ++i) {
        std::filesystem::remove(temporary_.file(fmt::format("root/{}.bin", i)));
        EXPECT_EQ(get(fmt::format("/{}.bin", i)).status, 404);
    }
    EXPECT_EQ(store_.files(), 0U);
    EXPECT_EQ(store_.open_files(), 0U);
    EXPECT_EQ(store_.bytes(), 0U);
}

TEST_F(StaticFile, KeepsFewFilesOpen) {
    store_.reset(Bytes::mib(64).count);
    for (size_t i = 0; i < kOpenFilesMax + 5; ++i) {
        write(fmt::format("root/{}.bin", i), std::string(kSendFileMin, 'x'));
        const FileAnswer answer = get(fmt::format("/{}.bin", i));
        EXPECT_TRUE(answer.body->file);
        EXPECT_TRUE(answer.body->in_memory());
    }
    EXPECT_EQ(store_.open_files(), kOpenFilesMax);
    EXPECT_EQ(store_.files(), kOpenFilesMax);
}

TEST_F(StaticFile, DoesNotKeepLargeOnesNorAnyWithoutRoom) {
    write("root/large.bin", std::string(kStoredFileMax + 1, 'x'));
    EXPECT_TRUE(get("/large.bin").body->file);
    EXPECT_EQ(store_.files(), 0U);
    store_.reset(0);
    EXPECT_EQ(body(get("/hello.txt")), "0123456789");
    EXPECT_EQ(store_.files(), 0U);
}

TEST_F(StaticFile, PrefersTheFilesOwnForms) {
    write("root/app.js", std::string(5000, 'a'));
    write("root/app.js.br", "brotli");
    write("root/app.js.gz", "gzip");
    const FileAnswer best = get("/app.js", {.accept_encoding = "gzip, deflate, br, zstd"});
    EXPECT_EQ(body(best), "brotli");
    EXPECT_EQ(field(best, "Content-Encoding"), "br");
    EXPECT_EQ(field(best, "Content-Type"), "text/javascript; charset=utf-8");
    EXPECT_EQ(field(best, "Vary"), "Accept-Encoding");
    EXPECT_EQ(body(get("/app.js", {.accept_encoding = "gzip"})), "gzip");
    const FileAnswer plain = get("/app.js");
    EXPECT_EQ(body(plain), std::string(5000, 'a'));
    EXPECT_EQ(field(plain, "Vary"), "Accept-Encoding");
    EXPECT_NE(field(plain, "ETag"), field(best, "ETag"));
    EXPECT_EQ(
        get("/app.js", {.accept_encoding = "br", .if_none_match = field(best, "ETag")}).status,
        304);
    EXPECT_EQ(get("/app.js", {.accept_encoding = "br", .range = "bytes=0-1"}).status, 206);
    spec_.precompressed = false;
    EXPECT_EQ(field(get("/app.js", {.accept_encoding = "gzip"}), "ETag").substr(0, 3), "W/\"");
    spec_.precompressed = true;
    std::filesystem::remove(temporary_.file("root/app.js.br"));
    now_ += kFileLookPause;
    EXPECT_EQ(body(get("/app.js", {.accept_encoding = "gzip, br"})), "gzip");
}

TEST_F(StaticFile, EncodesOnceWhatHasNoFormOfItsOwn) {
    write("root/app.css", std::string(50'000, 'a'));
    const FileAnswer first = get("/app.css", {.accept_encoding = "zstd"});
    EXPECT_EQ(field(first, "Content-Encoding"), "zstd");
    EXPECT_LT(first.length, 1000U);
    EXPECT_EQ(first.body, get("/app.css", {.accept_encoding = "zstd"}).body);
    const std::string tag = field(first, "ETag");
    EXPECT_EQ(tag.substr(0, 3), "W/\"");
    EXPECT_EQ(get("/app.css", {.accept_encoding = "zstd", .if_none_match = tag}).status, 304);
    write("root/large.css", std::string(kStoredFileMax + 1, 'a'));
    const FileAnswer large = get("/large.css", {.accept_encoding = "br"});
    EXPECT_TRUE(large.body->encode_now);
    EXPECT_EQ(field(large, "Content-Length"), "");
    EXPECT_EQ(field(large, "Content-Encoding"), "br");
}

TEST_F(StaticFile, LetsBrowsersKeepNamesWithADigest) {
    write("root/app.3f2a9c1b.js", "x");
    EXPECT_EQ(field(get("/app.3f2a9c1b.js"), "Cache-Control"),
              "public, max-age=31536000, immutable");
    EXPECT_EQ(field(get("/hello.txt"), "Cache-Control"), "");
    spec_.immutable = false;
    EXPECT_EQ(field(get("/app.3f2a9c1b.js"), "Cache-Control"), "");
}

TEST(AssetName, KnowsDigestsFromWordsAndDates) {
    for (const char* const name :
         {"app.3f2a9c1b.js", "assets/index-BvK3x9Qa.css", "chunk-X7QW2ABC.js",
          "main.8d1fbbbd7b7a0f4c2e9e.bundle.js", "a/b/logo_D34DB33F.svg", "x.3f2a9c1b.js.map"}) {
        EXPECT_TRUE(names_a_digest(name)) << name;
    }
    for (const char* const name :
         {"app.js", "report-20261121.pdf", "jquery-3.7.1.min.js", "photo-IMG12345.jpg",
          "app-Release2.js", "3f2a9c1b.js", "app.3f2a9c1b", "bootstrap.bundle.js",
          "deadbeef-facade.txt", "my-Document1.pdf", "", "/"}) {
        EXPECT_FALSE(names_a_digest(name)) << name;
    }
}

TEST(MediaType, GoesByTheEndOfTheName) {
    EXPECT_EQ(media_type("a/b.JS"), "text/javascript; charset=utf-8");
    EXPECT_EQ(media_type("a.tar.gz"), "application/gzip");
    EXPECT_EQ(media_type("README"), "application/octet-stream");
}

}  // namespace
}  // namespace shore::gateway
