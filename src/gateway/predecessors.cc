#include "gateway/predecessors.h"

#include <charconv>
#include <filesystem>

#include "async/deadline.h"
#include "gateway/limits.h"
#include "net/dial.h"
#include "observe/metrics.h"

namespace shore::gateway {

using async::Deadline;
using async::Task;

namespace {

/// The value of the series `name` without labels in Prometheus' text; 0 when there is none.
uint64_t sample_of(std::string_view text, std::string_view name) {
    const std::string line = fmt::format("\n{} ", name);
    const size_t at = text.find(line);
    uint64_t value = 0;
    if (at != std::string_view::npos) {
        std::from_chars(text.data() + at + line.size(), text.data() + text.size(), value);
    }
    return value;
}

}  // namespace

std::string retired_socket_path(const std::string& socket_path, int pid) {
    const std::filesystem::path path(socket_path);
    return (path.parent_path() / fmt::format("{}.{}.sock", path.stem().native(), pid)).native();
}

Predecessors::Predecessors(async::Loop& loop, std::string socket_path)
    : loop_(loop), socket_path_(std::move(socket_path)) {
}

Task<void> Predecessors::find() {
    const std::filesystem::path own(socket_path_);
    const std::string prefix = own.stem().native() + ".";
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(own.parent_path(), error)) {
        const std::string name = entry.path().filename().native();
        if (entry.path() == own || !name.starts_with(prefix) || !name.ends_with(".sock")) {
            continue;
        }
        const auto address = net::Address::unix_path(entry.path().native());
        if (!address) {
            continue;
        }
        if (!co_await net::dial(loop_, *address, Deadline::in(loop_, kProbeTimeout))) {
            std::filesystem::remove(entry.path(), error);
            continue;
        }
        auto link = std::make_shared<Link>(loop_, entry.path().native());
        link->start();
        links_.push_back(std::move(link));
    }
}

void Predecessors::forget_gone() {
    std::erase_if(links_, [](const auto& link) { return !link->connected(); });
}

Task<void> Predecessors::publish(const model::Snapshot& snapshot) {
    const std::vector<std::shared_ptr<Link>> links = links_;
    for (const auto& link : links) {
        if (!co_await link->publish(snapshot)) {
            // It has left, or it is stuck: no later deploy waits for it again.
            std::erase(links_, link);
        }
    }
    forget_gone();
}

Task<void> Predecessors::drained(const std::string& instance) {
    const std::vector<std::shared_ptr<Link>> links = links_;
    for (const auto& link : links) {
        if (link->connected()) {
            [[maybe_unused]] const auto left = co_await link->drained(instance, Deadline::never());
        }
    }
    forget_gone();
}

Task<std::string> Predecessors::metrics() {
    forget_gone();
    const std::vector<std::shared_ptr<Link>> links = links_;
    const Deadline deadline = Deadline::in(loop_, kPredecessorWait);
    uint64_t connections = 0;
    for (const auto& link : links) {
        if (const auto text = co_await link->metrics(deadline)) {
            connections += sample_of(*text, "shore_gateway_connections");
        }
    }
    observe::MetricsText text;
    text.begin("shore_gateway_predecessors", observe::MetricKind::kGauge,
               "Gateways that an upgrade has replaced and that still serve open connections.");
    text.sample({}, static_cast<uint64_t>(links.size()));
    text.begin("shore_gateway_predecessor_connections", observe::MetricKind::kGauge,
               "Connections of clients that those have.");
    text.sample({}, connections);
    co_return text.take();
}

}  // namespace shore::gateway
