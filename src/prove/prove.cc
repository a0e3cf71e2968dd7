#include "prove/prove.h"

#include "async/block_on.h"
#include "base/strings.h"
#include "prove/cases.h"
#include "wire/json.h"

namespace shore::prove {

using async::Task;

namespace {

Task<Result<Finding>> run_case(async::Loop& loop, const Case& which, Machine& machine) {
    Laboratory laboratory(loop, machine);
    SHORE_CO_CHECK(co_await laboratory.start_daemon());
    auto finding = co_await which.run(laboratory);
    if (finding) {
        SHORE_CO_CHECK(co_await laboratory.end());
    }
    co_return finding;
}

std::string as_text(const Case& which, const Result<Finding>& finding, const std::string& log) {
    std::string text;
    if (!finding) {
        return fmt::format("{}: not measured\n  {}\n{}", which.name, finding.error().text(), log);
    }
    text += fmt::format("{}: {}\n", which.name, finding->missed.empty() ? "kept" : "MISSED");
    for (const std::string& line : finding->measured) {
        text += fmt::format("  {}\n", line);
    }
    for (const std::string& line : finding->missed) {
        text += fmt::format("  missed: {}\n", line);
    }
    return text;
}

std::string as_json(const Case& which, const Result<Finding>& finding) {
    wire::Json json = wire::Json::object();
    json.set("case", which.name).set("promise", which.promise);
    json.set("kept", finding && finding->missed.empty());
    if (finding) {
        json.set("measured", wire::Json::strings(finding->measured));
        json.set("missed", wire::Json::strings(finding->missed));
    } else {
        json.set("error", finding.error().text());
    }
    return json.dump() + "\n";
}

}  // namespace

Result<ProveOptions> parse_prove_arguments(std::span<const std::string> arguments) {
    ProveOptions options;
    std::vector<std::string> known;
    for (const Case& one : cases()) {
        known.emplace_back(one.name);
    }
    for (const std::string& argument : arguments) {
        if (argument == "--list") {
            options.list = true;
        } else if (argument == "--json") {
            options.json = true;
        } else if (std::ranges::find(known, argument) != known.end()) {
            options.names.push_back(argument);
        } else {
            return fail(ErrorCode::kInvalid, "no such case or option: {}{}; cases: {}",
                        base::printable(argument), base::did_you_mean(argument, known),
                        base::join(known, ", "));
        }
    }
    return options;
}

int run_prove(async::Loop& loop, const ProveOptions& options,
              const std::function<Result<std::unique_ptr<Machine>>()>& new_machine,
              const std::function<void(std::string_view)>& print) {
    bool kept = true;
    for (const Case& one : cases()) {
        if (!options.names.empty() &&
            std::ranges::find(options.names, one.name) == options.names.end()) {
            continue;
        }
        if (options.list) {
            print(fmt::format("{}\n  {}\n", one.name, one.promise));
            continue;
        }
        auto machine = new_machine();
        Result<Finding> finding = machine ? async::block_on(loop, run_case(loop, one, **machine))
                                          : Result<Finding>(std::unexpected(machine.error()));
        kept = kept && finding && finding->missed.empty();
        print(options.json
                  ? as_json(one, finding)
                  : as_text(one, finding, machine ? (*machine)->daemon_log() : std::string()));
    }
    return kept ? 0 : 1;
}

}  // namespace shore::prove
