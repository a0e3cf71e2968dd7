// Http2Session: one side of one HTTP/2 connection (RFC 9113): bytes in, events out; answers (or, as
// a client, requests) in, bytes out. nghttp2 does the framing, HPACK and the state machine; this
// adds limits and cuts off what only an attacker does.
//
// It opens nothing and waits for nothing. One thread. Bodies are not copied before they are framed:
// a stream's owner keeps them until the session has taken them.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

struct nghttp2_session;

namespace shore::wire {

/// What a client sends first (RFC 9113 section 3.4).
inline constexpr std::string_view kHttp2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Why the session ended a connection. `to_string` gives the label of a metric.
enum class Http2Cut : uint8_t {
    kNone,
    kProtocol,       ///< The peer broke the protocol (section 5.4.1).
    kRapidReset,     ///< Streams opened and reset without pause (CVE-2023-44487, CVE-2025-8671).
    kContinuations,  ///< A head that does not end (CVE-2024-28182).
    kHeadFlood,      ///< A head many times larger than allowed.
    kControlFlood,  ///< SETTINGS, PING, PRIORITY or empty DATA without pause (CVE-2019-9512..9518).
    kTinyWindows,   ///< Windows so small that an answer falls to dust (CVE-2019-9511).
    kSlowReader,    ///< Takes nothing of what it asked for. Set by the owner.
    kSlowHead,      ///< A head that takes too long. Set by the owner.
};
inline constexpr size_t kHttp2CutCount = 9;
std::string_view to_string(Http2Cut cut);

/// RFC 9113 section 7, the codes that owners use.
enum class Http2Code : uint32_t {
    kNoError = 0,
    kInternalError = 2,
    kFlowControl = 3,
    kRefusedStream = 7,  ///< Nothing has been done about the request (section 8.7).
    kCancel = 8,
    kEnhanceYourCalm = 11,
};

struct Http2Field {
    std::string_view name;  ///< Any case; it is sent in lower case.
    std::string_view value;
    bool fresh = false;  ///< Differs each time: not worth a place in the peer's table.
};

/// What a session and the owner of a stream share. The owner's, from on_request to on_closed.
struct Http2Stream {
    int32_t id = 0;
    std::string_view out;     ///< Body bytes that are still to be framed.
    bool out_end = false;     ///< The body ends behind them.
    bool answered = false;    ///< The final head has been submitted.
    bool end_sent = false;    ///< The answer's end has been framed.
    bool unwanted = false;    ///< See drop_rest().
    bool closed = false;      ///< on_closed has been called or is due: nothing more can be sent.
    bool head_whole = false;  ///< Client: the final head of the answer has come.
    bool interim = false;     ///< Client: the head that is coming in, or has come last, is a 1xx.
    uint32_t code = 0;        ///< Once closed: why.
    /// Sent behind the body. They view `trailer_text`.
    std::vector<Http2Field> trailers;
    std::string trailer_text;

    void clear();
};

/// Who is told. Called from within receive() and produce() only. A client's owner is told of
/// answers by the same names; on_request is not called, and on_head once for each 1xx, too.
class Http2Owner {
 public:
    virtual ~Http2Owner() = default;

    /// A request begins. Null refuses it.
    virtual Http2Stream* on_request(int32_t id) = 0;
    /// One field of its head, pseudo fields (":path") first.
    virtual void on_field(Http2Stream& stream, std::string_view name, std::string_view value) = 0;
    /// The head is there. `end`: no body follows.
    virtual void on_head(Http2Stream& stream, bool end) = 0;
    /// Body bytes; valid during the call. Give them back to the peer's window with consumed().
    virtual void on_body(Http2Stream& stream, std::string_view bytes) = 0;
    /// One field behind the body.
    virtual void on_trailer(Http2Stream& stream, std::string_view name, std::string_view value) = 0;
    virtual void on_body_end(Http2Stream& stream) = 0;
    /// stream.out has been framed whole.
    virtual void on_taken(Http2Stream& stream) = 0;
    /// The stream is over, whole or not; the session does not touch it any more.
    virtual void on_closed(Http2Stream& stream) = 0;
};

enum class Http2Role : uint8_t { kServer, kClient };

struct Http2Limits {
    uint32_t streams_max = 128;
    /// Of a head as SETTINGS_MAX_HEADER_LIST_SIZE counts it; the owner refuses larger ones.
    uint32_t head_bytes = 32 * 1024;
    /// Body bytes that the peer may send ahead of consumed(), per stream and for all together.
    uint32_t stream_window = 256 * 1024;
    uint32_t connection_window = 1024 * 1024;
};

class Http2Session final {
 public:
    /// `owner` outlives it. Our SETTINGS wait to be produced.
    Http2Session(Http2Owner& owner, const Http2Limits& limits, Http2Role role = Http2Role::kServer);
    ~Http2Session();
    Http2Session(const Http2Session&) = delete;
    Http2Session& operator=(const Http2Session&) = delete;

