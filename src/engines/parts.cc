#include "engines/parts.h"

#include "engines/postgres_server.h"

namespace shore::engines {

std::unique_ptr<Server> make_server([[maybe_unused]] const ServerContext& context,
                                    Assignment assignment) {
    switch (assignment.part) {
        case model::EnginePart::kPostgres:
            return std::make_unique<PostgresServer>(context, std::move(assignment));
        default:
            break;
    }
    return nullptr;
}

}  // namespace shore::engines
