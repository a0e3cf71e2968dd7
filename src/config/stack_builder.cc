#include "config/stack_builder.h"

#include <algorithm>
#include <span>

#include <fmt/format.h>

#include "base/strings.h"
#include "config/addresses.h"
#include "config/content_builder.h"
#include "config/engine_builder.h"
#include "config/gateway_tls.h"
#include "config/limits.h"
#include "config/protocol_builder.h"
#include "config/service_builder.h"
#include "config/settle.h"
#include "config/tree_values.h"

namespace shore::config {

namespace {

constexpr uint16_t kDefaultPort = 8080;

class StackBuilder final {
 public:
    StackBuilder(const Node& document, const StackContext& context, Report& report)
        : document_(document), context_(context), report_(report) {}

    model::StackSpec build() {
        stack_.name = text_at(document_, "name");
        stack_.environment = context_.environment;
        stack_.directory = context_.directory.string();
        const std::string key =
            context_.environment.empty() ? std::string(kDefaultEnvironment) : context_.environment;
        if (const Node* environments = value_at(document_, "x-shore.environments")) {
            if (const Node* own = environments->find(key)) {
                stack_.port_offset = static_cast<uint16_t>(int_at(*own, "port_offset", 0));
            }
        }
        gateway();
        port_range();
        services();
        if (const Node* volumes = value_at(document_, "volumes")) {
            for (const Entry& volume : volumes->entries) {
                stack_.volumes.push_back(volume.key);
            }
            std::ranges::sort(stack_.volumes);
        }
        return std::move(stack_);
    }

 private:
    /// The port in this environment; reports one beyond 65535.
    uint16_t shifted(uint16_t port, const Place& place, const std::string& path) {
        const uint32_t sum = uint32_t{port} + stack_.port_offset;
        if (port != 0 && sum > 65535) {
            report_.problem(place, path,
                            fmt::format("port {} plus the environment's offset {} is above 65535",
                                        port, stack_.port_offset));
            return port;
        }
        return port == 0 ? port : static_cast<uint16_t>(sum);
    }

    void gateway() {
        const Node empty;
        const Node* node = value_at(document_, "x-shore.gateway");
        const Node& gateway = node == nullptr ? empty : *node;
        model::GatewayOptions& options = stack_.gateway;
        listen(gateway);
        options.tls = tls_options(gateway, report_);
        options.threads = static_cast<uint32_t>(int_at(gateway, "threads", options.threads));
        options.access_log = access_log(gateway);
        options.trace = bool_at(gateway, "trace", options.trace);
        resolvers(gateway);
        options.drain_timeout = duration_at(gateway, "drain_timeout", options.drain_timeout);
        options.upgrade_timeout = duration_at(gateway, "upgrade_timeout", options.upgrade_timeout);
        options.trusted_proxies = texts_at(gateway, "trusted_proxies");
        for (const std::string& network : options.trusted_proxies) {
            if (!is_network(network)) {
                report_.problem(gateway.find("trusted_proxies")->place,
                                "x-shore.gateway.trusted_proxies",
                                fmt::format("must be networks such as 10.0.0.0/8, got \"{}\"",
                                            base::printable(network, 60)));
            }
        }
        model::GatewayLimits& limits = options.limits;
        limits.connections_max =
            static_cast<uint32_t>(int_at(gateway, "limits.connections", limits.connections_max));
        limits.header_bytes = bytes_at(gateway, "limits.header_size", limits.header_bytes);
        limits.headers_max =
            static_cast<uint32_t>(int_at(gateway, "limits.headers", limits.headers_max));
        limits.body_bytes = bytes_at(gateway, "limits.body_size", limits.body_bytes);
        limits.header_timeout =
            duration_at(gateway, "limits.header_timeout", limits.header_timeout);
        limits.body_timeout = duration_at(gateway, "limits.body_timeout", limits.body_timeout);
        limits.idle_timeout = duration_at(gateway, "limits.idle_timeout", limits.idle_timeout);
        limits.connect_timeout =
            duration_at(gateway, "limits.connect_timeout", limits.connect_timeout);
        options.content = build_content_options(gateway, report_);
        options.proxy_protocol = build_proxy_options(gateway, stack_, report_);
    }

