// CertificateSource: who makes certificates for names. The private authority today.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace shore::certificates {

/// Files that hold a certificate (PEM, with its chain) and its key; they may be one file.
struct Issued {
    std::string certificate_file;
    std::string key_file;
    bool fresh = false;  ///< Made by this call.
    friend bool operator==(const Issued&, const Issued&) = default;
};

enum class Renewal : uint8_t { kWhenDue, kNow };

class CertificateSource {
 public:
    virtual ~CertificateSource() = default;
    /// A certificate that is valid now for every name (DNS names, "*.example.com", IP addresses).
    /// Blocks on the disk. The same files as long as they serve.
    virtual Result<Issued> certificate(const std::vector<std::string>& names, Renewal renewal) = 0;
    /// The certificate of who signs, in PEM form, for clients to trust.
    virtual Result<std::string> authority_pem() = 0;
};

}  // namespace shore::certificates
