#include "config/service_builder.h"

#include <array>
#include <charconv>

#include <fmt/format.h>

#include "base/strings.h"
#include "config/pattern.h"
#include "config/protocol_builder.h"
#include "config/route_actions.h"
#include "config/route_builder.h"
#include "config/settle.h"
#include "config/tree_values.h"

namespace shore::config {

namespace {

using model::ServiceSpec;

struct SignalName {
    std::string_view name;
    int number;
};
/// Linux numbers, as in signal(7) for x86 and ARM: a manifest means the same on the machine that
/// checks it.
constexpr std::array kSignals = {
    SignalName{"HUP", 1},   SignalName{"INT", 2},    SignalName{"QUIT", 3},  SignalName{"ABRT", 6},
    SignalName{"KILL", 9},  SignalName{"USR1", 10},  SignalName{"USR2", 12}, SignalName{"PIPE", 13},
    SignalName{"ALRM", 14}, SignalName{"TERM", 15},  SignalName{"CONT", 18}, SignalName{"STOP", 19},
    SignalName{"TSTP", 20}, SignalName{"WINCH", 28}, SignalName{"PWR", 30},
};
constexpr std::array<std::string_view, 16> kUlimitNames = {
    "as",   "core",   "cpu",   "data", "fsize",  "locks",  "memlock",    "msgqueue",
    "nice", "nofile", "nproc", "rss",  "rtprio", "rttime", "sigpending", "stack"};

std::optional<int> signal_number(std::string_view text) {
    int number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc() && end == text.data() + text.size()) {
        return number >= 1 && number <= 64 ? std::optional(number) : std::nullopt;
    }
    for (const SignalName& signal : kSignals) {
        const std::string_view bare =
            text.substr(text.starts_with("SIG") || text.starts_with("sig") ? 3 : 0);
        if (base::equals_ignoring_case(bare, signal.name)) {
            return signal.number;
        }
    }
    return std::nullopt;
}

class ServiceBuilder final {
 public:
    ServiceBuilder(const Entry& service, const Node& document, const StackContext& context,
                   Report& report)
        : node_(service.value),
          document_(document),
          context_(context),
          report_(report),
          path_("services." + service.key) {
        spec_.name = service.key;
    }

    ServiceSpec build() {
        process();
        scale();
        restart();
        update(spec_.update, "deploy.update_config");
        update(spec_.rollback, "deploy.rollback_config");
        resources();
        hooks(spec_.post_start, "post_start");
        hooks(spec_.pre_stop, "pre_stop");
        ports();
        mounts();
        files("configs", false);
        files("secrets", true);
        log();
        http();
        tcp();
        static_files();
        health();
        return std::move(spec_);
    }

 private:
    void problem(std::string_view key, std::string message) {
        const Node* node = node_.at(key);
        report_.problem(node == nullptr ? node_.place : node->place,
                        fmt::format("{}.{}", path_, key), std::move(message));
    }
    void note(std::string_view key, std::string message) {
        const Node* node = node_.at(key);
        report_.note(node == nullptr ? node_.place : node->place, fmt::format("{}.{}", path_, key),
                     std::move(message));
    }

    void process() {
        spec_.image = text_at(node_, "image");
        spec_.has_build = value_at(node_, "build") != nullptr;
        spec_.command = texts_at(node_, "command");
        spec_.entrypoint = texts_at(node_, "entrypoint");
        spec_.environment = pairs_at(node_, "environment");
        const bool is_container = !spec_.image.empty() || spec_.has_build;
        spec_.working_dir =
            text_at(node_, "working_dir", is_container ? "" : context_.directory.string());
        spec_.user = text_at(node_, "user");
        spec_.labels = pairs_at(node_, "labels");
        spec_.profiles = texts_at(node_, "profiles");
        if (const Node* umask = value_at(node_, "x-shore.umask")) {
            uint32_t mode = 0;
            std::from_chars(umask->text.data(), umask->text.data() + umask->text.size(), mode, 8);
            spec_.umask = mode & 0777;
        }
        if (const Node* signal = value_at(node_, "stop_signal")) {
            const auto number = signal_number(signal->text);
            if (number) {
                spec_.stop_signal = *number;
            } else {
                problem("stop_signal", fmt::format("must be a signal such as SIGTERM, got \"{}\"",
                                                   base::printable(signal->text, 40)));
            }
        }
        spec_.stop_grace_period = duration_at(node_, "stop_grace_period", spec_.stop_grace_period);
        if (const Node* dependencies = value_at(node_, "depends_on")) {
            for (const Entry& entry : dependencies->entries) {
                spec_.depends_on.push_back(dependency(entry));
            }
        }
    }

