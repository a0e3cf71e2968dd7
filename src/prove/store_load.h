// StoreLoad: clients of a Redis store that write without pause and remember what was acknowledged.
// At the end they read everything back: what was acknowledged and is not there was lost.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "async/event.h"
#include "async/scope.h"
#include "async/task.h"
#include "net/stream.h"
#include "wire/resp.h"

namespace shore::prove {

/// "redis://user:password@127.0.0.1:port".
struct StoreUrl {
    std::string user;
    std::string password;
    uint16_t port = 0;
};
Result<StoreUrl> parse_store_url(std::string_view url);

/// One connection; a command at a time. An error reply is a value.
class StoreClient final {
 public:
    static async::Task<Result<std::unique_ptr<StoreClient>>> connect(async::Loop& loop,
                                                                     StoreUrl url);
    async::Task<Result<wire::RespValue>> ask(std::vector<std::string> command);

 private:
    StoreClient(async::Loop& loop, std::unique_ptr<net::Stream> stream)
        : loop_(loop), stream_(std::move(stream)) {}
    async::Loop& loop_;
    std::unique_ptr<net::Stream> stream_;
    std::string buffer_;
};

class StoreLoad final {
 public:
    static constexpr uint32_t kWriters = 4;

    StoreLoad(async::Loop& loop, StoreUrl url);

    void start();
    /// Waits until so many more writes are acknowledged; false when that takes too long.
    async::Task<bool> more(uint64_t writes);
    /// Forgets the longest gap: what is measured next begins here.
    void begin_round();
    /// Since begin_round(): the longest time between two acknowledged writes of all writers.
    Duration worst_gap() const { return worst_gap_; }
    /// Stops, reads back. How many acknowledged writes are missing.
    async::Task<Result<uint64_t>> count_lost();

    uint64_t acknowledged() const { return acknowledged_; }
    uint64_t unknown() const { return unknown_; }
    /// Other errors, the first few in words.
    const std::vector<std::string>& errors() const { return errors_; }
    std::string summary() const;

 private:
    async::Task<void> write(uint32_t writer);
    void note_error(std::string text);

    async::Loop& loop_;
    StoreUrl url_;
    bool stopping_ = false;
    uint64_t acknowledged_ = 0;
    uint64_t unknown_ = 0;
    std::vector<std::string> errors_;
    std::vector<std::vector<uint64_t>> values_;  // By writer: acknowledged ones, ascending.
    SteadyTime last_{};
    Duration worst_gap_{};
    async::Event progress_;
    async::Scope scope_;
};

}  // namespace shore::prove
