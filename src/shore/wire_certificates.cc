#include "shore/wire_certificates.h"

#include <algorithm>
#include <mutex>
#include <set>

#include "async/timer.h"
#include "certificates/private_authority.h"
#include "config/digest.h"
#include "os/file.h"
#include "os/process.h"
#include "wire/certificate.h"

namespace shore {

namespace {

constexpr auto kLookPause = std::chrono::seconds(20);
/// Debian's place for authorities of this machine (update-ca-certificates(8)).
constexpr std::string_view kTrustedFile = "/usr/local/share/ca-certificates/shore.crt";
constexpr Bytes kPemMax = Bytes::mib(1);
/// In the authority's directory, certificate and key.
constexpr std::string_view kEnginesFile = "engines.pem";
/// Names by which people reach their own machine.
constexpr std::string_view kOwnNames[] = {"localhost", "127.0.0.1", "::1"};

bool uses_tls(const model::Snapshot& snapshot) {
    return !snapshot.tls.empty();
}

/// Hosts of routes that are reached over TLS, sorted.
std::set<std::string> hosts_of(const model::Snapshot& snapshot) {
    std::set<std::string> hosts;
    for (const model::Route& route : snapshot.routes) {
        const bool secure = std::ranges::any_of(
            route.listeners, [&](uint32_t listener) { return snapshot.listeners[listener].tls; });
        if (secure) {
            hosts.insert(route.match.hosts.begin(), route.match.hosts.end());
        }
    }
    return hosts;
}

}  // namespace

/// The files, behind a lock: calls come from any worker.
struct GatewayCertificates::Shelf {
    Shelf(std::string directory, const base::Clock& at)
        : private_directory(std::move(directory)),
          engines_file(fmt::format("{}/{}", private_directory, kEnginesFile)),
          clock(at),
          source(private_directory, at),
          engine_source(
              private_directory, at,
              {.file = std::string(kEnginesFile), .life = certificates::kEngineCertificateLife}) {}

    struct Completed {
        model::Snapshot snapshot;
        std::vector<std::string> troubles;
    };

    /// What a certificate's files hold.
    struct Content {
        std::string digest;
        std::vector<std::string> names;
    };

    /// Of what does not fit together, the last good content: somebody may be in the middle of
    /// replacing the files, and the gateway goes on with what it has.
    const Content& content_of(const model::Certificate& files, std::vector<std::string>& troubles) {
        auto certificate = os::read_file(files.certificate_file, kPemMax);
        auto key = os::read_file(files.key_file, kPemMax);
        Result<void> fits;
        if (!certificate || !key) {
            fits = fail(certificate ? key.error() : certificate.error());
        } else {
            fits = wire::check_key(*certificate, *key);
        }
        Content& known = contents[files.certificate_file + "\n" + files.key_file];
        if (!fits) {
            troubles.push_back(fmt::format("certificate {}: {}{}", files.certificate_file,
                                           fits.error().text(),
                                           known.digest.empty() ? "" : "; the one before goes on"));
            return known;
        }
        const auto facts = wire::read_certificate(*certificate);
        if (facts && facts->not_after <= clock.wall_now()) {
            troubles.push_back(fmt::format("certificate {} expired on {}", files.certificate_file,
                                           base::to_rfc3339(facts->not_after)));
        }
        known.digest = config::text_digest(*certificate + *key);
        known.names = facts ? facts->names : std::vector<std::string>();
        return known;
    }

    Completed complete(model::Snapshot snapshot, certificates::Renewal renewal) {
        const std::scoped_lock lock(mutex);
        Completed completed{std::move(snapshot), {}};
        model::Snapshot& to = completed.snapshot;
        std::set<std::string> uncovered = hosts_of(to);
        for (model::Certificate& certificate : to.certificates) {
            const Content& content = content_of(certificate, completed.troubles);
            certificate.digest = content.digest;
            std::erase_if(uncovered, [&](const std::string& host) {
                return std::ranges::any_of(content.names, [&](const std::string& name) {
                    return name == host || wire::matches_name(name, host);
                });
            });
        }
        for (model::TlsPolicy& policy : to.tls) {
            const auto pem = policy.client_ca.empty() ? Result<std::string>()
                                                      : os::read_file(policy.client_ca, kPemMax);
            policy.client_ca_digest =
                pem && !policy.client_ca.empty() ? config::text_digest(*pem) : "";
        }
        if (to.certificates.empty() || !uncovered.empty()) {
            std::vector<std::string> names(uncovered.begin(), uncovered.end());
            names.insert(names.end(), std::begin(kOwnNames), std::end(kOwnNames));
            add_private(to, names, renewal, completed.troubles);
        }
        return completed;
    }

