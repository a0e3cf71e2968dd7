// Content codings: which ones a client accepts, which one it gets, and which media types are worth
// it. Pure; nothing here allocates per request.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace shore::gateway {

/// kIdentity is the body as it is.
enum class Coding : uint8_t { kIdentity, kGzip, kBrotli, kZstd };
inline constexpr size_t kCodings = 4;

/// The name in Content-Encoding: "gzip", "br", "zstd"; "identity".
std::string_view to_string(Coding coding);
/// The coding of such a name, whatever its case ("x-gzip" is gzip); kIdentity for others.
Coding coding_of(std::string_view name);

/// How much a client wants each coding: 0 (not acceptable) to 1000.
struct CodingWeights {
    std::array<uint16_t, kCodings> of{};

    uint16_t operator[](Coding coding) const { return of[static_cast<size_t>(coding)]; }
    friend bool operator==(const CodingWeights&, const CodingWeights&) = default;
};

/// Reads Accept-Encoding (RFC 9110 section 12.5.3). Elements that are not well-formed are passed
/// over: what remains is what the client certainly accepts. Without identity or "*" in the list,
/// identity is acceptable, though never preferred to a coding that is named.
CodingWeights accepted_codings(std::string_view accept_encoding);

/// The coding of `offered` (in the server's order) with the greatest weight, the first one of
/// several; kIdentity when the client accepts none of them or prefers identity.
Coding choose_coding(const CodingWeights& weights, std::span<const Coding> offered);

/// Media types by pattern: "text/html", "text/*", "application/*+json". Immutable.
class MediaTypes final {
 public:
    MediaTypes() = default;
    explicit MediaTypes(const std::vector<std::string>& patterns);

    /// Whether a Content-Type, with parameters or without, is one of them.
    bool contain(std::string_view content_type) const;

 private:
    struct Suffix {
        std::string type;    // "application/"
        std::string suffix;  // "+json"
    };
    std::vector<std::string> exact_;  // Lower case.
    std::vector<std::string> wild_;   // "text/".
    std::vector<Suffix> suffixes_;
};

/// "text/html" of "text/html; charset=utf-8".
std::string_view essence_of(std::string_view content_type);

}  // namespace shore::gateway
