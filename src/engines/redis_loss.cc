#include "engines/redis_loss.h"

#include <algorithm>
#include <vector>

#include "async/timer.h"
#include "engines/limits.h"
#include "engines/redis_choice.h"
#include "engines/redis_failover.h"
#include "engines/redis_promotion.h"
#include "engines/redis_turn.h"

namespace shore::engines {

using async::Deadline;
using async::Task;
using model::EnginePart;

namespace {

class Replacement final {
 public:
    Replacement(async::Loop& loop, const Assignment& assignment)
        : loop_(loop), assignment_(assignment) {}

    Task<Result<uint32_t>> run(std::string history) {
        const SentinelsWord word = co_await ask_sentinels(loop_, assignment_);
        if (word.port == 0) {
            co_return fail(ErrorCode::kUnavailable, "no sentinel says who is primary");
        }
        if (word.port != assignment_.port) {
            co_return fail(ErrorCode::kConflict, "the sentinels name another server");
        }
        if (word.electing) {
            // One that ends its failover after a newer one has begun would name the older's
            // primary.
            co_return fail(ErrorCode::kConflict,
                           "the sentinels have not ended the last change yet");
        }
        const auto contenders = co_await ask_contenders(loop_, assignment_, assignment_.slot);
        SHORE_CO_CHECK(find_heirs(contenders, history));
        const bool any_will_do = std::ranges::count(contenders, Contender::State::kReplica,
                                                    &Contender::state) == std::ssize(heirs_);
        if (!any_will_do) {
            heirs_.resize(1);
        }
        const auto successor = co_await promote(any_will_do);
        if (!successor) {
            co_await withdraw();  // The agents of the others see to it from here on.
            co_return fail(successor.error());
        }
        co_await announce_primary(loop_, assignment_, *successor, contenders);
        co_return *successor;
    }

 private:
    Result<void> find_heirs(const std::vector<Contender>& contenders, const std::string& history) {
        std::string why = "no other server is there";
        for (const Contender& self : contenders) {
            SuccessionQuestion question{.history = history, .self = self};
            std::ranges::copy_if(
                contenders, std::back_inserter(question.others),
                [&self](const Contender& other) { return other.slot != self.slot; });
            const SuccessionAnswer answer = may_succeed(question);
            if (answer.may) {
                heirs_.push_back(self.slot);
            } else if (self.state == Contender::State::kReplica) {
                why = fmt::format("server {}: {}", self.slot, answer.reason);
            }
        }
        if (heirs_.empty()) {
            return fail(ErrorCode::kConflict, "nobody may succeed it yet: {}", why);
        }
        return {};
    }

    Task<Result<std::unique_ptr<RedisClient>>> connect(uint32_t slot) {
        return RedisClient::connect(loop_,
                                    server_address(assignment_, port_of_slot(assignment_, slot)),
                                    admin_login(assignment_), Deadline::in(loop_, kRedisProbeTime));
    }

    Task<Result<void>> let_promote(uint32_t slot) {
        SHORE_CO_TRY(const auto server, co_await connect(slot));
        co_return co_await permit_promotion(*server, Deadline::in(loop_, kRedisProbeTime));
    }

    Task<Result<uint32_t>> promote(bool any_will_do) {
        for (const uint32_t slot : heirs_) {
            SHORE_CO_TRY(os::FileLock turn, co_await take_promotion_turn(loop_, assignment_, slot));
            turns_.push_back(std::move(turn));
            SHORE_CO_CHECK(co_await let_promote(slot));
        }
        if (!any_will_do) {
            SHORE_CO_CHECK(co_await prefer_server(loop_, assignment_,
                                                  port_of_slot(assignment_, heirs_.front())));
        }
        SHORE_CO_CHECK(co_await begin_failover());
        co_return co_await promoted();
    }

    Task<void> withdraw() {
        for (const uint32_t slot : heirs_) {
            const Deadline deadline = Deadline::in(loop_, kRedisProbeTime);
            if (const auto server = co_await connect(slot)) {
                (void)co_await forbid_promotion(**server, deadline);
                (void)co_await set_priority(**server, kUsualPriority, deadline);
            }
        }
    }

    /// A sentinel that has met a replica only just now has not asked it yet how it is: it would not
    /// choose it (NOGOODSLAVE) until it has, which takes a moment.
    Task<Result<void>> begin_failover() {
        const SteadyTime last = loop_.now() + kSentinelDownAfter;
        while (true) {
            auto begun = co_await force_failover(loop_, assignment_);
            if (begun || loop_.now() >= last || begun.error().code() != ErrorCode::kConflict) {
                co_return begun;
            }
            co_await async::sleep_for(loop_, kPreferredLookInterval);
        }
    }

    Task<Result<uint32_t>> promoted() {
        const Deadline deadline = Deadline::in(loop_, kHandOverTime);
        while (loop_.now() < deadline.at) {
            for (const uint32_t slot : heirs_) {
                const auto state = co_await ask_replication(
                    loop_, server_address(assignment_, port_of_slot(assignment_, slot)),
                    admin_login(assignment_));
                if (state && state->primary) {
                    co_return slot;
                }
            }
            co_await async::sleep_for(loop_, kHandOverLookInterval);
        }
        co_return fail(ErrorCode::kTimeout, "the sentinels promoted no replica in {}",
                       base::to_text(Duration(kHandOverTime)));
    }

    async::Loop& loop_;
    const Assignment& assignment_;
    std::vector<uint32_t> heirs_;  // Slots of those who may succeed.
    std::vector<os::FileLock> turns_;
};

}  // namespace

Task<Result<uint32_t>> replace_lost_primary(async::Loop& loop, const Assignment& assignment,
                                            std::string history) {
    Replacement replacement(loop, assignment);
    co_return co_await replacement.run(std::move(history));
}

}  // namespace shore::engines