    /// Takes all of `bytes`, the preface first. False when the connection must end: produce() what
    /// is left (a GOAWAY), then close; cut() says why.
    bool receive(std::string_view bytes, SteadyTime now);
    /// Writes frames that are due into out[0, room); returns how many bytes. Less than
    /// kHttp2RoomMin free may stay unused.
    size_t produce(char* out, size_t room);
    Http2Cut cut() const { return cut_; }
    /// Ends the connection with ENHANCE_YOUR_CALM for `reason`.
    void cut_off(Http2Cut reason);

    /// Client: begins a request. It waits here while the peer has as many as it allows.
    void request(Http2Stream& stream, std::span<const Http2Field> fields, bool end);
    /// Client: the peer takes requests; false once it has said that it goes away.
    bool takes_requests() const;
    /// Client: requests that the peer allows at a time.
    uint32_t peer_streams_max() const;
    /// Sends a 1xx head, or the final one; ":status" comes first. `end`: without a body.
    void interim(Http2Stream& stream, std::span<const Http2Field> fields);
    void answer(Http2Stream& stream, std::span<const Http2Field> fields, bool end);
    /// The next part of the body; the part before must have been taken.
    void send(Http2Stream& stream, std::string_view bytes, bool end);
    /// The rest of the request's body is not wanted: asks the peer to stop, behind the end of the
    /// answer (RFC 9113 section 8.1).
    void drop_rest(Http2Stream& stream);
    /// Ends the stream at once.
    void reset(Http2Stream& stream, Http2Code code);
    /// `count` body bytes have been dealt with: the peer may send as many again. `id`: the stream,
    /// even one that has been closed.
    void consumed(int32_t id, size_t count);

    /// Announces the end (RFC 9113 section 6.8): requests that are on their way are still taken,
    /// later ones are refused once the peer has seen the announcement.
    void begin_shutdown();
    /// Nothing more will come or go.
    bool finished() const;
    uint32_t open_streams() const { return open_streams_; }

 private:
    friend struct Http2Callbacks;
    /// Tokens that fill up with time: what is allowed in a burst, and for ever.
    class Budget final {
     public:
        Budget(double burst, double per_second)
            : tokens_(burst), burst_(burst), per_second_(per_second) {}
        /// False when it is used up.
        bool spend(SteadyTime now);

     private:
        double tokens_;
        double burst_;
        double per_second_;
        SteadyTime filled_{};
    };
    void spend(Budget& budget, Http2Cut reason);
    void on_ping(uint8_t flags);
    void submit_settings();

    Http2Owner& owner_;
    nghttp2_session* session_ = nullptr;
    Http2Limits limits_;
    Http2Role role_;
    Http2Cut cut_ = Http2Cut::kNone;
    SteadyTime now_{};
    uint32_t open_streams_ = 0;
    size_t head_bytes_ = 0;  // Of the head that is coming in.
    Budget resets_;
    Budget controls_;
    Budget crumbs_;
    bool shutting_down_ = false;
    char* out_ = nullptr;
    size_t room_ = 0;
};

/// A DATA frame of the usual size with its header: give produce() at least this much room.
inline constexpr size_t kHttp2RoomMin = 16384 + 9;

}  // namespace shore::wire
