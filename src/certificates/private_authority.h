// PrivateAuthority: a certificate authority of this machine's own, for development and for names
// that no public authority signs.
#pragma once

#include <string>

#include "base/clock.h"
#include "certificates/limits.h"
#include "certificates/source.h"

namespace shore::certificates {

/// The one certificate that a PrivateAuthority keeps.
struct PrivateCertificate {
    std::string file = "server.pem";  ///< In the authority's directory.
    std::chrono::days life = kCertificateLife;
};

class PrivateAuthority final : public CertificateSource {
 public:
    /// `directory` is made on first use; several may share it, one at a time and with a file each.
    /// `clock` outlives it. One thread at a time.
    PrivateAuthority(std::string directory, const base::Clock& clock, PrivateCertificate kept = {})
        : directory_(std::move(directory)), clock_(clock), kept_(std::move(kept)) {}

    Result<Issued> certificate(const std::vector<std::string>& names, Renewal renewal) override;
    Result<std::string> authority_pem() override;

 private:
    struct Authority;
    Result<Authority> authority();
    bool serves(const std::string& pem, const std::string& authority_pem,
                const std::vector<std::string>& names) const;

    std::string directory_;
    const base::Clock& clock_;
    PrivateCertificate kept_;
};

}  // namespace shore::certificates
