// A double of the engines' port.
#pragma once

#include "api/engines_port.h"

namespace shore::api {

class FakeEngines final : public Engines {
 public:
    async::Task<Result<wire::Json>> list(std::string) override {
        co_return wire::Json::object().set(
            "processes", wire::Json::array({wire::Json::object()
                                                .set("engine", "db")
                                                .set("part", "postgres")
                                                .set("instance", "db-1")
                                                .set("state", "running")
                                                .set("port", 30000)
                                                .set("status", wire::Json::object())}));
    }
    async::Task<Result<wire::Json>> view(std::string, std::string engine,
                                         std::string name) override {
        if (name == "nothing") {
            co_return fail(ErrorCode::kNotFound, "engine {} has no view {}", engine, name);
        }
        co_return wire::Json::object().set("tables", wire::Json::array());
    }
    async::Task<Result<wire::Json>> act(std::string, std::string, std::string name,
                                        wire::Json request) override {
        asked = std::move(request);
        co_return wire::Json::object().set("instance", name).set("result", wire::Json::object());
    }
    wire::Json asked;
};

}  // namespace shore::api
