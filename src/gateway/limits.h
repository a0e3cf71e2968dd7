// Limits of the gateway that are not options of the manifest (those are model::GatewayLimits).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace shore::gateway {

/// Loops. More than this many cores in one machine want several gateways.
inline constexpr uint32_t kThreadsMax = 256;

/// A connection's receive buffer. A 16 KB body with its head passes in one receive and one send;
/// two of them a request under way bound the memory at connections times 36 KiB.
inline constexpr size_t kBufferBytes = 34 * 1024;
/// Free bytes in front of what is received, where the rewritten head grows into.
inline constexpr size_t kHeadRoom = 2 * 1024;
/// Buffers and heads kept by a loop for later requests: the usual concurrency; more is freed.
inline constexpr size_t kPooledBuffersMax = 1024;
inline constexpr size_t kPooledLargeBuffersMax = 64;
/// Bodies at least this long are read in larger pieces.
inline constexpr size_t kLargeBufferBytes = 256 * 1024;

/// Idle upstream connections kept per loop and endpoint. Larger than any usual concurrency: a pool
/// that is too small costs a connect per request.
inline constexpr size_t kIdleUpstreamMax = 2048;
/// How long one stays: below the 5 s after which Node closes its side.
inline constexpr std::chrono::milliseconds kIdleUpstreamLife{4000};

/// Tries of one request, the first one included.
inline constexpr uint32_t kTriesMax = 5;
/// How long a request is held while no endpoint can take it: longer than a process needs to come
/// back, shorter than a person waits.
inline constexpr std::chrono::milliseconds kHoldMax{3000};
/// Pause between two looks for an endpoint while holding.
inline constexpr std::chrono::milliseconds kHoldPause{20};
/// Requests held at a time per loop; above it they are answered 503 at once.
inline constexpr size_t kHeldMax = 4096;

/// How long a request waits for another one's fetch of the same URL; then it goes itself. nginx's
/// proxy_cache_lock_timeout.
inline constexpr std::chrono::milliseconds kFlightWaitMax{5000};
/// Refreshes of stored answers under way at a time per loop, for clients that have got the old one;
/// above it nobody refreshes, and the next request tries again.
inline constexpr size_t kRefreshesMax = 256;
/// Steps in which a copy of unknown length takes room from the cache.
inline constexpr size_t kRecordStep = size_t{64} * 1024;

/// A client that has closed its sending side gets this long to receive: netcat does that, and so
/// does a browser that has left.
inline constexpr std::chrono::milliseconds kHalfCloseGrace{1000};
/// How long an app may take to say 100 Continue before the gateway says it.
inline constexpr std::chrono::milliseconds kContinueWait{1000};

/// An endpoint that failed is left alone this long, doubled with each further failure.
inline constexpr std::chrono::milliseconds kEjectFirst{50};
inline constexpr std::chrono::milliseconds kEjectLongest{5000};
/// A probe that asks an ejected endpoint whether it is back.
inline constexpr std::chrono::milliseconds kProbeTimeout{1000};
/// For all replaced gateways together to say what they still have; who asks for metrics waits
/// twice as long.
inline constexpr std::chrono::milliseconds kPredecessorWait{1000};

/// Without a byte in either direction an upgraded connection is closed after this. WebSocket
/// libraries ping every 20 to 60 s.
inline constexpr std::chrono::minutes kTunnelIdle{10};

/// Raw TCP that moves in bulk goes through a pipe of this size; one that is quiet for kPipeQuiet
/// gives its pipe back.
inline constexpr int kSpliceBytes = 256 * 1024;
inline constexpr std::chrono::milliseconds kPipeQuiet{500};

