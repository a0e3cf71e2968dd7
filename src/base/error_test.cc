#include "base/error.h"

#include <cerrno>
#include <set>

#include <gtest/gtest.h>

#include "base/result.h"

namespace shore::base {
namespace {

TEST(Error, IsOnePointerWide) {
    EXPECT_EQ(sizeof(Error), sizeof(void*));
}

TEST(Error, PutsTheOutermostContextFirst) {
    const Error error =
        Error(ErrorCode::kNotFound, "no such file").with("instance api-2").with("stack shop");
    EXPECT_EQ(error.text(), "stack shop: instance api-2: no such file");
    EXPECT_EQ(error.message(), "no such file");
    EXPECT_EQ(error.code(), ErrorCode::kNotFound);
    EXPECT_EQ(error.errno_value(), 0);
}

TEST(Error, FromErrnoKeepsTheNumberAndNamesTheReason) {
    const Error error = Error::from_errno(ENOENT, "open /tmp/nothing");
    EXPECT_EQ(error.code(), ErrorCode::kNotFound);
    EXPECT_EQ(error.errno_value(), ENOENT);
    EXPECT_EQ(error.text(), "open /tmp/nothing: No such file or directory");
}

TEST(Error, FromErrnoSortsTheKindsThatCallersTellApart) {
    EXPECT_EQ(Error::from_errno(EACCES, "x").code(), ErrorCode::kPermission);
    EXPECT_EQ(Error::from_errno(EADDRINUSE, "x").code(), ErrorCode::kConflict);
    EXPECT_EQ(Error::from_errno(ENOSPC, "x").code(), ErrorCode::kExhausted);
    EXPECT_EQ(Error::from_errno(ETIMEDOUT, "x").code(), ErrorCode::kTimeout);
    EXPECT_EQ(Error::from_errno(ECONNREFUSED, "x").code(), ErrorCode::kUnavailable);
}

TEST(Error, CopiesAreIndependent) {
    const Error first(ErrorCode::kTimeout, "slow");
    Error second = first;
    second.with("probe");
    EXPECT_EQ(first.text(), "slow");
    EXPECT_EQ(second.text(), "probe: slow");
    EXPECT_NE(first, second);
    second = first;
    EXPECT_EQ(first, second);
}

TEST(ErrorCode, EveryCodeHasAnOwnName) {
    std::set<std::string_view> names;
    for (int code = 1; code <= 11; ++code) {
        names.insert(to_string(static_cast<ErrorCode>(code)));
    }
    EXPECT_EQ(names.size(), 11);
    EXPECT_TRUE(names.contains("not_found"));
}

Result<int> half(int number) {
    if (number % 2 != 0) {
        return fail(ErrorCode::kInvalid, "{} is odd", number);
    }
    return number / 2;
}

Result<int> quarter(int number) {
    SHORE_TRY(const int once, half(number));
    SHORE_TRY(const int twice, half(once));
    return twice;
}

Result<> even(int number, int& calls) {
    ++calls;
    SHORE_CHECK(half(number));
    ++calls;
    return {};
}

TEST(Result, TryDeclaresTheValueOrPassesTheErrorOn) {
    EXPECT_EQ(quarter(12).value(), 3);
    ASSERT_FALSE(quarter(6));
    EXPECT_EQ(quarter(6).error().message(), "3 is odd");
}

TEST(Result, CheckReturnsAtTheFirstFailure) {
    int calls = 0;
    EXPECT_TRUE(even(2, calls));
    EXPECT_EQ(calls, 2);
    EXPECT_FALSE(even(3, calls));
    EXPECT_EQ(calls, 3);
}

}  // namespace
}  // namespace shore::base