    static model::Dependency dependency(const Entry& entry) {
        const std::string condition = text_at(entry.value, "condition");
        model::Dependency dependency{.service = entry.key};
        if (condition == "service_healthy") {
            dependency.condition = model::DependencyCondition::kHealthy;
        } else if (condition == "service_completed_successfully") {
            dependency.condition = model::DependencyCondition::kCompleted;
        }
        dependency.restart = bool_at(entry.value, "restart", false);
        dependency.required = bool_at(entry.value, "required", true);
        return dependency;
    }

    void scale() {
        const Node* scale = value_at(node_, "scale");
        const Node* replicas = value_at(node_, "deploy.replicas");
        if (scale != nullptr && replicas != nullptr && scale->text != replicas->text) {
            problem("scale", fmt::format("says {}, but deploy.replicas says {}; give one of them",
                                         scale->text, replicas->text));
        }
        spec_.replicas =
            static_cast<uint32_t>(int_at(node_, "deploy.replicas", int_at(node_, "scale", 1)));
        const std::string mode = text_at(node_, "deploy.mode");
        if (mode.starts_with("global")) {
            spec_.replicas = 1;
        }
        spec_.one_shot = bool_at(node_, "x-shore.one_shot", mode.ends_with("-job"));
    }

    void restart() {
        using model::RestartCondition;
        model::RestartPolicy& policy = spec_.restart;
        policy.condition =
            spec_.one_shot ? RestartCondition::kNo : RestartCondition::kUnlessStopped;
        if (const Node* node = value_at(node_, "restart")) {
            read_restart(node->text, policy);
        }
        policy.delay = duration_at(node_, "x-shore.restart_backoff.initial", policy.delay);
        policy.delay_max = duration_at(node_, "x-shore.restart_backoff.max", policy.delay_max);
        policy.window = duration_at(node_, "x-shore.restart_backoff.window", policy.window);
        const Node* deploy = value_at(node_, "deploy.restart_policy");
        if (deploy != nullptr) {
            const std::string condition = text_at(*deploy, "condition", "any");
            policy.condition = condition == "none"         ? RestartCondition::kNo
                               : condition == "on-failure" ? RestartCondition::kOnFailure
                                                           : RestartCondition::kAlways;
            policy.delay = duration_at(*deploy, "delay", policy.delay);
            policy.window = duration_at(*deploy, "window", policy.window);
            policy.attempts_max.reset();
            if (value_at(*deploy, "max_attempts") != nullptr) {
                policy.attempts_max = static_cast<uint32_t>(int_at(*deploy, "max_attempts", 0));
            }
        }
        policy.delay_max = std::max(policy.delay, policy.delay_max);
    }

    void read_restart(std::string_view text, model::RestartPolicy& policy) {
        using model::RestartCondition;
        const auto parts = base::split_once(text, ':');
        const std::string_view word = parts ? parts->first : text;
        const std::vector<std::string> words = {"no", "always", "on-failure", "unless-stopped"};
        // `restart: no` without quotes is false to a YAML 1.1 reader, and so Compose writes it out.
        if (word == "no" || word == "false") {
            policy.condition = RestartCondition::kNo;
        } else if (word == "always") {
            policy.condition = RestartCondition::kAlways;
        } else if (word == "unless-stopped") {
            policy.condition = RestartCondition::kUnlessStopped;
        } else if (word == "on-failure") {
            policy.condition = RestartCondition::kOnFailure;
        } else {
            problem(
                "restart",
                fmt::format(
                    "must be no, always, on-failure[:max-retries] or unless-stopped, got \"{}\"{}",
                    base::printable(text, 40), base::did_you_mean(word, words)));
            return;
        }
        if (!parts) {
            return;
        }
        uint32_t attempts = 0;
        const std::string_view digits = parts->second;
        const auto [end, error] =
            std::from_chars(digits.data(), digits.data() + digits.size(), attempts);
        if (word != "on-failure" || error != std::errc() || end != digits.data() + digits.size()) {
            problem("restart",
                    fmt::format("only on-failure takes a number after the colon, got \"{}\"",
                                base::printable(text, 40)));
            return;
        }
        policy.attempts_max = attempts;
    }

