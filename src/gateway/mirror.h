// Mirror: copies of a share of a route's requests for another service (x-shore.http.mirror). A copy
// leaves when its original has been answered, on a connection of its own; its answer is dropped.
// It never slows the original or fails it: what is too much is left out and counted.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "async/loop.h"
#include "async/scope.h"
#include "async/task.h"
#include "gateway/endpoint.h"

namespace shore::gateway {

struct RouteCounters;

/// A request to be sent again, being gathered.
class MirrorCopy final {
 public:
    /// `head` as it was sent; the copy's connection ends with its answer.
    MirrorCopy(std::shared_ptr<Endpoint> endpoint, std::string_view head);
    /// Further bytes of the request, as they are sent. Above kMirrorBodyMax it becomes useless.
    void add(std::string_view bytes);
    bool too_large() const { return too_large_; }
    const std::string& bytes() const { return bytes_; }
    Endpoint& endpoint() const { return *endpoint_; }

 private:
    std::shared_ptr<Endpoint> endpoint_;
    std::string bytes_;
    size_t head_size_;
    bool too_large_ = false;
};

/// A loop's copies under way.
class MirrorSender final {
 public:
    explicit MirrorSender(async::Loop& loop) : loop_(loop), scope_(loop) {}
    /// Sends a copy, unless kMirrorsMax are under way. True: it is on its way.
    bool send(std::unique_ptr<MirrorCopy> copy);
    uint64_t failed() const { return failed_; }
    /// Ends those under way; may be called twice.
    void stop() { scope_.stop(); }

 private:
    async::Task<void> run(std::unique_ptr<MirrorCopy> copy);

    async::Loop& loop_;
    uint64_t failed_ = 0;
    size_t under_way_ = 0;
    async::Scope scope_;
};

}  // namespace shore::gateway
