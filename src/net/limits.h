// Limits of the small network services (control API, probes). The gateway has its own.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace shore::net {

/// Pause before accepting again when the process is out of descriptors: short enough to go
/// unnoticed, long enough not to spin.
inline constexpr std::chrono::milliseconds kAcceptRetry{50};
/// Pause before connecting again to a Unix socket whose backlog is full.
inline constexpr std::chrono::milliseconds kDialRetry{5};
/// Descriptors in one parcel; the kernel's own limit is 253 (SCM_MAX_FD).
inline constexpr size_t kParcelDescriptorsMax = 128;

/// Connections of one control API server at a time: a few consoles and CLIs with event streams;
/// each costs some 20 KiB.
inline constexpr size_t kHttpConnectionsMax = 256;
/// A request head. Tokens and long queries fit; cookies of other apps on the same host may not, and
/// need not.
inline constexpr uint32_t kHttpHeadBytesMax = 16 * 1024;
/// A request body unless the server's options say otherwise: a manifest with its included files
/// fits many times.
inline constexpr uint64_t kHttpRequestBodyMax = 16ULL << 20U;
/// A response body that the client collects unless told otherwise.
inline constexpr uint64_t kHttpResponseBodyMax = 64ULL << 20U;
/// A probe's answer.
inline constexpr uint64_t kHttp2FetchBytesMax = 1ULL << 20U;
/// How much is read or copied at a time.
inline constexpr size_t kHttpReadBytes = 16 * 1024;
/// One server-sent event with all its lines: a status document of 300 instances is about 100 KiB.
inline constexpr size_t kSseEventBytesMax = 4U << 20U;

/// A ticket key is used this long for new tickets, and this many are kept to read old ones:
/// together longer than a session lives.
inline constexpr std::chrono::hours kTlsTicketKeyLife{6};
inline constexpr size_t kTlsTicketKeysKept = 4;
inline constexpr std::chrono::seconds kTlsSessionLife = std::chrono::hours(12);
/// Plaintext of the largest record (RFC 8446 section 5.1).
inline constexpr size_t kTlsRecordPlain = 16 * 1024;
/// Such a record as it may arrive: header, and at most 256 bytes more than its content (RFC 8446
/// section 5.2).
inline constexpr size_t kTlsRecordMax = 5 + kTlsRecordPlain + 256;
/// Encrypted bytes taken at a time, with those that were left over.
inline constexpr size_t kTlsReceiveMax = 4 * kTlsRecordMax;
/// Records under one key; then comes the next one. AES-GCM is good for 2^24.5 (RFC 8446 section
/// 5.5).
inline constexpr uint64_t kTlsKeyRecordsMax = uint64_t{1} << 23;
/// Plaintext encrypted at a time: what a slow client can make a connection hold.
inline constexpr size_t kTlsBatch = 64 * 1024;
/// Encrypted bytes that wait for a client: a batch, and what the protocol answers by itself (key
/// updates), which a client that never reads could ask for without end.
inline constexpr size_t kTlsUnsentMax = 128 * 1024;

static_assert(kTlsTicketKeyLife * (kTlsTicketKeysKept - 1) >= kTlsSessionLife);
static_assert(kHttpReadBytes >= kHttpHeadBytesMax, "a head must fit into one read buffer");

}  // namespace shore::net
