#include "config/digest.h"

#include <array>

#include <fmt/format.h>
#include <openssl/evp.h>

#include "base/assert.h"

namespace shore::config {

namespace {

/// A canonical byte string: every value is "name=length:bytes;", so that no two different services
/// write the same.
class Canonical final {
 public:
    void add(std::string_view name, std::string_view value) {
        text_ += fmt::format("{}={}:", name, value.size());
        text_ += value;
        text_ += ';';
    }
    template <class Number>
        requires std::is_arithmetic_v<Number>
    void add(std::string_view name, Number value) {
        add(name, std::string_view(fmt::format("{}", value)));
    }
    void add(std::string_view name, const std::vector<std::string>& values) {
        add(name, values.size());
        for (const std::string& value : values) {
            add("-", std::string_view(value));
        }
    }
    void add(std::string_view name, const std::map<std::string, std::string>& values) {
        add(name, values.size());
        for (const auto& [key, value] : values) {
            add(key, std::string_view(value));
        }
    }
    void add(std::string_view name, const model::Resources& resources) {
        add(name, fmt::format("{}|{}|{}", resources.cpus ? fmt::format("{}", *resources.cpus) : "",
                              resources.memory ? fmt::format("{}", resources.memory->count) : "",
                              resources.pids ? fmt::format("{}", *resources.pids) : ""));
    }
    const std::string& text() const { return text_; }

 private:
    std::string text_;
};

}  // namespace

std::string service_digest(const model::ServiceSpec& service) {
    Canonical canonical;
    canonical.add("name", std::string_view(service.name));
    canonical.add("image", std::string_view(service.image));
    canonical.add("has_build", service.has_build);
    canonical.add("command", service.command);
    canonical.add("entrypoint", service.entrypoint);
    canonical.add("environment", service.environment);
    canonical.add("working_dir", std::string_view(service.working_dir));
    canonical.add("user", std::string_view(service.user));
    canonical.add("umask", service.umask ? static_cast<int64_t>(*service.umask) : -1);
    canonical.add("limits", service.limits);
    canonical.add("reservations", service.reservations);
    for (const model::Ulimit& ulimit : service.ulimits) {
        canonical.add("ulimit", fmt::format("{}|{}|{}", ulimit.name, ulimit.soft, ulimit.hard));
    }
    for (const model::VolumeMount& volume : service.volumes) {
        canonical.add("volume", static_cast<int>(volume.kind));
        canonical.add("source", std::string_view(volume.source));
        canonical.add("target", std::string_view(volume.target));
        canonical.add("read_only", volume.read_only);
    }
    for (const model::FileMount& file : service.files) {
        canonical.add("file", std::string_view(file.source));
        canonical.add("content", std::string_view(file.content));
        canonical.add("target", std::string_view(file.target));
        canonical.add("mode", file.mode);
        if (!file.digest.empty()) {
            canonical.add("digest", std::string_view(file.digest));
        }
    }
    canonical.add("log", fmt::format("{}|{}|{}", service.log.file_size_max.count,
                                     service.log.files_max, service.log.age_max.count()));
    canonical.add("one_shot", service.one_shot);
    canonical.add("needs_port", service.needs_port);
    canonical.add("fixed_port", service.fixed_port);
    if (service.engine) {
        // Its options are the agent's to apply: no change of them replaces a server.
        canonical.add("engine", static_cast<int>(service.engine->part));
    }
    for (const model::EngineUse& use : service.uses) {
        canonical.add("uses", fmt::format("{}|{}|{}|{}|{}|{}|{}|{}", use.service, use.prefix,
                                          use.database, static_cast<int>(use.access), use.pooled,
                                          use.tls, use.replicas, use.sentinels));
    }
    canonical.add("static", service.static_files.has_value());
    return text_digest(canonical.text());
}

std::string text_digest(std::string_view text) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
    unsigned int size = 0;
    // Fails only when OpenSSL has no SHA-256 or no memory: neither is the text's fault.
    const int done =
        EVP_Digest(text.data(), text.size(), hash.data(), &size, EVP_sha256(), nullptr);
    SHORE_ASSERT(done == 1 && size == 32);
    std::string hex;
    for (unsigned int i = 0; i < size; ++i) {
        hex += fmt::format("{:02x}", hash[i]);
    }
    return hex;
}

}  // namespace shore::config