/// Interim (1xx) responses passed on before the final one.
inline constexpr uint32_t kInterimResponsesMax = 16;
/// An early answer reaches the client only when the rest of its request is read: closing on unread
/// bytes resets the connection. The rest is dropped for as long as each period brings this much, so
/// that a client that drips cannot hold the connection, and no longer than this in all.
inline constexpr std::chrono::seconds kLingerPeriod{1};
inline constexpr size_t kLingerBytesMin = size_t{16} * 1024;
inline constexpr std::chrono::seconds kLingerTime{30};
static_assert(kLingerPeriod < kLingerTime);
/// For what an HTTP/2 connection still has to say (a GOAWAY) to a client that may not listen.
inline constexpr std::chrono::seconds kLastWriteTime{1};

/// Connections accepted in a row before other work of the loop gets its turn.
inline constexpr int kAcceptsPerTurn = 64;

/// Access log: a loop hands its lines over at this size or age; lines above the queue's size are
/// dropped and counted.
inline constexpr size_t kAccessLogBatch = 64 * 1024;
inline constexpr std::chrono::milliseconds kAccessLogAge{1000};
inline constexpr size_t kAccessLogQueueMax = size_t{16} * 1024 * 1024;
/// A target in an access log line; the rest is cut.
inline constexpr size_t kAccessLogTargetMax = 2048;

/// Control socket: a snapshot of thousands of routes is a few MiB.
inline constexpr size_t kControlLineMax = size_t{64} * 1024 * 1024;
inline constexpr size_t kControlConnectionsMax = 8;
/// A hand-over between two gateways on one machine: each step takes milliseconds.
inline constexpr std::chrono::seconds kHandOverWait{10};
/// publish() waits this long for the gateway to come up.
inline constexpr std::chrono::seconds kLinkConnectWait{10};
/// And this long for every loop to take it over; a loop that is stuck for longer is a bug.
inline constexpr std::chrono::seconds kLinkAnswerWait{30};
/// Pauses between tries to connect: the first, and the longest.
inline constexpr std::chrono::milliseconds kLinkPauseFirst{10};
inline constexpr std::chrono::milliseconds kLinkPauseLongest{500};

/// Static files up to this size leave behind their head in one piece of memory: cheaper than to
/// name two.
inline constexpr size_t kSmallFileMax = 16 * 1024;
/// Likewise stored answers. The kernel takes two pieces of 16 KiB sooner than they are copied.
inline constexpr size_t kSmallAnswerMax = 4 * 1024;
/// Files up to this size may be kept in memory (x-shore.gateway.file_cache bounds the sum); larger
/// ones are only ever sent from the file.
inline constexpr size_t kStoredFileMax = 256 * 1024;
/// From this size on sendfile, which needs a second system call but no copy, is cheaper than
/// memory: by 7 % at 24 KiB, 28 % at 64 KiB (docs/benchmarks.md).
inline constexpr size_t kSendFileMin = 24 * 1024;
/// Sent by one call, so that one client does not hold the loop.
inline constexpr size_t kSendFilePiece = 512 * 1024;
/// Files that a loop keeps open for that.
inline constexpr size_t kOpenFilesMax = 256;
/// What a kept file costs beside its bytes, counted high.
inline constexpr size_t kStoredFileOverhead = 2048;
/// Between two looks whether a kept file is still what lies on the disk.
inline constexpr std::chrono::milliseconds kFileLookPause{1000};
/// A path of a file, decoded.
inline constexpr size_t kFilePathMax = 1024;

/// Bodies being compressed at a time per loop, at about 1 MiB each; further ones are sent as they
/// are. And encoders kept for later bodies.
inline constexpr size_t kEncodersMax = 128;
inline constexpr size_t kPooledEncodersMax = 16;

/// Route names with counters of their own; the last one takes the rest. Bounds what renaming
/// services for years can grow.
inline constexpr uint32_t kRouteCountersMax = 10'000;

/// What RE2 may use for one pattern: programs and caches of states. A pattern that needs more does
/// not compile.
inline constexpr int64_t kPatternBytesMax = int64_t{1} << 20;

/// Bytes that a route's edits may add to a head: they must fit into kHeadRoom beside what
/// rewriting adds (config has the same limit).
inline constexpr size_t kEditBytesMax = 1024;
/// A session cookie's line.
inline constexpr size_t kSessionBytesMax = 300;