    void resolvers(const Node& gateway) {
        const std::string path = "x-shore.gateway.resolvers";
        const Node* const list = value_at(gateway, "resolvers");
        if (list == nullptr) {
            return;
        }
        for (const Node& item : list->items) {
            if (!is_resolver(item.text)) {
                report_.problem(item.place, path,
                                fmt::format("must be an IPv4 address, or ADDRESS:PORT, got \"{}\"",
                                            base::printable(item.text, 60)));
            }
        }
        if (list->items.size() > kResolversMax) {
            report_.problem(list->place, path,
                            fmt::format("must be at most {} servers, got {}", kResolversMax,
                                        list->items.size()));
        }
        stack_.gateway.resolvers = texts_at(gateway, "resolvers");
    }

    model::AccessLogOptions access_log(const Node& gateway) {
        model::AccessLogOptions log;
        const Node* const node = value_at(gateway, "access_log");
        if (node == nullptr) {
            return log;
        }
        log.enabled = bool_at(*node, "enabled", log.enabled);
        const Node* const fields = value_at(*node, "fields");
        if (fields == nullptr) {
            return log;
        }
        if (fields->items.empty()) {
            report_.problem(fields->place, "x-shore.gateway.access_log.fields",
                            "must name a field; access_log: false writes no lines");
        }
        log.fields = 0;
        for (const Node& item : fields->items) {
            if (const auto field = model::log_field(item.text)) {
                log.fields |= model::log_bit(*field);
                continue;
            }
            const std::vector<std::string> names(model::kLogFieldNames.begin(),
                                                 model::kLogFieldNames.end());
            report_.problem(
                item.place, "x-shore.gateway.access_log.fields",
                fmt::format("there is no field \"{}\"{}; there are {}",
                            base::printable(item.text, 40), base::did_you_mean(item.text, names),
                            base::join(names, ", ")));
        }
        return log;
    }

    void listen(const Node& gateway) {
        const std::string path = "x-shore.gateway.listen";
        if (const Node* list = value_at(gateway, "listen")) {
            for (const Node& item : list->items) {
                auto address = listen_address(item.text);
                if (!address) {
                    report_.problem(item.place, path,
                                    fmt::format("must be http://ADDRESS:PORT or "
                                                "https://ADDRESS:PORT with an IP address or "
                                                "none, got \"{}\"",
                                                base::printable(item.text, 60)));
                    continue;
                }
                address->port = shifted(address->port, item.place, path);
                const auto same = [&address](const model::ListenAddress& other) {
                    return other.address == address->address && other.port == address->port;
                };
                if (std::ranges::any_of(stack_.gateway.listen, same)) {
                    report_.problem(item.place, path,
                                    fmt::format("{} stands there already, and an address can be "
                                                "listened on once",
                                                base::printable(item.text, 60)));
                    continue;
                }
                stack_.gateway.listen.push_back(std::move(*address));
            }
            if (list->items.empty()) {
                report_.problem(list->place, path,
                                "must name an address such as http://:8080; leave it out for that");
            }
        }
        if (stack_.gateway.listen.empty()) {
            stack_.gateway.listen.push_back({"", shifted(kDefaultPort, document_.place, path)});
        }
    }

    void port_range() {
        const Node* node = value_at(document_, "x-shore.ports.range");
        if (node == nullptr) {
            return;
        }
        const auto parts = base::split_once(node->text, '-');
        const auto first =
            parts ? as_int(Node::string(std::string(base::trim(parts->first)), {})) : std::nullopt;
        const auto last =
            parts ? as_int(Node::string(std::string(base::trim(parts->second)), {})) : std::nullopt;
        if (!first || !last || *first < 1024 || *last > 65535 || *first > *last) {
            report_.problem(node->place, "x-shore.ports.range",
                            fmt::format("must be FIRST-LAST within 1024..65535, got \"{}\"",
                                        base::printable(node->text, 40)));
            return;
        }
        stack_.port_first = static_cast<uint16_t>(*first);
        stack_.port_last = static_cast<uint16_t>(*last);
    }

