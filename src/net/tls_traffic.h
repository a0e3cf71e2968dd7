// TlsTraffic: one direction of a TLS 1.3 connection behind its handshake: application data, alerts
// and key updates as protected records (RFC 8446 sections 5.2, 5.3 and 7.3). The ciphers are
// OpenSSL's; what is here is a header, a nonce and a counter.
//
// A direction that rests keeps 120 bytes of keys; the library's keyed cipher (1.2 KB) exists only
// while records pass.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

struct evp_cipher_ctx_st;
struct evp_cipher_st;
struct evp_md_st;

namespace shore::net {

/// RFC 8446 section 5.1. Behind a handshake nothing else is allowed.
enum class TlsContent : uint8_t { kAlert = 21, kHandshake = 22, kData = 23 };

/// A record's header, and what protection adds behind its content: the type and the tag.
inline constexpr size_t kTlsHeaderBytes = 5;
inline constexpr size_t kTlsTrailerBytes = 1 + 16;

/// A cipher suite of RFC 8446 appendix B.4. One of each for the program, never changed.
struct TlsSuite {
    const evp_cipher_st* cipher = nullptr;
    const evp_md_st* digest = nullptr;
    size_t key_bytes = 0;
    size_t secret_bytes = 0;

    /// By its number (0x1301 to 0x1303); null for others.
    static const TlsSuite* find(uint16_t number);
};

/// A resource; one loop's.
class TlsTraffic final {
 public:
    enum class Use : uint8_t { kSeal, kOpen };
    /// `secret`: client_ or server_application_traffic_secret_N. `sequence`: records that were
    /// protected with it already.
    TlsTraffic(const TlsSuite& suite, Use use, std::string_view secret, uint64_t sequence);
    TlsTraffic(const TlsTraffic&) = delete;
    TlsTraffic& operator=(const TlsTraffic&) = delete;
    /// Wipes its keys.
    ~TlsTraffic();

    /// Appends one record of both pieces, at most kTlsRecordPlain together. False, and nothing is
    /// appended, when the library fails: the connection is over.
    bool seal(TlsContent content, std::string_view first, std::string_view second,
              std::string& out);
    struct Opened {
        TlsContent content = TlsContent::kData;
        std::string_view plain;  ///< Where the record lay.
    };
    /// Decrypts one whole record in place. Nothing when it is not genuine, or has no type.
    std::optional<Opened> open(char* record, size_t size);
    /// Goes on to the next secret (section 7.2).
    void update();
    uint64_t sequence() const { return sequence_; }
    /// Frees what can be made again.
    void rest();

 private:
    static constexpr size_t kNonceBytes = 12;
    using Nonce = std::array<unsigned char, kNonceBytes>;

    std::string_view secret() const {
        return {reinterpret_cast<const char*>(secret_.data()), suite_.secret_bytes};
    }
    void derive_keys();
    bool prepare();
    bool begin_record(const unsigned char* header);

    const TlsSuite& suite_;
    Use use_;
    std::array<unsigned char, 48> secret_{};
    std::array<unsigned char, 32> key_{};
    Nonce iv_{};
    uint64_t sequence_;
    evp_cipher_ctx_st* context_ = nullptr;  // Null while it rests.
};

}  // namespace shore::net
