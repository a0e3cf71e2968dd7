// Calls about certificates: list, renew, the private authority.
#include "api/service.h"

namespace shore::api {

namespace {

wire::Json to_json(const CertificateStatus& status) {
    wire::Json names = wire::Json::array();
    for (const std::string& name : status.names) {
        names.push(name);
    }
    return wire::Json::object()
        .set("file", status.file)
        .set("used_by", status.for_engines ? "engines" : "listeners")
        .set("state", status.state)
        .set("private", status.is_private)
        .set("names", std::move(names))
        .set("issuer", status.issuer)
        .set("key", status.key)
        .set("fingerprint", status.fingerprint)
        .set("not_before", base::to_rfc3339(status.not_before))
        .set("not_after", base::to_rfc3339(status.not_after));
}

}  // namespace

async::Task<Answered> Service::list_certificates() {
    SHORE_CO_TRY(const auto list, co_await ports_.certificates.list());
    wire::Json items = wire::Json::array();
    for (const CertificateStatus& status : list) {
        items.push(to_json(status));
    }
    co_return Reply::of(wire::Json::object().set("certificates", std::move(items)));
}

async::Task<Answered> Service::renew_certificates() {
    SHORE_CO_TRY(const uint32_t renewed, co_await ports_.certificates.renew());
    co_return Reply::of(wire::Json::object().set("renewed", uint64_t{renewed}));
}

async::Task<Answered> Service::show_authority() {
    SHORE_CO_TRY(const std::string pem, co_await ports_.certificates.authority());
    co_return Reply::of(wire::Json::object().set("pem", pem));
}

async::Task<Answered> Service::trust_authority() {
    SHORE_CO_TRY(const std::string file, co_await ports_.certificates.trust());
    SHORE_CO_TRY(const std::string pem, co_await ports_.certificates.authority());
    co_return Reply::of(wire::Json::object().set("pem", pem).set("file", file));
}

async::Task<Answered> Service::ask_certificates(const Call& call) {
    switch (call.endpoint->operation) {
        case Operation::kRenewCertificates:
            return renew_certificates();
        case Operation::kShowAuthority:
            return show_authority();
        case Operation::kTrustAuthority:
            return trust_authority();
        default:
            return list_certificates();
    }
}

}  // namespace shore::api