    void services() {
        const Node* services = value_at(document_, "services");
        if (services == nullptr || services->entries.empty()) {
            report_.problem(document_.place, "services", "the manifest has no active service");
            return;
        }
        for (const Entry& entry : services->entries) {
            stack_.services.push_back(build_service(entry, document_, context_, report_));
            model::ServiceSpec& service = stack_.services.back();
            for (model::PublishedPort& port : service.ports) {
                port.published = shifted(port.published, entry.place,
                                         fmt::format("services.{}.ports", entry.key));
            }
            if (service.tcp) {
                service.tcp->port = shifted(service.tcp->port, entry.place,
                                            fmt::format("services.{}.x-shore.tcp", entry.key));
            }
            claim(entry, service);
        }
        expand_engines(*services, stack_, report_);
        join_splits(*services);
        note_idle_tls();
        imply_one_shot(*services);
    }

    /// Settings of TLS that nothing listens with.
    void note_idle_tls() {
        const Node* const tls = value_at(document_, "x-shore.gateway.tls");
        const bool listens =
            std::ranges::any_of(stack_.gateway.listen, &model::ListenAddress::tls) ||
            std::ranges::any_of(stack_.services, [](const model::ServiceSpec& service) {
                return service.tcp && service.tcp->tls;
            });
        if (tls != nullptr && !listens) {
            report_.note(tls->place, "x-shore.gateway.tls",
                         "does nothing without an address such as https://:8443 in "
                         "x-shore.gateway.listen");
        }
    }

    /// A published port and a route belong to one service.
    void claim(const Entry& entry, const model::ServiceSpec& service) {
        for (const model::PublishedPort& port : service.ports) {
            if (port.published == 0) {
                continue;
            }
            const std::string key =
                fmt::format("{}:{}/{}", port.address, port.published, port.protocol);
            const auto [owner, is_new] = claimed_.try_emplace(key, service.name);
            if (!is_new && owner->second != service.name) {
                report_.problem(entry.place, fmt::format("services.{}.ports", entry.key),
                                fmt::format("port {} is published by service {} too",
                                            port.published, owner->second));
            }
        }
        if (service.tcp) {
            if (std::ranges::find(stack_.gateway.listen, service.tcp->port,
                                  &model::ListenAddress::port) != stack_.gateway.listen.end()) {
                report_.problem(
                    entry.place, fmt::format("services.{}.x-shore.tcp", entry.key),
                    fmt::format("port {} is one of x-shore.gateway.listen", service.tcp->port));
            }
            const auto [owner, is_new] =
                claimed_.try_emplace(fmt::format(":{}/tcp", service.tcp->port), service.name);
            if (!is_new) {
                report_.problem(entry.place, fmt::format("services.{}.x-shore.tcp", entry.key),
                                fmt::format("port {} is published by service {} already",
                                            service.tcp->port, owner->second));
            }
        }
        for (const model::HttpRoute& route : model::routes_of(service)) {
            if (route.client_certificate && stack_.gateway.tls.client_ca.empty()) {
                report_.problem(
                    entry.place,
                    fmt::format("services.{}.x-shore.http.client_certificate", entry.key),
                    "needs x-shore.gateway.tls.client_ca, the authorities whose "
                    "certificates count");
            }
            claim_route(entry, service, route);
        }
    }

    void claim_route(const Entry& entry, const model::ServiceSpec& service,
                     const model::HttpRoute& route) {
        std::vector<std::string> hosts = route.hosts;
        if (hosts.empty()) {
            hosts.emplace_back();
        }
        for (const std::string& host : hosts) {
            const std::string match = model::describe_match(route, host);
            const auto [owner, is_new] = claimed_.try_emplace(match, service.name);
            if (!is_new && owner->second != service.name) {
                report_.problem(
                    entry.place, fmt::format("services.{}.x-shore", entry.key),
                    fmt::format("route {} belongs to service {} already", match, owner->second));
            }
        }
    }

    /// The services of a split exist and listen on $PORT.
    void join_splits(const Node& services) {
        for (const model::ServiceSpec& service : stack_.services) {
            for (const model::HttpRoute& route : model::routes_of(service)) {
                for (const model::Share& share : route.actions.split) {
                    join_split(services, service, share.service);
                }
                if (const std::string& copies = route.actions.mirror.service; !copies.empty()) {
                    if (copies == service.name && route.actions.split.empty()) {
                        const Naming naming =
                            naming_of(*services.find(service.name), service.name, copies);
                        report_.problem(*naming.place, naming.path,
                                        "is the service that answers; copies are for another one");
                    }
                    join_split(services, service, copies);
                }
            }
        }
    }

