#include "gateway/mirror.h"

#include <array>

#include "async/deadline.h"
#include "gateway/limits.h"
#include "net/dial.h"
#include "net/stream.h"

namespace shore::gateway {

using async::Deadline;
using async::Task;

namespace {

constexpr std::string_view kHeadEnd = "\r\n";
constexpr size_t kReadBytes = 16 * 1024;

/// Counts a copy as under way, here and at its endpoint, for as long as it lives.
class UnderWay final {
 public:
    UnderWay(size_t& count, Endpoint& endpoint) : count_(count), endpoint_(endpoint) {
        ++count_;
        endpoint_.begin_request();
    }
    UnderWay(const UnderWay&) = delete;
    UnderWay& operator=(const UnderWay&) = delete;
    ~UnderWay() {
        --count_;
        endpoint_.end_request();
    }

 private:
    size_t& count_;
    Endpoint& endpoint_;
};

}  // namespace

MirrorCopy::MirrorCopy(std::shared_ptr<Endpoint> endpoint, std::string_view head)
    : endpoint_(std::move(endpoint)) {
    bytes_ = head.substr(0, head.size() - kHeadEnd.size());
    bytes_ += "Connection: close\r\n\r\n";
    head_size_ = bytes_.size();
}

void MirrorCopy::add(std::string_view bytes) {
    if (!too_large_ && bytes_.size() - head_size_ + bytes.size() <= kMirrorBodyMax) {
        bytes_ += bytes;
        return;
    }
    too_large_ = true;
    bytes_ = {};
}

bool MirrorSender::send(std::unique_ptr<MirrorCopy> copy) {
    if (under_way_ >= kMirrorsMax) {
        return false;
    }
    scope_.spawn(run(std::move(copy)));
    return true;
}

Task<void> MirrorSender::run(std::unique_ptr<MirrorCopy> copy) {
    const UnderWay counted(under_way_, copy->endpoint());
    const Deadline deadline = Deadline::in(loop_, kMirrorTimeout);
    auto stream = co_await net::dial(loop_, copy->endpoint().address(), deadline);
    if (!stream || !co_await (*stream)->write_all(copy->bytes(), deadline)) {
        ++failed_;
        co_return;
    }
    // Until the app closes: one that is cut off would log an error.
    std::array<char, kReadBytes> piece;
    size_t read = 0;
    while (read < kMirrorAnswerMax) {
        const auto got = co_await (*stream)->read_some(piece, deadline);
        if (!got || *got == 0) {
            failed_ += read == 0 ? 1 : 0;
            break;
        }
        read += *got;
    }
}

}  // namespace shore::gateway
