// Turn: one change of a server at a time: who changes takes the turn, others wait for it.
#pragma once

#include <utility>

#include "async/event.h"
#include "async/task.h"

namespace shore::engines {

/// Lives on its loop. What holds the turn gives it back when it is destroyed, also by cancellation.
class Turn final {
 public:
    explicit Turn(async::Loop& loop) : given_back_(loop) {}

    class [[nodiscard]] Held final {
     public:
        explicit Held(Turn& turn) : turn_(&turn) {}
        Held(Held&& other) noexcept : turn_(std::exchange(other.turn_, nullptr)) {}
        Held& operator=(Held&&) = delete;
        ~Held() {
            if (turn_ != nullptr) {
                turn_->is_taken_ = false;
                turn_->given_back_.pulse();
            }
        }

     private:
        Turn* turn_;
    };

    async::Task<Held> take() {
        while (is_taken_) {
            co_await given_back_.wait();
        }
        is_taken_ = true;
        co_return Held(*this);
    }
    bool is_taken() const { return is_taken_; }

 private:
    bool is_taken_ = false;
    async::Event given_back_;
};

}  // namespace shore::engines
