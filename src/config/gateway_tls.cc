#include "config/gateway_tls.h"

#include "config/limits.h"
#include "config/text_file.h"
#include "config/tree_values.h"
#include "wire/certificate.h"

namespace shore::config {

namespace {

constexpr std::string_view kPath = "x-shore.gateway.tls";

/// The content of the file that `node` names; a problem at its place otherwise.
std::optional<std::string> read_named(const Node& node, const std::string& path,
                                      const Refuse& refuse) {
    auto text = read_text_file(node.text, kCertificateBytesMax);
    if (!text) {
        refuse(node.place, path, text.error().text());
        return std::nullopt;
    }
    return std::move(*text);
}

void check_pair(const Node& item, const std::string& path, const Refuse& refuse) {
    const Node* const cert = value_at(item, "cert");
    const Node* const key = value_at(item, "key");
    if (cert == nullptr || key == nullptr) {
        return;  // tls_options() has said so.
    }
    const auto certificate_pem = read_named(*cert, path + ".cert", refuse);
    const auto key_pem = read_named(*key, path + ".key", refuse);
    if (!certificate_pem || !key_pem) {
        return;
    }
    if (const auto facts = wire::read_certificate(*certificate_pem); !facts) {
        refuse(cert->place, path + ".cert",
               fmt::format("{} {}", cert->text, facts.error().message()));
    } else if (const auto fits = wire::check_key(*certificate_pem, *key_pem); !fits) {
        refuse(key->place, path + ".key", fmt::format("{} {}", key->text, fits.error().message()));
    }
}

}  // namespace

model::TlsOptions tls_options(const Node& gateway, Report& report) {
    model::TlsOptions options;
    const Node* const tls = value_at(gateway, "tls");
    if (tls == nullptr) {
        return options;
    }
    if (const Node* const list = value_at(*tls, "certificates")) {
        for (const Node& item : list->items) {
            for (const std::string_view key : {"cert", "key"}) {
                if (value_at(item, key) == nullptr) {
                    report.problem(item.place, fmt::format("{}.certificates", kPath),
                                   fmt::format("a certificate needs \"{}\", a PEM file", key));
                }
            }
            options.certificates.push_back({text_at(item, "cert"), text_at(item, "key")});
        }
    }
    options.client_ca = text_at(*tls, "client_ca");
    options.client_optional = text_at(*tls, "client_auth") == "optional";
    if (const Node* const auth = value_at(*tls, "client_auth");
        auth != nullptr && options.client_ca.empty()) {
        report.problem(auth->place, fmt::format("{}.client_auth", kPath),
                       "needs client_ca, the authorities whose certificates count");
    }
    options.redirect = bool_at(*tls, "redirect", !options.certificates.empty());
    options.hsts = duration_at(*tls, "hsts", options.hsts);
    options.version_min = text_at(*tls, "min_version", "1.2") == "1.3" ? 13 : 12;
    return options;
}

void check_tls_files(const Node& document, const Refuse& refuse) {
    const Node* const tls = value_at(document, kPath);
    if (tls == nullptr) {
        return;
    }
    if (const Node* const list = value_at(*tls, "certificates")) {
        for (size_t i = 0; i < list->items.size(); ++i) {
            check_pair(list->items[i], fmt::format("{}.certificates[{}]", kPath, i), refuse);
        }
    }
    if (const Node* const authority = value_at(*tls, "client_ca")) {
        const std::string path = fmt::format("{}.client_ca", kPath);
        const auto pem = read_named(*authority, path, refuse);
        if (pem && !wire::read_certificate(*pem)) {
            refuse(authority->place, path,
                   fmt::format("{} holds no certificate in PEM form", authority->text));
        }
    }
}

}  // namespace shore::config
