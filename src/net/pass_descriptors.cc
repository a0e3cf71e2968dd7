#include "net/pass_descriptors.h"

#include <cerrno>

#include <sys/socket.h>

#include "async/ready_by.h"
#include "net/limits.h"

namespace shore::net {

namespace {

using ControlBuffer = std::array<char, CMSG_SPACE(sizeof(int) * kParcelDescriptorsMax)>;

void take_descriptors(msghdr& message, std::vector<os::Fd>& out) {
    for (cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr;
         head = CMSG_NXTHDR(&message, head)) {
        if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        const size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; ++i) {
            int descriptor = -1;
            std::memcpy(&descriptor, CMSG_DATA(head) + i * sizeof(int), sizeof(int));
            out.emplace_back(descriptor);
        }
    }
}

}  // namespace

async::Task<Result<void>> send_parcel(Stream& stream, std::string bytes,
                                      std::vector<int> descriptors, async::Deadline deadline) {
    SHORE_ASSERT(!bytes.empty());
    if (descriptors.size() > kParcelDescriptorsMax) {
        co_return fail(ErrorCode::kInvalid, "at most {} descriptors travel together, not {}",
                       kParcelDescriptorsMax, descriptors.size());
    }
    while (true) {
        alignas(cmsghdr) ControlBuffer control{};
        iovec part{bytes.data(), bytes.size()};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        if (!descriptors.empty()) {
            const size_t size = descriptors.size() * sizeof(int);
            message.msg_control = control.data();
            message.msg_controllen = CMSG_SPACE(size);
            cmsghdr* const head = CMSG_FIRSTHDR(&message);
            head->cmsg_level = SOL_SOCKET;
            head->cmsg_type = SCM_RIGHTS;
            head->cmsg_len = CMSG_LEN(size);
            std::memcpy(CMSG_DATA(head), descriptors.data(), size);
        }
        const ssize_t sent = sendmsg(stream.descriptor(), &message, MSG_NOSIGNAL);
        if (sent >= 0) {
            // The descriptors went with the first byte; the rest is plain.
            co_return co_await stream.write_all(
                std::string_view(bytes).substr(static_cast<size_t>(sent)), deadline);
        }
        if (errno != EAGAIN && errno != EINTR) {
            co_return fail(os::last_error("hand descriptors over"));
        }
        SHORE_CO_CHECK(co_await stream.wait_writable(deadline));
    }
}

async::Task<Result<Parcel>> receive_parcel(Stream& stream, size_t bytes_max,
                                           async::Deadline deadline) {
    while (true) {
        Parcel parcel;
        parcel.bytes.resize(bytes_max);
        alignas(cmsghdr) ControlBuffer control{};
        iovec part{parcel.bytes.data(), parcel.bytes.size()};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        const ssize_t got = recvmsg(stream.descriptor(), &message, MSG_CMSG_CLOEXEC);
        if (got > 0) {
            take_descriptors(message, parcel.descriptors);
            if ((message.msg_flags & MSG_CTRUNC) != 0) {
                co_return fail(ErrorCode::kExhausted, "some descriptors did not arrive: too many");
            }
            parcel.bytes.resize(static_cast<size_t>(got));
            co_return parcel;
        }
        if (got == 0) {
            co_return fail(ErrorCode::kUnavailable, "the peer has closed the connection");
        }
        if (errno != EAGAIN && errno != EINTR) {
            co_return fail(os::last_error("receive descriptors"));
        }
        SHORE_CO_CHECK(co_await stream.wait_readable(deadline));
    }
}

}  // namespace shore::net
