// Maxima of what a peer can send in one HTTP message or over one connection, each with its reason.
// Rooms may set lower ones at run time.
#pragma once

#include <cstdint>

namespace shore::wire {

/// Fields kept per head. Browsers send about 20, long proxy chains about 60; 256 costs 5 KiB in a
/// pooled object.
inline constexpr uint32_t kFieldsMax = 256;
/// A whole head. Offsets would allow 4 GiB; nothing legitimate passes 64 KiB and every buffer class
/// ends there.
inline constexpr uint32_t kHeadBytesMax = 64 * 1024;
/// A method is a word of the application's choice; the longest registered one has 17 letters.
inline constexpr uint32_t kMethodBytesMax = 32;
/// 253 characters of a DNS name, a colon and a port; an IPv6 literal is shorter.
inline constexpr uint32_t kHostBytesMax = 260;
/// A chunk-size line: 16 hexadecimal digits and an extension that nobody uses, so a short one (RFC
/// 9112 7.1.1).
inline constexpr uint32_t kChunkLineBytesMax = 256;
/// Extensions are dropped, so they are work without use: this many bytes of them in a message are
/// an attack.
inline constexpr uint32_t kChunkExtensionBytesMax = 4 * 1024;
/// The trailer section. gRPC's status lines are the largest known users, far below.
inline constexpr uint32_t kTrailerBytesMax = 8 * 1024;
inline constexpr uint32_t kTrailerFieldsMax = 64;

/// A PROXY header with its TLVs. Balancers send some 100 bytes, with a client's certificate
/// described some 500; the protocol would allow 64 KiB before anything is known of the client.
inline constexpr uint32_t kProxyHeaderBytesMax = 4 * 1024;
/// Version 1 with its longest addresses and CRLF (section 2.1); version 2 without TLVs is shorter.
inline constexpr uint32_t kProxyHeaderWrittenMax = 107;

/// HTTP/2. What a peer may do in a burst and then each second before it is cut off. A browser that
/// leaves a page resets some hundred streams at once, and never goes on like that.
inline constexpr double kHttp2ResetsBurst = 500;
inline constexpr double kHttp2ResetsPerSecond = 50;
/// SETTINGS, PING, PRIORITY and empty DATA: some tens per connection in practice; gRPC may ping
/// each few seconds.
inline constexpr double kHttp2ControlsBurst = 1000;
inline constexpr double kHttp2ControlsPerSecond = 100;
/// DATA frames cut short by a window below kHttp2TinyWindow. Each costs as much as a whole one.
inline constexpr double kHttp2CrumbsBurst = 500;
inline constexpr double kHttp2CrumbsPerSecond = 20;
inline constexpr uint32_t kHttp2TinyWindow = 128;
/// Fields beyond the limit are only counted, so that the request can be answered 431; beyond this
/// many times the limit nobody waits for an answer.
inline constexpr uint32_t kHttp2HeadFactor = 8;
/// Entries of one SETTINGS frame; ten are defined.
inline constexpr uint32_t kHttp2SettingsMax = 32;
/// Acknowledgements that a peer makes us owe while it does not read.
inline constexpr uint32_t kHttp2UnsentAcksMax = 1000;

/// RESP. A bulk string: what a server takes unless told otherwise (proto-max-bulk-len). Nobody
/// holds one whole.
inline constexpr int64_t kRespBulkMax = 512LL << 20U;
/// Elements of one aggregate, arguments of one command: servers stop there too.
inline constexpr int64_t kRespCountMax = 1LL << 30U;
/// 18 digits cannot overflow 64 bits.
inline constexpr uint32_t kRespDigitsMax = 18;
/// A simple string, an error, a big number: scripts may write long ones.
inline constexpr uint32_t kRespLineMax = 1024 * 1024;
/// An inline command (PROTO_INLINE_MAX_SIZE of the server).
inline constexpr uint32_t kRespInlineMax = 64 * 1024;
/// Of a reply that becomes a value: INFO, SLOWLOG, CLIENT LIST and sentinels' tables are far below.
inline constexpr uint32_t kRespDepthMax = 16;
inline constexpr uint32_t kRespItemsMax = 100 * 1000;

static_assert(kMethodBytesMax + kHostBytesMax < kHeadBytesMax);
static_assert(kChunkLineBytesMax <= kTrailerBytesMax);
static_assert(kChunkLineBytesMax <= kChunkExtensionBytesMax);

}  // namespace shore::wire
