#include "engines/records.h"

#include <algorithm>
#include <array>

#include "engines/limits.h"
#include "os/directory.h"
#include "os/file.h"
#include "os/random.h"
#include "wire/json.h"

namespace shore::engines {

using model::EnginePart;
using wire::Json;

namespace {

constexpr std::array kParts = {EnginePart::kPostgres, EnginePart::kPgBouncer, EnginePart::kRedis,
                               EnginePart::kRedisSentinel, EnginePart::kRedisEndpoint};
constexpr std::string_view kDirectory = ".engines";
constexpr uint32_t kPortCount = kPortLast - kPortFirst + 1;

/// The endpoint has two addresses: for the primary, and for reads.
uint32_t addresses_of(const model::EngineSpec& spec, EnginePart part) {
    const uint32_t processes = model::processes_of(spec, part);
    return part == EnginePart::kRedisEndpoint ? 2 * processes : processes;
}

std::string to_json(const Record& record) {
    Json peers = Json::array();
    for (const Peer& peer : record.peers) {
        peers.push(Json::object()
                       .set("part", model::to_string(peer.part))
                       .set("slot", peer.slot)
                       .set("port", uint32_t{peer.port}));
    }
    Json passwords = Json::object();
    for (const auto& [user, password] : record.passwords) {
        passwords.set(user, password);
    }
    return Json::object()
        .set("addresses", std::move(peers))
        .set("passwords", std::move(passwords))
        .set("identity", record.identity)
        .dump_indented();
}

Result<Record> parse(std::string_view text) {
    SHORE_TRY(const Json json, Json::parse(text));
    Record record;
    for (const Json& item : json["addresses"].items()) {
        const auto part = std::ranges::find(kParts, item["part"].text(),
                                            [](EnginePart p) { return model::to_string(p); });
        const int64_t port = item["port"].integer();
        if (part == kParts.end() || port <= 0 || port > 65535) {
            return fail(ErrorCode::kCorrupt, "an address has no known part or no port");
        }
        record.peers.push_back({.part = *part,
                                .slot = static_cast<uint32_t>(item["slot"].integer()),
                                .port = static_cast<uint16_t>(port)});
    }
    for (const Json::Member& member : json["passwords"].members()) {
        record.passwords.emplace(member.key, member.value.text());
    }
    record.identity = json["identity"].text();
    return record;
}

Result<Record> read_record(const std::string& path) {
    SHORE_TRY(const std::string text, os::read_file(path, Bytes{kAssignmentBytesMax}));
    auto record = parse(text);
    if (!record) {
        return fail(std::move(record).error().with(path));
    }
    return record;
}

}  // namespace

Records::Records(std::string volume_directory, PortIsFree is_free, uint16_t start)
    : volume_directory_(std::move(volume_directory)), is_free_(std::move(is_free)), start_(start) {
}

std::string Records::path(std::string_view stack, std::string_view service) const {
    return fmt::format("{}/{}/{}/{}.json", volume_directory_, stack, kDirectory, service);
}

Result<Record> Records::read_blocking(std::string_view stack, std::string_view service) const {
    return read_record(path(stack, service));
}

/// Every port that any engine of this state directory holds, whether it runs or not.
Result<void> Records::learn_ports() {
    ports_.clear();
    SHORE_TRY(const auto stacks, os::list_directory(volume_directory_));
    for (const std::string& stack : stacks) {
        const std::string directory = fmt::format("{}/{}/{}", volume_directory_, stack, kDirectory);
        for (const std::string& name :
             os::list_directory(directory).value_or(std::vector<std::string>{})) {
            const std::string file = fmt::format("{}/{}", directory, name);
            if (const auto record = read_record(file)) {
                for (const Peer& peer : record->peers) {
                    ports_.emplace(peer.port, file);
                }
            }
        }
    }
    return {};
}

Result<uint16_t> Records::next_port(const Record& record) {
    for (uint32_t i = 0; i < kPortCount; ++i) {
        const auto candidate =
            static_cast<uint16_t>(kPortFirst + (start_ - kPortFirst + i) % kPortCount);
        const bool is_taken =
            ports_.contains(candidate) ||
            std::ranges::find(record.peers, candidate, &Peer::port) != record.peers.end();
        if (!is_taken && is_free_(candidate)) {
            return candidate;
        }
    }
    return fail(ErrorCode::kExhausted, "no free port in {}-{} for an engine", kPortFirst,
                kPortLast);
}

Result<Record> Records::take_blocking(std::string_view stack, const model::EngineSpec& spec) {
    const std::lock_guard lock(mutex_);
    const std::string file = path(stack, spec.service);
    Record record;
    if (auto known = read_record(file)) {
        record = std::move(*known);
    } else if (known.error().code() != ErrorCode::kNotFound) {
        // New passwords would lock everybody out of the data: a person must look.
        return fail(std::move(known).error());
    }
    bool is_new = false;
    for (const EnginePart part : kParts) {
        for (uint32_t slot = 1; slot <= addresses_of(spec, part); ++slot) {
            if (port_of(record, part, slot) != 0) {
                continue;
            }
            if (!is_new) {
                SHORE_CHECK(learn_ports());
            }
            SHORE_TRY(const uint16_t port, next_port(record));
            record.peers.push_back({part, slot, port});
            is_new = true;
        }
    }
    std::vector<std::string> users = {std::string(kAdminUser), std::string(kReplicationUser),
                                      std::string(kPoolUser), std::string(kMonitorUser)};
    std::ranges::transform(spec.users, std::back_inserter(users), &model::EngineUser::service);
    for (const std::string& user : users) {
        if (!record.passwords.contains(user)) {
            record.passwords[user] = os::random_hex(kPasswordBytes);
            is_new = true;
        }
    }
    if (record.identity.empty()) {
        record.identity = os::random_hex(kIdentityBytes);
        is_new = true;
    }
    if (is_new) {
        SHORE_CHECK(os::make_directories(file.substr(0, file.rfind('/')), 0711));
        SHORE_CHECK(os::write_file_atomically(file, to_json(record), 0600));
    }
    return record;
}

uint16_t first_port_of(std::string_view volume_directory) {
    // FNV-1a: the same on every start, which is all that is asked of it here.
    uint64_t hash = 0xcbf29ce484222325;
    for (const char c : volume_directory) {
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    }
    return static_cast<uint16_t>(kPortFirst + hash % kPortCount);
}

uint16_t port_of(const Record& record, EnginePart part, uint32_t slot) {
    const auto found = std::ranges::find_if(
        record.peers, [&](const Peer& peer) { return peer.part == part && peer.slot == slot; });
    return found == record.peers.end() ? uint16_t{0} : found->port;
}

}  // namespace shore::engines