    void update(model::UpdateConfig& config, std::string_view key) const {
        const Node* node = value_at(node_, key);
        if (node == nullptr) {
            return;
        }
        config.parallelism =
            static_cast<uint32_t>(int_at(*node, "parallelism", config.parallelism));
        config.delay = duration_at(*node, "delay", config.delay);
        config.monitor = duration_at(*node, "monitor", config.monitor);
        config.failure_ratio_max = number_at(*node, "max_failure_ratio", config.failure_ratio_max);
        if (text_at(*node, "order") == "stop-first") {
            config.order = model::UpdateOrder::kStopFirst;
        }
        const std::string action = text_at(*node, "failure_action", "rollback");
        config.failure_action = action == "pause"      ? model::FailureAction::kPause
                                : action == "continue" ? model::FailureAction::kContinue
                                                       : model::FailureAction::kRollback;
    }

    /// deploy.resources wins over the older keys of the service.
    void resources() {
        for (const auto& [prefix, target] :
             {std::pair("deploy.resources.limits", &spec_.limits),
              std::pair("deploy.resources.reservations", &spec_.reservations)}) {
            const bool is_limit = target == &spec_.limits;
            const auto pick = [&](std::string_view key, const char* older) {
                const Node* node = value_at(node_, fmt::format("{}.{}", prefix, key));
                return node != nullptr ? node : value_at(node_, older);
            };
            if (const Node* cpus = pick("cpus", is_limit ? "cpus" : "-");
                cpus != nullptr && cpus->text != "0") {
                target->cpus = as_number(*cpus);
            }
            if (const Node* memory = pick("memory", is_limit ? "mem_limit" : "mem_reservation")) {
                target->memory = base::parse_bytes(memory->text).value_or(base::Bytes());
            }
            if (const Node* pids = pick("pids", is_limit ? "pids_limit" : "-");
                pids != nullptr && as_int(*pids).value_or(0) > 0) {
                target->pids = static_cast<uint32_t>(*as_int(*pids));
            }
        }
        const Node* ulimits = value_at(node_, "ulimits");
        if (ulimits == nullptr) {
            return;
        }
        for (const Entry& entry : ulimits->entries) {
            if (std::ranges::find(kUlimitNames, entry.key) == kUlimitNames.end()) {
                const std::vector<std::string> names(kUlimitNames.begin(), kUlimitNames.end());
                report_.problem(
                    entry.place, path_ + ".ulimits",
                    fmt::format("unknown limit \"{}\"{}", base::printable(entry.key, 40),
                                base::did_you_mean(entry.key, names)));
            }
            const int64_t hard = int_at(entry.value, "hard", int_at(entry.value, "soft", -1));
            const int64_t soft = int_at(entry.value, "soft", hard);
            if (hard != -1 && (soft == -1 || soft > hard)) {
                report_.problem(entry.place, fmt::format("{}.ulimits.{}", path_, entry.key),
                                fmt::format("soft {} is above hard {}", soft, hard));
            }
            spec_.ulimits.push_back({.name = entry.key, .soft = soft, .hard = hard});
        }
    }

    void hooks(std::vector<model::Hook>& hooks, std::string_view key) {
        const Node* list = value_at(node_, key);
        if (list == nullptr) {
            return;
        }
        for (const Node& item : list->items) {
            model::Hook hook{.command = texts_at(item, "command"),
                             .user = text_at(item, "user"),
                             .working_dir = text_at(item, "working_dir"),
                             .environment = pairs_at(item, "environment")};
            if (hook.command.empty() && !report_.failed_below(fmt::format("{}.{}", path_, key))) {
                report_.problem(item.place, fmt::format("{}.{}", path_, key), "needs a command");
            }
            hooks.push_back(std::move(hook));
        }
    }

