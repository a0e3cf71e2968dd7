#include "gateway/route_program.h"

#include <fmt/format.h>

namespace shore::gateway {

std::unique_ptr<RouteProgram> RouteProgram::compile(const model::RouteActions& actions,
                                                    bool split) {
    model::RouteActions asked = actions;
    asked.name.clear();
    if (asked == model::RouteActions() && !split) {
        return nullptr;
    }
    auto program = std::make_unique<RouteProgram>();
    if (!actions.redirect.to.empty()) {
        program->redirect.emplace(actions.redirect.to);
    }
    if (!actions.rewrite.empty()) {
        program->rewrite.emplace(actions.rewrite);
    }
    program->request = CompiledEdits(actions.request);
    program->response = CompiledEdits(actions.response);
    program->session_attributes = "; Path=/; HttpOnly; SameSite=Lax";
    if (actions.session_life > Duration::zero()) {
        program->session_attributes += fmt::format(
            "; Max-Age={}",
            std::chrono::duration_cast<std::chrono::seconds>(actions.session_life).count());
    }
    return program;
}

}  // namespace shore::gateway
