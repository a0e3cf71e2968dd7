#include "gateway/hand_over.h"

#include <algorithm>
#include <deque>

#include "gateway/limits.h"
#include "net/dial.h"
#include "net/limits.h"
#include "net/pass_descriptors.h"
#include "wire/base64.h"
#include "wire/json.h"

namespace shore::gateway {

using async::Deadline;
using async::Task;
using wire::Json;

namespace {

/// A line of the hand-over names one listener.
constexpr size_t kParcelBytesMax = 64 * 1024;

Error broken(std::string_view what) {
    return Error(ErrorCode::kCorrupt,
                 fmt::format("the gateway that runs answered the hand-over with {}", what));
}

}  // namespace

Task<Result<HandOver>> HandOver::ask(async::Loop& loop, std::string socket_path) {
    HandOver result;
    SHORE_CO_TRY(const net::Address address, net::Address::unix_path(socket_path));
    const Deadline deadline = Deadline::in(loop, kHandOverWait);
    auto stream = co_await net::dial(loop, address, deadline);
    if (!stream) {
        co_return result;
    }
    SHORE_CO_CHECK(co_await (*stream)->write_all("{\"hand_over\":true}\n", deadline));
    std::string received;
    std::deque<os::Fd> descriptors;
    while (true) {
        SHORE_CO_TRY(net::Parcel parcel,
                     co_await net::receive_parcel(**stream, kParcelBytesMax, deadline));
        received += parcel.bytes;
        std::ranges::move(parcel.descriptors, std::back_inserter(descriptors));
        size_t begin = 0;
        for (size_t end = received.find('\n'); end != std::string::npos;
             end = received.find('\n', begin)) {
            const auto line = Json::parse(std::string_view(received).substr(begin, end - begin));
            begin = end + 1;
            if (!line) {
                co_return fail(broken("no JSON"));
            }
            if (line->find("handed_over") != nullptr) {
                if (const Json* const keys = line->find("ticket_keys")) {
                    result.ticket_keys_ = wire::base64_decode(keys->text()).value_or(std::string());
                }
                result.stream_ = std::move(*stream);
                co_return result;
            }
            const Json* const listen = line->find("listen");
            const auto count = static_cast<uint64_t>((*line)["count"].integer());
            if (listen == nullptr || count > descriptors.size()) {
                co_return fail(broken(line->dump()));
            }
            std::vector<os::Fd>& sockets = result.sockets_[std::string(listen->text())];
            for (uint64_t i = 0; i < count; ++i) {
                sockets.push_back(std::move(descriptors.front()));
                descriptors.pop_front();
            }
        }
        received.erase(0, begin);
    }
}

Task<Result<void>> HandOver::confirm() {
    if (stream_ == nullptr) {
        co_return Result<void>();
    }
    const std::unique_ptr<net::Stream> stream = std::move(stream_);
    co_return co_await stream->write_all("{\"taken_over\":true}\n",
                                         Deadline::in(stream->loop(), kHandOverWait));
}

Task<Result<void>> send_hand_over(net::Stream& stream, const Inherited& sockets,
                                  std::string socket_path, std::string ticket_keys) {
    const Deadline deadline = Deadline::in(stream.loop(), kHandOverWait);
    for (const auto& [listen, descriptors] : sockets) {
        for (size_t done = 0; done < descriptors.size();) {
            const size_t count =
                std::min(descriptors.size() - done, size_t{net::kParcelDescriptorsMax});
            std::vector<int> part;
            for (size_t i = 0; i < count; ++i) {
                part.push_back(descriptors[done + i].get());
            }
            const Json line = Json::object().set("listen", listen).set("count", uint64_t{count});
            SHORE_CO_CHECK(
                co_await net::send_parcel(stream, line.dump() + "\n", std::move(part), deadline));
            done += count;
        }
    }
    const Json last = Json::object()
                          .set("handed_over", socket_path)
                          .set("ticket_keys", wire::base64(ticket_keys));
    co_return co_await stream.write_all(last.dump() + "\n", deadline);
}

}  // namespace shore::gateway
