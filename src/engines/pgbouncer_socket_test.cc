#include "engines/pgbouncer_socket.h"

#include <array>
#include <cerrno>
#include <thread>

#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "os/directory.h"

namespace shore::engines {
namespace {

/// This process listens, as a server would.
class PgBouncerSocketTest : public testing::Test {
 protected:
    os::Fd listen_on(const std::string& path) {
        os::Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        EXPECT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        EXPECT_EQ(::listen(socket.get(), 1), 0);
        return socket;
    }

    os::TemporaryDirectory directory_ = *os::TemporaryDirectory::create();
    std::string path_ = directory_.file("one");
    os::Fd other_ = listen_on(directory_.file("other"));
    os::Fd listening_ = listen_on(path_);
};

ino_t inode_of(const os::Fd& fd) {
    struct stat facts{};
    EXPECT_EQ(::fstat(fd.get(), &facts), 0);
    return facts.st_ino;
}

/// As the kernel does where yama or a container forbids it: for the thread that calls this.
void forbid_copying() {
    std::array filter = {
        sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pidfd_getfd, 0, 1),
        sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog program{.len = filter.size(), .filter = filter.data()};
    ASSERT_EQ(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    ASSERT_EQ(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

TEST_F(PgBouncerSocketTest, IsTheOneThatListensOnThePath) {
    const auto copy =
        copy_listening_socket_blocking(::getpid(), path_, &os::Process::copy_descriptor);
    ASSERT_TRUE(copy) << copy.error().text();
    EXPECT_NE(copy->get(), listening_.get());
    EXPECT_EQ(inode_of(*copy), inode_of(listening_));
}

TEST_F(PgBouncerSocketTest, IsNotFoundWhereNobodyListens) {
    const auto copy = copy_listening_socket_blocking(::getpid(), directory_.file("none"),
                                                     &os::Process::copy_descriptor);
    ASSERT_FALSE(copy);
    EXPECT_EQ(copy.error().code(), ErrorCode::kNotFound);
}

TEST_F(PgBouncerSocketTest, ADescriptorThatIsClosedMeanwhileIsPassedOver) {
    int refused = 0;
    const auto copy = copy_listening_socket_blocking(
        ::getpid(), path_, [&](const os::Process& process, int number) -> Result<os::Fd> {
            if (number != listening_.get()) {
                ++refused;
                return fail(Error::from_errno(EBADF, "copy"));
            }
            return process.copy_descriptor(number);
        });
    ASSERT_TRUE(copy) << copy.error().text();
    EXPECT_GT(refused, 0);
}

TEST_F(PgBouncerSocketTest, AKernelThatForbidsItIsAskedOnce) {
    int asked = 0;
    const auto copy = copy_listening_socket_blocking(
        ::getpid(), path_, [&](const os::Process&, int) -> Result<os::Fd> {
            ++asked;
            return fail(Error::from_errno(EPERM, "copy"));
        });
    ASSERT_FALSE(copy);
    EXPECT_EQ(copy.error().code(), ErrorCode::kPermission);
    EXPECT_EQ(asked, 1);
}

TEST_F(PgBouncerSocketTest, ARealKernelThatForbidsItSaysSo) {
    std::thread([this] {
        ASSERT_NO_FATAL_FAILURE(forbid_copying());
        const auto copy =
            copy_listening_socket_blocking(::getpid(), path_, &os::Process::copy_descriptor);
        ASSERT_FALSE(copy);
        EXPECT_EQ(copy.error().code(), ErrorCode::kPermission);
    }).join();
}

}  // namespace
}  // namespace shore::engines
