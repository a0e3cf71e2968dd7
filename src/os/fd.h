// Fd: one open descriptor, owned. Move-only; closes on destruction. Any thread, one at a time.
#pragma once

#include <utility>

#include "base/result.h"

namespace shore::os {

class [[nodiscard]] Fd final {
 public:
    Fd() = default;
    /// Takes over `descriptor`; -1 makes an empty Fd.
    explicit Fd(int descriptor) : descriptor_(descriptor) {}
    Fd(Fd&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
    Fd& operator=(Fd&& other) noexcept {
        if (this != &other) {
            close();
            descriptor_ = std::exchange(other.descriptor_, -1);
        }
        return *this;
    }
    ~Fd() { close(); }

    int get() const { return descriptor_; }
    explicit operator bool() const { return descriptor_ >= 0; }
    /// Gives the descriptor away; the caller closes it.
    int release() { return std::exchange(descriptor_, -1); }
    void close();

 private:
    int descriptor_ = -1;
};

/// The Error of the system call that just failed: `return fail(os::last_error("bind
/// 127.0.0.1:80"));`
Error last_error(std::string_view what);

/// Another descriptor of the same open file (dup(2)), close-on-exec.
Result<Fd> duplicate(int descriptor);

/// O_NONBLOCK on or off.
Result<void> set_nonblocking(int descriptor, bool on);

}  // namespace shore::os