    void ports() {
        const Node* list = value_at(node_, "ports");
        if (list == nullptr) {
            return;
        }
        for (const Node& item : list->items) {
            model::PublishedPort port{.address = text_at(item, "host_ip"),
                                      .target = static_cast<uint16_t>(int_at(item, "target", 0)),
                                      .protocol = text_at(item, "protocol", "tcp")};
            const std::string published = text_at(item, "published");
            uint32_t number = 0;
            const auto [end, error] =
                std::from_chars(published.data(), published.data() + published.size(), number);
            const std::string_view rest(end, published.data() + published.size());
            if (!published.empty() &&
                (error != std::errc() || number > 65535 || !(rest.empty() || rest[0] == '-'))) {
                report_.problem(item.place, path_ + ".ports",
                                fmt::format("published must be a port 0..65535, got \"{}\"",
                                            base::printable(published, 40)));
            } else if (!rest.empty()) {
                report_.note(item.place, path_ + ".ports",
                             fmt::format("of the range {} the first is used", published));
            }
            if (port.target == 0 && !report_.failed_below(path_ + ".ports")) {
                report_.problem(item.place, path_ + ".ports", "needs a target");
            }
            port.published = static_cast<uint16_t>(number);
            spec_.ports.push_back(std::move(port));
        }
    }

    void mounts() {
        if (const Node* list = value_at(node_, "volumes")) {
            for (const Node& item : list->items) {
                const std::string type = text_at(item, "type", "volume");
                spec_.volumes.push_back({.kind = type == "bind"    ? model::VolumeKind::kBind
                                                 : type == "tmpfs" ? model::VolumeKind::kTmpfs
                                                                   : model::VolumeKind::kNamed,
                                         .source = text_at(item, "source"),
                                         .target = text_at(item, "target"),
                                         .read_only = bool_at(item, "read_only", false)});
            }
        }
        for (const std::string& target : texts_at(node_, "tmpfs")) {
            spec_.volumes.push_back(
                {.kind = model::VolumeKind::kTmpfs, .target = target.substr(0, target.find(':'))});
        }
    }

    void files(std::string_view section, bool secret) {
        const Node* references = value_at(node_, section);
        if (references == nullptr) {
            return;
        }
        for (const Node& reference : references->items) {
            const std::string source = text_at(reference, "source");
            const Node* file = document_.find(section);
            file = file == nullptr ? nullptr : file->find(source);
            if (file == nullptr) {
                continue;  // Reported by check_names.
            }
            const std::string mode = text_at(reference, "mode", secret ? "0400" : "0444");
            const std::string target = text_at(reference, "target", source);
            model::FileMount mount{
                .source = text_at(*file, "file"),
                .content = text_at(*file, "content"),
                .target = target.starts_with('/') ? target : fmt::format("{}/{}", section, target),
                .secret = secret,
                .digest = text_at(*file, kFileDigestKey)};
            std::from_chars(mode.data(), mode.data() + mode.size(), mount.mode, 8);
            spec_.files.push_back(std::move(mount));
        }
    }

    void log() {
        if (const Node* options = value_at(node_, "logging.options")) {
            if (const Node* size = value_at(*options, "max-size")) {
                const auto bytes = base::parse_bytes(size->text);
                if (!bytes || bytes->count == 0) {
                    problem("logging.options.max-size",
                            fmt::format("must be a size such as 10m, got \"{}\"",
                                        base::printable(size->text, 40)));
                } else {
                    spec_.log.file_size_max = *bytes;
                }
            }
            if (const Node* count = value_at(*options, "max-file")) {
                const auto number = as_int(*count);
                if (!number || *number < 1 || *number > 1000) {
                    problem("logging.options.max-file",
                            fmt::format("must be 1..1000, got \"{}\"",
                                        base::printable(count->text, 40)));
                } else {
                    spec_.log.files_max = static_cast<uint32_t>(*number);
                }
            }
        }
        spec_.log.file_size_max = bytes_at(node_, "x-shore.log.max_size", spec_.log.file_size_max);
        spec_.log.files_max =
            static_cast<uint32_t>(int_at(node_, "x-shore.log.max_files", spec_.log.files_max));
        spec_.log.age_max = duration_at(node_, "x-shore.log.max_age", spec_.log.age_max);
    }

