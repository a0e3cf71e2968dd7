#include "gateway/content_coding.h"

#include <gtest/gtest.h>

#include "model/content_options.h"

namespace shore::gateway {
namespace {

const std::vector<Coding> kAll = {Coding::kZstd, Coding::kBrotli, Coding::kGzip};

Coding chosen(std::string_view accept_encoding) {
    return choose_coding(accepted_codings(accept_encoding), kAll);
}

TEST(AcceptEncoding, GivesTheServersFavouriteAmongEquals) {
    EXPECT_EQ(chosen("gzip, deflate, br, zstd"), Coding::kZstd);
    EXPECT_EQ(chosen("gzip, deflate, br"), Coding::kBrotli);
    EXPECT_EQ(chosen("deflate, gzip"), Coding::kGzip);
    EXPECT_EQ(chosen("GZip"), Coding::kGzip);
    EXPECT_EQ(chosen("x-gzip"), Coding::kGzip);
}

TEST(AcceptEncoding, FollowsTheClientsWeights) {
    EXPECT_EQ(chosen("zstd;q=0.2, br;q=0.9, gzip;q=0.5"), Coding::kBrotli);
    EXPECT_EQ(chosen("zstd; q=0.001 , gzip ;q=0.01"), Coding::kGzip);
    EXPECT_EQ(chosen("zstd;Q=0.5,gzip"), Coding::kGzip);
    EXPECT_EQ(chosen("gzip;q=0.5, identity;q=0.8"), Coding::kIdentity);
    EXPECT_EQ(chosen("gzip;q=0.5, identity;q=0.5"), Coding::kGzip);
}

TEST(AcceptEncoding, KnowsWhatIsNotAcceptable) {
    EXPECT_EQ(chosen(""), Coding::kIdentity);
    EXPECT_EQ(chosen("deflate"), Coding::kIdentity);
    EXPECT_EQ(chosen("gzip;q=0"), Coding::kIdentity);
    EXPECT_EQ(chosen("*;q=0"), Coding::kIdentity);
    EXPECT_EQ(accepted_codings("*;q=0")[Coding::kIdentity], 0);
    EXPECT_EQ(accepted_codings("identity;q=0, gzip;q=0")[Coding::kIdentity], 0);
}

TEST(AcceptEncoding, TakesTheStarForWhatIsNotNamed) {
    EXPECT_EQ(chosen("*"), Coding::kZstd);
    EXPECT_EQ(chosen("zstd;q=0, *"), Coding::kBrotli);
    EXPECT_EQ(chosen("gzip, *;q=0.1"), Coding::kGzip);
    EXPECT_EQ(chosen("gzip, *;q=0"), Coding::kGzip);
}

TEST(AcceptEncoding, PassesOverWhatIsMalformed) {
    EXPECT_EQ(chosen("gzip;q=2, br;q=1.001, zstd;q=0.0001"), Coding::kIdentity);
    EXPECT_EQ(chosen("gzip;level=9"), Coding::kIdentity);
    EXPECT_EQ(chosen("zstd q=1, br"), Coding::kBrotli);
    EXPECT_EQ(chosen(",, ;q=1 ,gzip,"), Coding::kGzip);
    EXPECT_EQ(chosen("zstd;q=, br;q=., gzip;q=0."), Coding::kIdentity);
    EXPECT_EQ(chosen("gzip;q=1."), Coding::kGzip);
}

TEST(MediaTypes, ContainWhatThePatternsSay) {
    const MediaTypes types({"text/html", "font/*", "application/*+json"});
    EXPECT_TRUE(types.contain("text/html"));
    EXPECT_TRUE(types.contain("Text/HTML; charset=utf-8"));
    EXPECT_TRUE(types.contain("font/ttf"));
    EXPECT_TRUE(types.contain("application/problem+json;charset=utf-8"));
    EXPECT_FALSE(types.contain("text/htmlx"));
    EXPECT_FALSE(types.contain("text/plain"));
    EXPECT_FALSE(types.contain("font/"));
    EXPECT_FALSE(types.contain("application/+json"));
    EXPECT_FALSE(types.contain("application/json"));
    EXPECT_FALSE(types.contain(""));
}

TEST(MediaTypes, LeaveEventStreamsAloneByDefault) {
    const MediaTypes types(model::default_compress_types());
    EXPECT_TRUE(types.contain("application/json"));
    EXPECT_TRUE(types.contain("image/svg+xml"));
    EXPECT_FALSE(types.contain("text/event-stream"));
    EXPECT_FALSE(types.contain("image/png"));
    EXPECT_FALSE(types.contain("application/grpc"));
}

}  // namespace
}  // namespace shore::gateway
