#include "release/shared_options.h"

#include <fmt/format.h>

namespace shore::release {

namespace {

/// Calls `use` with each option's key and where it stands, in a snapshot as in a stack's options.
template <class Use>
void each_shared_option(const Use& use) {
    use("threads", [](auto& of) -> auto& { return of.threads; });
    use("trace", [](auto& of) -> auto& { return of.trace; });
    use("resolvers", [](auto& of) -> auto& { return of.resolvers; });
    use("drain_timeout", [](auto& of) -> auto& { return of.drain_timeout; });
    use("upgrade_timeout", [](auto& of) -> auto& { return of.upgrade_timeout; });
    use("trusted_proxies", [](auto& of) -> auto& { return of.trusted_proxies; });
    use("limits", [](auto& of) -> auto& { return of.limits; });
    use("compress", [](auto& of) -> auto& { return of.content.compress; });
    use("cache", [](auto& of) -> auto& { return of.content.cache; });
    use("security_headers", [](auto& of) -> auto& { return of.content.security; });
    use("file_cache", [](auto& of) -> auto& { return of.content.file_cache; });
}

}  // namespace

void take_shared_options(model::Snapshot& snapshot, const model::GatewayOptions& options) {
    const model::GatewayOptions defaults;
    each_shared_option([&](std::string_view, auto place) {
        if (place(snapshot) == place(defaults)) {
            place(snapshot) = place(options);
        }
    });
}

std::vector<std::string> overruled_options(const model::StackSpec& stack,
                                           const std::vector<const model::StackSpec*>& others) {
    const model::GatewayOptions defaults;
    const std::string own = model::stack_id(stack);
    std::vector<std::string> sentences;
    each_shared_option([&](std::string_view key, auto place) {
        if (place(stack.gateway) == place(defaults)) {
            return;
        }
        const model::StackSpec* first = &stack;
        for (const model::StackSpec* const other : others) {
            if (place(other->gateway) != place(defaults) &&
                model::stack_id(*other) < model::stack_id(*first)) {
                first = other;
            }
        }
        if (place(first->gateway) != place(stack.gateway)) {
            sentences.push_back(
                fmt::format("x-shore.gateway.{} of {} is not in force: one gateway serves all "
                            "stacks, and {}, the first by name that sets it, says otherwise",
                            key, own, model::stack_id(*first)));
        }
    });
    return sentences;
}

}  // namespace shore::release
