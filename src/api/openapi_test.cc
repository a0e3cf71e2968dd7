// What is made from the tables: the OpenAPI document, judged by Redocly's linter, and the reference
// page.
#include "api/openapi.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>

#include <gtest/gtest.h>

#include "api/endpoint.h"
#include "api/progress_feed.h"
#include "api/router.h"
#include "api/schema.h"
#include "os/directory.h"
#include "os/file.h"

namespace shore::api {
namespace {

TEST(OpenApi, HasEveryEndpointOnce) {
    const wire::Json document = openapi_document("0.1.0");
    EXPECT_EQ(document["openapi"].text(), "3.1.0");
    size_t operations = 0;
    std::set<std::string_view> ids;
    for (const wire::Json::Member& path : document["paths"].members()) {
        for (const wire::Json::Member& method : path.value.members()) {
            ++operations;
            ids.insert(method.value["operationId"].text());
        }
    }
    EXPECT_EQ(operations, endpoints().size());
    EXPECT_EQ(ids.size(), endpoints().size());
}

TEST(OpenApi, RedoclyFindsNoError) {
    const std::string redocly = SHORE_SOURCE_DIR "/tests/clients/node_modules/.bin/redocly";
    ASSERT_TRUE(std::filesystem::exists(redocly)) << redocly << " is missing; run `make deps`";
    const auto directory = *os::TemporaryDirectory::create();
    std::ofstream(directory.file("openapi.json")) << openapi_document("0.1.0").dump_indented();
    // No network: neither telemetry nor the look for a newer version.
    const std::string command = fmt::format(
        "cd {} && REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true CI=1 {} lint "
        "--format=stylish "
        "openapi.json 2>&1",
        directory.path(), redocly);
    FILE* pipe = ::popen(command.c_str(), "r");
    ASSERT_NE(pipe, nullptr);
    std::string output;
    char buffer[4096];
    while (const size_t got = ::fread(buffer, 1, sizeof buffer, pipe)) {
        output.append(buffer, got);
    }
    EXPECT_EQ(::pclose(pipe), 0) << output;
    EXPECT_EQ(output.find("warning"), std::string::npos) << output;
}

/// A page that is not current is written anew beside, to be looked at and copied.
TEST(ApiReference, PageIsWhatTheTablesSay) {
    const std::string page = SHORE_SOURCE_DIR "/docs/reference/api.md";
    const auto current = os::read_file(page, Bytes::mib(1));
    const std::string expected = reference_page();
    if (!current || *current != expected) {
        const auto written = std::filesystem::temp_directory_path() / "shore-api.md";
        std::ofstream(written, std::ios::binary) << expected;
        FAIL() << page << " is not current; copy " << written << " over it";
    }
}

TEST(Schemas, AreSortedAndNameOnlyEachOther) {
    std::set<std::string_view> names;
    for (const Schema& row : schemas()) {
        names.insert(row.name);
    }
    EXPECT_TRUE(std::ranges::is_sorted(schemas(), {}, &Schema::name));
    for (const Schema& row : schemas()) {
        for (const Property& property : row.properties) {
            EXPECT_TRUE(property.of.empty() || names.contains(property.of))
                << row.name << " " << property.name;
        }
    }
    for (const Endpoint& endpoint : endpoints()) {
        EXPECT_TRUE(endpoint.request.empty() || names.contains(endpoint.request)) << endpoint.id;
        EXPECT_TRUE(endpoint.response.empty() || names.contains(endpoint.response)) << endpoint.id;
    }
}

TEST(Authorise, ARoleMayWhatTheRolesBelowItMay) {
    for (const Endpoint& endpoint : endpoints()) {
        for (const Role role : {Role::kAnyone, Role::kViewer, Role::kOperator, Role::kOwner}) {
            const auto allowed = authorise({.name = "uid 1000", .role = role}, endpoint);
            EXPECT_EQ(allowed.has_value(), role >= endpoint.role) << endpoint.id;
            if (!allowed) {
                EXPECT_EQ(allowed.error().status(), role == Role::kAnyone ? 401 : 403);
            }
        }
    }
}

}  // namespace
}  // namespace shore::api
