#include "engines/parts.h"

namespace shore::engines {

std::unique_ptr<Server> make_server([[maybe_unused]] const ServerContext& context,
                                    Assignment assignment) {
    switch (assignment.part) {
        default:
            break;
    }
    return nullptr;
}

}  // namespace shore::engines