    void add_private(model::Snapshot& to, const std::vector<std::string>& names,
                     certificates::Renewal renewal, std::vector<std::string>& troubles) {
        auto issued = source.certificate(names, renewal);
        if (!issued) {
            troubles.push_back(issued.error().text());
            return;
        }
        model::Certificate own{issued->certificate_file, issued->key_file, ""};
        own.digest = content_of(own, troubles).digest;
        to.certificates.push_back(std::move(own));
    }

    Result<certificates::Issued> issue_for_engines(certificates::Renewal renewal);
    api::CertificateStatus status_of(const model::Certificate& files) const;
    /// Signed here.
    bool is_private(const model::Certificate& files) const {
        return files.certificate_file.starts_with(private_directory);
    }

    std::mutex mutex;
    std::string private_directory;
    std::string engines_file;  ///< Exists when an engine has asked for one.
    const base::Clock& clock;
    certificates::PrivateAuthority source;
    certificates::PrivateAuthority engine_source;
    std::map<std::string, Content> contents;  // By file names: the last good ones.
};

GatewayCertificates::GatewayCertificates(const base::Clock& clock, async::Loop& loop,
                                         async::WorkerPool& workers, const StatePaths& paths)
    : clock_(clock),
      loop_(loop),
      workers_(workers),
      shelf_(std::make_shared<Shelf>(paths.tls().native(), clock)) {
}

GatewayCertificates::~GatewayCertificates() = default;

async::Task<model::Snapshot> GatewayCertificates::complete(model::Snapshot snapshot,
                                                           std::vector<std::string>& troubles) {
    if (!uses_tls(snapshot)) {
        newest_ = snapshot;
        co_return snapshot;
    }
    // Until the worker is through, those in use are the ones to list.
    auto in_use = std::move(newest_.certificates);
    newest_ = snapshot;
    newest_.certificates = std::move(in_use);
    auto work = [shelf = shelf_, snapshot]() -> Result<Shelf::Completed> {
        return shelf->complete(snapshot, certificates::Renewal::kWhenDue);
    };
    auto completed = co_await workers_.run<Shelf::Completed>(loop_, std::move(work));
    if (!completed) {
        troubles.push_back(completed.error().text());
        co_return snapshot;
    }
    std::ranges::move(completed->troubles, std::back_inserter(troubles));
    newest_.certificates = completed->snapshot.certificates;
    newest_.tls = completed->snapshot.tls;
    co_return std::move(completed->snapshot);
}

async::Task<void> GatewayCertificates::watch(std::function<void()> publish) {
    publish_ = std::move(publish);
    while (true) {
        co_await async::sleep_for(loop_, kLookPause);
        if (!uses_tls(newest_)) {
            continue;
        }
        model::Snapshot asked = newest_;
        std::erase_if(asked.certificates,
                      [this](const model::Certificate& each) { return shelf_->is_private(each); });
        auto work = [shelf = shelf_, asked]() -> Result<Shelf::Completed> {
            return shelf->complete(asked, certificates::Renewal::kWhenDue);
        };
        const uint64_t version = newest_.version;
        const auto looked = co_await workers_.run<Shelf::Completed>(loop_, std::move(work));
        if (looked && version == newest_.version &&
            (looked->snapshot.certificates != newest_.certificates ||
             looked->snapshot.tls != newest_.tls)) {
            publish_();
        }
    }
}

Result<engines::EngineTls> GatewayCertificates::engine_certificate_blocking() {
    const std::scoped_lock lock(shelf_->mutex);
    SHORE_TRY(const certificates::Issued issued,
              shelf_->issue_for_engines(certificates::Renewal::kWhenDue));
    engines::EngineTls tls;
    SHORE_TRY(tls.certificate, os::read_file(issued.certificate_file, kPemMax));
    SHORE_TRY(tls.authority, shelf_->engine_source.authority_pem());
    return tls;
}

Result<certificates::Issued> GatewayCertificates::Shelf::issue_for_engines(
    certificates::Renewal renewal) {
    return engine_source.certificate({std::begin(kOwnNames), std::end(kOwnNames)}, renewal);
}

api::CertificateStatus GatewayCertificates::Shelf::status_of(
    const model::Certificate& files) const {
    api::CertificateStatus status{.file = files.certificate_file};
    status.is_private = is_private(files);
    const auto pem = os::read_file(files.certificate_file, kPemMax);
    auto facts =
        pem ? wire::read_certificate(*pem) : Result<wire::CertificateFacts>(fail(pem.error()));
    if (!facts) {
        status.state = facts.error().text();
        return status;
    }
    status.names = std::move(facts->names);
    status.issuer = std::move(facts->issuer);
    status.key = std::move(facts->key);
    status.fingerprint = std::move(facts->fingerprint);
    status.not_before = facts->not_before;
    status.not_after = facts->not_after;
    const auto key = os::read_file(files.key_file, kPemMax);
    const auto fits = key ? wire::check_key(*pem, *key) : fail(key.error());
    status.state = !fits                                  ? fits.error().text()
                   : facts->not_after <= clock.wall_now() ? "expired"
                                                          : "valid";
    return status;
}

async::Task<Result<std::vector<api::CertificateStatus>>> GatewayCertificates::list() {
    auto work = [shelf = shelf_,
                 files = newest_.certificates]() -> Result<std::vector<api::CertificateStatus>> {
        std::vector<api::CertificateStatus> list;
        for (const model::Certificate& each : files) {
            list.push_back(shelf->status_of(each));
        }
        if (os::file_exists(shelf->engines_file)) {
            list.push_back(shelf->status_of({shelf->engines_file, shelf->engines_file, ""}));
            list.back().for_engines = true;
        }
        return list;
    };
    co_return co_await workers_.run<std::vector<api::CertificateStatus>>(loop_, std::move(work));
}

async::Task<Result<uint32_t>> GatewayCertificates::renew() {
    model::Snapshot asked = newest_;
    const size_t own = std::erase_if(asked.certificates, [this](const model::Certificate& each) {
        return shelf_->is_private(each);
    });
    auto work = [shelf = shelf_, asked, own]() -> Result<uint32_t> {
        uint32_t renewed = 0;
        if (own > 0) {
            const auto completed = shelf->complete(asked, certificates::Renewal::kNow);
            renewed += completed.snapshot.certificates.size() > asked.certificates.size() ? 1 : 0;
        }
        // Those who have it are given it at the daemon's next look.
        if (os::file_exists(shelf->engines_file)) {
            const std::scoped_lock lock(shelf->mutex);
            SHORE_TRY(const auto issued, shelf->issue_for_engines(certificates::Renewal::kNow));
            renewed += issued.fresh ? 1 : 0;
        }
        return renewed;
    };
    auto renewed = co_await workers_.run<uint32_t>(loop_, std::move(work));
    if (publish_) {
        publish_();  // Files of manifests that somebody has just renewed, too.
    }
    co_return renewed;
}

async::Task<Result<std::string>> GatewayCertificates::authority() {
    auto work = [shelf = shelf_]() -> Result<std::string> {
        const std::scoped_lock lock(shelf->mutex);
        return shelf->source.authority_pem();
    };
    co_return co_await workers_.run<std::string>(loop_, std::move(work));
}

async::Task<Result<std::string>> GatewayCertificates::trust() {
    SHORE_CO_TRY(const std::string pem, co_await authority());
    auto work = [pem]() -> Result<std::string> {
        std::string path(kTrustedFile);
        SHORE_CHECK(os::write_file_atomically(path, pem, 0644));
        SHORE_TRY(os::Process process,
                  os::Process::spawn({.argv = {"/usr/sbin/update-ca-certificates"},
                                      .environment = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"},
                                      .working_directory = "/"}));
        SHORE_TRY(const os::ExitStatus status, process.wait_blocking());
        if (!status.success()) {
            return fail(ErrorCode::kUnavailable, "update-ca-certificates: {}", os::to_text(status));
        }
        return path;
    };
    auto trusted = co_await workers_.run<std::string>(loop_, std::move(work));
    if (!trusted && trusted.error().code() == ErrorCode::kPermission) {
        co_return fail(ErrorCode::kPermission,
                       "the daemon may not write {}; as root: shore certs trust --print > {} && "
                       "update-ca-certificates",
                       kTrustedFile, kTrustedFile);
    }
    co_return trusted;
}

}  // namespace shore