/// Retries in kRetryWindow that a loop may always make of requests that may have reached an app;
/// the budget's share comes on top.
inline constexpr uint64_t kFreeRetries = 10;
inline constexpr std::chrono::seconds kRetryWindow{10};
/// The share of requests with which a slow start begins: enough to warm up a cache.
inline constexpr double kSlowStartShareMin = 0.1;

/// What `shore top` and the metrics' quantiles look back on, in samples of this length.
inline constexpr std::chrono::seconds kTrafficPause{5};
inline constexpr std::chrono::seconds kTrafficWindow{60};

/// Freed memory that the allocator may keep, and between two looks at it.
inline constexpr uint64_t kFreedMemoryMax = 2 * 1024 * 1024;
inline constexpr std::chrono::seconds kMemoryPause{10};

/// Request bodies being decompressed at a time per loop: a window of 8 to 16 MiB each at worst.
inline constexpr size_t kDecodersMax = 64;
/// Plain bytes that any compressed body may have, whatever its ratio: a short text of blanks is no
/// bomb.
inline constexpr uint64_t kDecodeFreeBytes = 64 * 1024;

/// Copies of requests under way per loop, the bytes of a copy's body, how long one may take, and
/// how much of its answer is read.
inline constexpr size_t kMirrorsMax = 256;
inline constexpr size_t kMirrorBodyMax = 64 * 1024;
inline constexpr std::chrono::seconds kMirrorTimeout{10};
inline constexpr size_t kMirrorAnswerMax = size_t{4} * 1024 * 1024;

/// DNS names of upstreams: how many, addresses of each, and threads that ask. An answer is kept for
/// its own time within these bounds; after a failure it is asked again sooner.
inline constexpr size_t kDnsNamesMax = 1000;
inline constexpr size_t kDnsAddressesMax = 64;
inline constexpr size_t kDnsThreads = 2;
inline constexpr std::chrono::seconds kDnsLifeShortest{1};
inline constexpr std::chrono::seconds kDnsLifeLongest{300};
inline constexpr std::chrono::seconds kDnsRetryFirst{1};
inline constexpr std::chrono::seconds kDnsRetryLongest{30};

/// A request id that a trusted proxy sent; ours have 26 characters.
inline constexpr size_t kRequestIdMax = 128;

/// Largest answer of the gateway's own (error pages).
inline constexpr size_t kPageBytesMax = 8 * 1024;

/// HTTP/2. Streams under way on a connection: what browsers expect at least (RFC 9113 section 6.5.2
/// recommends 100).
inline constexpr uint32_t kHttp2StreamsMax = 128;
/// Body bytes that a client may send before an upstream takes them: of one stream what a large
/// buffer holds, of all streams together what bounds a connection's memory.
inline constexpr uint32_t kHttp2StreamWindow = kLargeBufferBytes - 1024;
inline constexpr uint32_t kHttp2ConnectionWindow = 1024 * 1024;
/// To upstreams: streams on a connection (gRPC servers allow 100 and more), connections per
/// instance and loop before further requests wait, and how long one stays without a request.
inline constexpr uint32_t kHttp2UpstreamStreamsMax = 100;
inline constexpr size_t kHttp2UpstreamsMax = 8;
inline constexpr std::chrono::seconds kHttp2UpstreamIdle{60};
/// Body bytes that an upstream may send before the client takes them: what a buffer holds.
inline constexpr uint32_t kHttp2UpstreamWindow = 32 * 1024;
/// A request's head, and the one that is sent on behind it: streams hold one of these each while an
/// answer is awaited.
inline constexpr size_t kHeadBufferBytes = size_t{8} * 1024;

static_assert(kEditBytesMax + kSessionBytesMax + 512 < kHeadRoom);
static_assert(kHttp2UpstreamWindow <= kBufferBytes);
static_assert(kHeadRoom + kSmallFileMax < kBufferBytes);

}  // namespace shore::gateway
