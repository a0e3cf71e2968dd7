#include "config/check.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/limits.h"
#include "support/allocations.h"

namespace shore::config {

namespace {

constexpr size_t kServices = kServicesMax;
constexpr size_t kMissingEach = 90;

/// As many services as may be, each with dependencies that nobody declares.
Node stack_of_slips() {
    const Place place;
    Node services = Node::map(place);
    for (size_t i = 0; i < kServices; ++i) {
        Node dependencies = Node::map(place);
        for (size_t j = 0; j < kMissingEach; ++j) {
            dependencies.entries.push_back(
                {fmt::format("a-service-that-is-missing-{}-{}", i, j), place, Node::map(place)});
        }
        Node command = Node::list(place);
        command.items.push_back(Node::string("./run", place));
        Node service = Node::map(place);
        service.set("command", std::move(command));
        service.set("depends_on", std::move(dependencies));
        services.entries.push_back(
            {fmt::format("a-service-with-a-long-name-{}", i), place, std::move(service)});
    }
    Node document = Node::map(place);
    document.set("services", std::move(services));
    return document;
}

}  // namespace

TEST(Check, StopsSearchingForNearNamesWhenNoFurtherProblemIsKept) {
    if (!support::allocations_are_counted()) {
        return;  // A sanitizer's own allocator counts nothing.
    }
    const Node document = stack_of_slips();
    Report report;
    const uint64_t before = support::allocations();
    check_names(document, report);
    const uint64_t spent = support::allocations() - before;
    EXPECT_TRUE(report.full());
    // A few for each missing name. Copying the names of all services for each would be 90 million.
    EXPECT_LT(spent, 10 * kServices * kMissingEach);
}

}  // namespace shore::config
