#include "release/action.h"

#include <fmt/format.h>

namespace shore::release {
namespace {

struct Writer {
    std::string operator()(const StartInstance& a) const {
        return fmt::format("start {}, replica {}", a.service, a.slot);
    }
    std::string operator()(const StopInstance& a) const {
        return fmt::format("stop {}: {}", a.instance, a.why);
    }
    std::string operator()(const ForgetInstance& a) const {
        return fmt::format("forget {}", a.instance);
    }
    std::string operator()(const AdoptInstance& a) const {
        return fmt::format("adopt {}", a.instance);
    }
    std::string operator()(const Publish& a) const {
        std::string text = fmt::format("publish release {}:", a.publication.release);
        for (const auto& [id, endpoint] : a.publication.endpoints) {
            text += fmt::format(" {}{}", id, endpoint.draining ? " (draining)" : "");
        }
        return text;
    }
    std::string operator()(const MarkRelease& a) const {
        return fmt::format("mark {}{}{}", model::to_string(a.status), a.why.empty() ? "" : ": ",
                           a.why);
    }
    std::string operator()(const BeginRollback& a) const {
        return fmt::format("roll back: {}", a.why);
    }
};

}  // namespace

std::string to_text(const Action& action) {
    return std::visit(Writer{}, action);
}

}  // namespace shore::release
