#include "engines/redis_setup.h"

#include <algorithm>

#include "base/strings.h"
#include "engines/limits.h"
#include "wire/resp.h"

namespace shore::engines {

namespace {

/// It is about the connection, not about what commands do on it.
bool is_name(std::string_view key) {
    return key == "CLIENT setname" || key.starts_with("CLIENT setinfo");
}

}  // namespace

void RedisSetup::succeeded(RedisKind kind, std::string command) {
    ++version_;
    const auto parts = wire::resp_parts(command);
    const auto has = [&parts](std::string_view word) {
        return std::ranges::any_of(parts, [word](std::string_view part) {
            return base::equals_ignoring_case(part, word);
        });
    };
    std::string key;
    switch (kind) {
        case RedisKind::kAuth:
            key = "AUTH";
            break;
        case RedisKind::kHello:
            if (parts.size() < 2) {
                return;  // It only asked.
            }
            key = "HELLO";
            resp3_ = parts[1] == "3";
            if (has("AUTH")) {
                std::erase_if(steps_, [](const Step& step) { return step.key == "AUTH"; });
            }
            break;
        case RedisKind::kSelect:
            key = "SELECT";
            break;
        case RedisKind::kClient:
            if (parts.size() < 2) {
                return;
            }
            key = "CLIENT " + base::to_lower(parts[1]);
            if (key == "CLIENT setinfo" && parts.size() > 2) {
                key += base::to_lower(parts[2]);
            }
            if (key == "CLIENT tracking") {
                tracking_ = has("ON");
                unmovable_ |= tracking_ && has("REDIRECT");
            }
            break;
        default:
            return;
    }
    std::erase_if(steps_, [&key](const Step& step) { return step.key == key; });
    steps_.push_back({.key = std::move(key), .command = std::move(command)});
}

void RedisSetup::clear() {
    const uint32_t version = version_;
    *this = {};
    version_ = version + 1;
}

size_t RedisSetup::shared_login(std::string& out) const {
    out.clear();
    size_t answers = 0;
    bool logged_in = false;
    for (const Step& step : steps_) {
        if (is_name(step.key)) {
            continue;
        }
        if (step.key.starts_with("CLIENT") || !wire::is_canonical_command(step.command)) {
            return 0;
        }
        const auto parts = wire::resp_parts(step.command);
        logged_in |= std::ranges::any_of(
            parts, [](std::string_view part) { return base::equals_ignoring_case(part, "AUTH"); });
        out += step.command;
        ++answers;
    }
    return logged_in ? answers : 0;
}

const std::set<std::string, std::less<>>& RedisSetup::set_of(RedisKind kind) const {
    switch (kind) {
        case RedisKind::kPatternSubscribe:
        case RedisKind::kPatternUnsubscribe:
            return sets_[1];
        case RedisKind::kShardSubscribe:
        case RedisKind::kShardUnsubscribe:
            return sets_[2];
        default:
            return sets_[0];
    }
}

void RedisSetup::subscribed(RedisKind kind, std::string_view channel) {
    auto& set = const_cast<std::set<std::string, std::less<>>&>(set_of(kind));
    if (kind >= RedisKind::kUnsubscribe) {
        if (const auto found = set.find(channel); found != set.end()) {
            set.erase(found);
        }
    } else if (subscriptions() < kRedisSubscriptionsMax) {
        set.emplace(channel);
    } else {
        unmovable_ = true;
    }
}

size_t RedisSetup::append_commands(std::string& out) const {
    size_t answers = steps_.size();
    for (const Step& step : steps_) {
        out += step.command;
    }
    constexpr std::array<std::string_view, 3> kNames = {"SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE"};
    for (size_t i = 0; i < sets_.size(); ++i) {
        for (const std::string& channel : sets_[i]) {
            wire::append_command(out, {kNames[i], channel});
            ++answers;
        }
    }
    return answers;
}

}  // namespace shore::engines