    /// Where a service's routes name another one.
    struct Naming {
        const Place* place;
        std::string path;
    };

    /// The first place below x-shore.http of `from` that names service `name`: as a share of a
    /// split, as what gets copies, as a version of an API.
    static Naming naming_of(const Node& service, const std::string& from, const std::string& name) {
        const std::string path = fmt::format("services.{}.x-shore.http", from);
        const Node* const http = value_at(service, "x-shore.http");
        const Node* const list = http == nullptr ? nullptr : value_at(*http, "routes");
        const size_t count = list == nullptr ? 0 : list->items.size();
        for (size_t i = 0; i <= count; ++i) {
            const Node* const map = i == 0 ? http : &list->items[i - 1];
            const std::string at = i == 0 ? path : fmt::format("{}.routes[{}]", path, i - 1);
            if (map == nullptr) {
                continue;
            }
            const Node* const split = value_at(*map, "split");
            if (const Node* const share = split == nullptr ? nullptr : split->find(name)) {
                return {&share->place, at + ".split"};
            }
            const Node* const mirror = value_at(*map, "mirror.service");
            if (mirror != nullptr && mirror->text == name) {
                return {&mirror->place, at + ".mirror.service"};
            }
            const Node* const versions = value_at(*map, "versions");
            for (const Entry& version :
                 versions == nullptr ? std::span<const Entry>() : std::span(versions->entries)) {
                const Node* const own = value_at(version.value, "service");
                if (own != nullptr && own->text == name) {
                    return {&own->place, fmt::format("{}.versions.{}.service", at, version.key)};
                }
            }
        }
        return {&service.place, path};
    }

    void join_split(const Node& services, const model::ServiceSpec& from, const std::string& name) {
        const auto found = std::ranges::find(stack_.services, name, &model::ServiceSpec::name);
        const auto& [at, path] = naming_of(*services.find(from.name), from.name, name);
        const Place& place = *at;
        if (found == stack_.services.end()) {
            std::vector<std::string> names;
            for (const model::ServiceSpec& service : stack_.services) {
                names.push_back(service.name);
            }
            report_.problem(
                place, path,
                fmt::format("there is no active service \"{}\"{}", base::printable(name, 60),
                            base::did_you_mean(name, names)));
            return;
        }
        if (!found->external.empty()) {
            found->shares_routes = true;
            return;
        }
        if (!model::has_process(*found) || found->static_files) {
            report_.problem(place, path,
                            fmt::format("service {} runs nothing that could answer", name));
            return;
        }
        found->shares_routes = true;
        found->needs_port = true;
        const Node* const check = value_at(*services.find(name), "healthcheck");
        const bool disabled = check != nullptr && (bool_at(*check, "disable", false) ||
                                                   !texts_at(*check, "test").empty());
        if (found->health.probe == model::HealthProbe::kNone && !disabled) {
            found->health.probe = model::HealthProbe::kTcp;
        }
    }

    /// A service that another one waits for to complete is not started again when it has ended.
    void imply_one_shot(const Node& services) {
        for (const model::ServiceSpec& service : stack_.services) {
            for (const model::Dependency& dependency : service.depends_on) {
                const auto found = std::ranges::find(stack_.services, dependency.service,
                                                     &model::ServiceSpec::name);
                if (dependency.condition != model::DependencyCondition::kCompleted ||
                    found == stack_.services.end()) {
                    continue;
                }
                found->one_shot = true;
                const Node* node = services.find(dependency.service);
                const bool has_own = value_at(*node, "restart") != nullptr ||
                                     value_at(*node, "deploy.restart_policy") != nullptr;
                if (!has_own) {
                    found->restart.condition = model::RestartCondition::kNo;
                }
            }
        }
    }

    const Node& document_;
    const StackContext& context_;
    Report& report_;
    model::StackSpec stack_;
    std::map<std::string, std::string> claimed_;
};

}  // namespace

model::StackSpec build_stack(const Node& document, const StackContext& context, Report& report) {
    return StackBuilder(document, context, report).build();
}

}  // namespace shore::config