    void routes(const Node& node, std::string_view key) {
        std::vector<model::HttpRoute> all =
            build_routes(node, fmt::format("{}.{}", path_, key), report_);
        spec_.http = std::move(all.front());
        spec_.further_routes.assign(std::make_move_iterator(all.begin() + 1),
                                    std::make_move_iterator(all.end()));
    }

    void external(const Node& node) {
        spec_.external = text_at(node, "upstream");
        if (spec_.external.empty()) {
            return;
        }
        const size_t colon = spec_.external.rfind(':');
        const std::string host = spec_.external.substr(0, std::min(colon, spec_.external.size()));
        const auto port = colon == std::string::npos
                              ? std::nullopt
                              : as_int(Node::string(spec_.external.substr(colon + 1), {}));
        if (host.empty() || host.find_first_of("/@ ?#") != std::string::npos || !port ||
            *port < 1 || *port > 65535) {
            const bool wants_tls = spec_.external.starts_with("https://");
            problem(
                "x-shore.http.upstream",
                fmt::format("must be HOST:PORT, got \"{}\"{}", base::printable(spec_.external, 60),
                            wants_tls ? "; upstreams are spoken to over plain HTTP, so for TLS "
                                        "name a local program that speaks it (stunnel)"
                                      : ""));
        }
        if (model::has_process(spec_)) {
            problem("x-shore.http.upstream",
                    "stands beside a command; what runs elsewhere is a service of its own");
        }
    }

    void http() {
        const Node* node = value_at(node_, "x-shore.http");
        if (node != nullptr) {
            routes(*node, "x-shore.http");
            spec_.upstream = build_upstream_policy(*node);
            spec_.upstream.proxy_protocol = proxy_version(text_at(*node, "proxy_protocol"));
            if (spec_.upstream.proxy_protocol != 0 &&
                spec_.upstream.protocol != model::UpstreamProtocol::kHttp1) {
                problem("x-shore.http.proxy_protocol",
                        "speaks for a whole connection, which HTTP/2 shares between clients; leave "
                        "one of proxy_protocol and protocol out");
            }
            spec_.fixed_port = static_cast<uint16_t>(int_at(*node, "port", 0));
            external(*node);
            const std::string body = text_at(*node, "health_body");
            if (const auto fault = pattern_fault(body)) {
                problem("x-shore.http.health_body",
                        fmt::format("must be a pattern as RE2 reads it, got \"{}\": {}",
                                    base::printable(body, 60), base::printable(*fault, 120)));
            }
        }
        spec_.needs_port = spec_.external.empty() && (node != nullptr || !spec_.ports.empty());
        if (spec_.fixed_port == 0) {
            return;
        }
        if (spec_.replicas > 1) {
            problem("x-shore.http.port",
                    fmt::format(
                        "is fixed, so only one instance can listen on it, got {} replicas; let the "
                        "app listen on $PORT instead",
                        spec_.replicas));
        }
        for (model::UpdateConfig* config : {&spec_.update, &spec_.rollback}) {
            config->order = model::UpdateOrder::kStopFirst;
        }
        note("x-shore.http.port",
             "is fixed, so a deploy stops the old instance before it starts the new one");
    }

    void tcp() {
        if (const Node* const node = value_at(node_, "x-shore.tcp")) {
            spec_.tcp = build_tcp(*node, path_ + ".x-shore.tcp", report_);
            spec_.needs_port = true;
        }
    }

