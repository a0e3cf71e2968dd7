// What is counted and told about traffic: traces, buckets of response times, rates.
#include "gateway/traffic.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/header_edits.h"
#include "gateway/trace_context.h"
#include "gateway/traffic_view.h"

namespace shore::gateway {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::string_view kGiven = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

TraceContext chosen(const std::string& fields) {
    base::Random random(7);
    const std::string text = "GET / HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n";
    wire::RequestHead head;
    EXPECT_EQ(wire::parse_request(text.data(), text.size(), {}, head), wire::ParseStatus::kDone);
    TraceContext trace;
    trace.choose(text.data(), head, random);
    return trace;
}

TEST(TraceContext, ContinuesATraceWithASpanOfItsOwn) {
    const TraceContext trace = chosen(fmt::format("traceparent: {}\r\n", kGiven));
    EXPECT_TRUE(trace.continued());
    EXPECT_EQ(trace.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
    EXPECT_NE(trace.span_id(), "00f067aa0ba902b7");
    EXPECT_TRUE(is_traceparent(trace.text()));
    EXPECT_TRUE(trace.text().ends_with("-01"));
}

TEST(TraceContext, KeepsThatATraceIsNotSampledAndNoOtherFlag) {
    const std::string unsampled = std::string(kGiven.substr(0, 53)) + "fe";
    EXPECT_TRUE(chosen("traceparent: " + unsampled + "\r\n").text().ends_with("-00"));
}

// Section 4.1: versions; section 3.2.2: forms.
TEST(TraceContext, BeginsATraceWhereTheRequestHasNoValidOne) {
    for (const std::string& fields :
         {std::string(), std::string("traceparent: 1\r\n"),
          fmt::format("traceparent: {}\r\ntraceparent: {}\r\n", kGiven, kGiven)}) {
        const TraceContext trace = chosen(fields);
        EXPECT_FALSE(trace.continued());
        EXPECT_TRUE(is_traceparent(trace.text())) << trace.text();
    }
    const std::string good(kGiven);
    const auto with = [&](size_t at, std::string_view text) {
        return std::string(good).replace(at, text.size(), text);
    };
    EXPECT_TRUE(is_traceparent(good));
    EXPECT_FALSE(is_traceparent(with(0, "ff")));
    EXPECT_FALSE(is_traceparent(with(0, "0g")));
    EXPECT_FALSE(is_traceparent(with(4, "B")));
    EXPECT_FALSE(is_traceparent(with(3, std::string(32, '0'))));
    EXPECT_FALSE(is_traceparent(with(36, std::string(16, '0'))));
    EXPECT_FALSE(is_traceparent(with(35, "_")));
    EXPECT_FALSE(is_traceparent(good + "-extra"));
    EXPECT_FALSE(is_traceparent(good.substr(0, 54)));
    EXPECT_TRUE(is_traceparent(with(0, "01") + "-extra"));
    EXPECT_TRUE(is_traceparent(with(0, "cc")));
    EXPECT_FALSE(is_traceparent(with(0, "01") + ".extra"));
}

TEST(Latency, QuantilesAreOffByAtMostOneThirtySecond) {
    for (const int64_t exact : {20, 33, 999, 1'000, 12'345, 500'000, 59'999'999}) {
        Latency latency;
        latency.count(microseconds(exact));
        const double told = latency.quantile(0.5) * 1e6;
        EXPECT_NEAR(told, static_cast<double>(exact), static_cast<double>(exact) / 32 + 0.5);
    }
}

TEST(Latency, BucketsFollowOneAnotherWithoutAGap) {
    size_t last = 0;
    for (uint64_t value = 1; value < 100'000; ++value) {
        const size_t bucket = Latency::bucket_of(value);
        ASSERT_TRUE(bucket == last || bucket == last + 1) << value;
        last = bucket;
    }
    EXPECT_EQ(Latency::bucket_of(UINT64_MAX), Latency::kBuckets - 1);
}

TEST(Latency, TellsTheTimeThatAShareDidNotExceed) {
    Latency latency;
    EXPECT_EQ(latency.quantile(0.5), 0);
    for (int i = 1; i <= 1000; ++i) {
        latency.count(milliseconds(i));
    }
    EXPECT_NEAR(latency.quantile(0.50), 0.500, 0.016);
    EXPECT_NEAR(latency.quantile(0.95), 0.950, 0.030);
    EXPECT_NEAR(latency.quantile(0.99), 0.990, 0.031);
}

TEST(TrafficHistory, LooksBackOverAWindowAndForgetsWhatIsOlder) {
    TrafficHistory history;
    Counters counters;
    SteadyTime now{seconds(100)};
    history.sample(counters, now);
    for (int i = 0; i < 20; ++i) {
        // 5 requests each 5 seconds; the first 10 times slow ones.
        for (int j = 0; j < 5; ++j) {
            counters.route(3).count_response(200, i < 10 ? seconds(1) : milliseconds(1));
        }
        now += seconds(5);
        history.sample(counters, now);
    }
    counters.unrouted.count_response(503, milliseconds(2));
    const auto window = history.window(counters, now + seconds(1), seconds(10));
    EXPECT_EQ(window.length, seconds(11));
    ASSERT_EQ(window.routes.size(), 2U);
    const auto& route = *std::ranges::find(window.routes, 3U, &RouteTraffic::slot);
    EXPECT_EQ(route.requests(), 10U);
    EXPECT_NEAR(route.latency.quantile(0.99), 0.001, 0.00004);
    const auto minute = history.window(counters, now, seconds(600));
    EXPECT_LE(minute.length, seconds(60));
    EXPECT_EQ(minute.routes.size(), 2U);
}

TEST(TrafficHistory, IsToldWithRatesAndQuantiles) {
    TrafficHistory history;
    Counters counters;
    history.sample(counters, SteadyTime(seconds(1)));
    for (int i = 0; i < 20; ++i) {
        counters.route(0).count_response(i < 5 ? 502 : 200, milliseconds(8));
    }
    const std::vector<std::string> names = {"shop/api"};
    const auto window = history.window(counters, SteadyTime(seconds(5)), seconds(10));
    const wire::Json told = traffic_json(window, names)["routes"].items()[0];
    EXPECT_EQ(told["name"].text(), "shop/api");
    EXPECT_EQ(told["rate"].number(), 5);
    EXPECT_EQ(told["errors"].integer(), 5);
    EXPECT_NEAR(told["p99_ms"].number(), 8, 0.25);
    observe::MetricsText text;
    write_quantiles(text, window, names);
    EXPECT_THAT(text.take(), testing::HasSubstr(
                                 "shore_gateway_request_duration_p99_seconds{route=\"shop/api\"}"));
}

TEST(CompiledEdits, EditWholeLinesAndLetNoCacheKeepAnError) {
    const CompiledEdits edits(
        {.remove = {"server"}, .set = {{"Cache-Control", "max-age=60"}, {"X-A", "1"}}});
    const std::string_view lines = "Server: shore\r\ncache-control: no-store\r\nDate: x\r\n";
    EXPECT_EQ(edits.edited(lines, CompiledEdits::Answer::kGood),
              "Date: x\r\nCache-Control: max-age=60\r\nX-A: 1\r\n");
    EXPECT_EQ(edits.edited(lines, CompiledEdits::Answer::kError),
              "cache-control: no-store\r\nDate: x\r\nX-A: 1\r\n");
}

}  // namespace
}  // namespace shore::gateway