    void static_files() {
        const Node* node = value_at(node_, "x-shore.static");
        if (node == nullptr) {
            return;
        }
        if (spec_.tcp) {
            problem("x-shore.tcp",
                    "needs a process to pass connections to; x-shore.static has none");
        }
        if (spec_.http) {
            problem("x-shore.static", "has a route of its own; leave out x-shore.http");
        }
        model::StaticFiles& files = spec_.static_files.emplace();
        files.root = text_at(*node, "root");
        if (files.root.empty()) {
            problem("x-shore.static", "needs a root");
        } else if (std::error_code error; !std::filesystem::is_directory(files.root, error)) {
            note("x-shore.static.root",
                 fmt::format(
                     "there is no directory {}; requests are answered with 404 until there is",
                     files.root));
        }
        files.index = text_at(*node, "index", files.index);
        files.fallback = text_at(*node, "fallback");
        files.immutable = bool_at(*node, "immutable", files.immutable);
        files.precompressed = bool_at(*node, "precompressed", files.precompressed);
        routes(*node, "x-shore.static");
        spec_.needs_port = false;
    }

    void health() {
        model::HealthCheck& health = spec_.health;
        const Node empty;
        const Node* node = value_at(node_, "healthcheck");
        const Node& check = node == nullptr ? empty : *node;
        health.interval = duration_at(check, "interval", health.interval);
        health.timeout = duration_at(check, "timeout", health.timeout);
        health.retries = static_cast<uint32_t>(int_at(check, "retries", health.retries));
        health.start_period = duration_at(check, "start_period", health.start_period);
        health.start_interval = duration_at(check, "start_interval", health.start_interval);
        std::vector<std::string> test = texts_at(check, "test");
        const bool disabled =
            bool_at(check, "disable", false) || (!test.empty() && test[0] == "NONE");
        const std::string path = text_at(node_, "x-shore.http.health");
        for (const char* const key : {"x-shore.http.health_status", "x-shore.http.health_body"}) {
            if (path.empty() && value_at(node_, key) != nullptr) {
                problem(key, "goes with x-shore.http.health, the path whose answer it is about");
            }
        }
        if (disabled || spec_.static_files) {
            return;
        }
        if (!path.empty()) {
            http_health(path);
            if (!test.empty()) {
                note("healthcheck.test",
                     "does not run, because x-shore.http.health asks the same without a process");
            }
        } else if (!test.empty()) {
            health.probe = model::HealthProbe::kCommand;
            if (test[0] == "CMD") {
                health.command.assign(test.begin() + 1, test.end());
            } else {
                health.command = {"/bin/sh", "-c", test.size() > 1 ? test[1] : ""};
            }
        } else if (spec_.needs_port) {
            health.probe = model::HealthProbe::kTcp;
        }
    }

    void http_health(const std::string& path) {
        model::HealthCheck& health = spec_.health;
        health.probe = model::HealthProbe::kHttp;
        health.http_path = path;
        health.http_protocol = spec_.upstream.protocol;
        health.http_body = text_at(node_, "x-shore.http.health_body");
        if (!path.starts_with('/') || path.find_first_of(" #") != std::string::npos) {
            problem("x-shore.http.health",
                    fmt::format("must be a path that begins with /, got \"{}\"",
                                base::printable(path, 60)));
        }
        const std::string status = text_at(node_, "x-shore.http.health_status");
        if (status.empty()) {
            return;
        }
        const auto parts = base::split_once(status, '-');
        const auto low = as_int(Node::string(std::string(parts ? parts->first : status), {}));
        const auto high = parts ? as_int(Node::string(std::string(parts->second), {})) : low;
        if (!low || !high || *low < 100 || *high > 599 || *low > *high) {
            problem("x-shore.http.health_status",
                    fmt::format("must be a status 100..599 or a range such as 200-299, got \"{}\"",
                                base::printable(status, 40)));
            return;
        }
        health.http_status_min = static_cast<uint16_t>(*low);
        health.http_status_max = static_cast<uint16_t>(*high);
    }

    const Node& node_;
    const Node& document_;
    const StackContext& context_;
    Report& report_;
    std::string path_;
    ServiceSpec spec_;
};

}  // namespace

ServiceSpec build_service(const Entry& service, const Node& document, const StackContext& context,
                          Report& report) {
    return ServiceBuilder(service, document, context, report).build();
}

}  // namespace shore::config
