// Exchange: one request and its answer. A pooled object that a connection borrows from the first
// byte of a request to the last byte of its answer.
//
// The plain path, a request without a body to an endpoint with an idle connection: one receive and
// one send on each side, no allocation, one copy of each head (rewritten; the answer's is placed
// right before its body in the receive buffer, so that both leave in one send).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "async/scope.h"
#include "async/task.h"
#include "gateway/buffer.h"
#include "gateway/compiled.h"
#include "gateway/content_policy.h"
#include "gateway/decoder.h"
#include "gateway/encoder.h"
#include "gateway/mirror.h"
#include "gateway/shard.h"
#include "gateway/static_file.h"
#include "gateway/trace_context.h"
#include "gateway/upstream_pool.h"
#include "gateway/wait.h"
#include "wire/http1_body.h"
#include "wire/http1_head.h"
#include "wire/http2.h"

namespace shore::cache {
enum class Boarding : uint8_t;
enum class Landing : uint8_t;
struct Entry;
struct Key;
struct Policy;
struct RequestView;
}  // namespace shore::cache

namespace shore::gateway {

struct Caching;
class ClientStream;
class Connection;
class LogLine;
class UpstreamStream;

class Exchange final {
 public:
    enum class After : uint8_t { kKeep, kClose };

    explicit Exchange(Shard& shard);
    ~Exchange();

    /// Ready for the next request on `connection`.
    void begin(Connection& connection);
    /// Likewise for a request that is one stream of it.
    void begin(ClientStream& stream);
    /// The request's first byte is there.
    void started();
    wire::RequestHead& head() { return head_; }
    const wire::RequestHead& head() const { return head_; }

    /// Answers the request whose head has been parsed from the connection's buffer.
    async::Task<After> run();
    /// Answers a head that the parser refused (head().fault says why), or that took too long.
    async::Task<After> refuse_head();
    async::Task<After> refuse_late();

    /// The client is gone and run() has been destroyed: counts and logs what became of it.
    void abandon();
    /// What to end the client's stream with when the answer is not whole (RFC 9113 section 7).
    wire::Http2Code reset_code() const { return reset_code_; }
    /// Lets go of everything it holds. Called by the pool, too.
    void recycle();

 private:
    /// What became of one try to get an answer.
    enum class Try : uint8_t {
        kAnswered,    ///< answer_head_ is there.
        kNotSent,     ///< No byte of the request has reached an endpoint that acts on it.
        kLost,        ///< The connection ended before the first byte of an answer.
        kBroken,      ///< It ended within the answer's head.
        kMalformed,   ///< The answer is not HTTP.
        kLate,        ///< No answer within the route's timeout.
        kClientGone,  ///< The client has left, or its body was refused (refusal_).
    };

    enum class Received : uint8_t { kBytes, kEnd, kFailed };
    // exchange.cc: routing and tries.
    void begin_anew();
    uint16_t route();
    uint16_t prepare_body();
    bool normalise();
    void choose_request_id();
    std::string_view request_id() const { return {request_id_.data(), request_id_size_}; }
    bool has_request_head() const { return *request_ && head_.size > 0; }
    // As the client sent it; empty: absent, or the head was not understood or has been given back.
    std::string_view sent_field(wire::FieldId id) const;
    std::string_view inner_path(std::string& room) const;
    void compose_request();
    async::Task<After> proxy();
    async::Task<bool> hold();
    bool may_retry(Try outcome);
    void after_failure(Try outcome);
    void leave_endpoint();
    // placing.cc: where the request goes, and whether it may go now.
    RequestView view() const;
    TextTemplate::Values template_values(std::string& encoded, bool groups) const;
    async::Task<After> answer_redirect();
    std::string rewritten_path() const;
    std::optional<uint64_t> client_hash() const;
    void choose_target();
    Endpoint* choose();
    void issue_session(uint64_t identity);
    async::Task<uint16_t> admit();
    void leave_upstream();
    void set_deadline();
    Duration try_patience() const;
    bool take_retry();
    void judge_endpoint(bool certain, bool counts);
    // upstream.cc: one try.
    async::Task<Try> attempt();
    async::Task<bool> connect();
    async::Task<bool> send_upstream(std::string_view first, std::string_view second);
    async::Task<Try> read_answer();
    async::Task<Try> on_interim();
    async::Task<Woken> wait_upstream(async::Deadline deadline);
    void start_pump();
    bool pump_running() const { return pump_started_ && pump_ended_ == SteadyTime{}; }
    async::Task<void> pump_body();
    bool next_body_piece(std::string_view& piece);
    // upstream_http2.cc: where the upstream's side is a stream.
    bool speaks_http2() const;
    async::Task<Try> attempt_http2();
    async::Task<bool> send_stream(std::string_view first, std::string_view second);
    async::Task<Woken> wait_stream(async::Deadline deadline);
    Received receive_stream();
    bool upstream_readable() const;
    void break_upstream();
    void leave_stream();
    Try lost(Try otherwise);
    Duration body_patience() const;
    // relay.cc: the answer's way to the client.
    async::Task<After> relay();
    struct Piece {
        char* begin = nullptr;
        size_t size = 0;
        bool done = false;
        bool bad = false;
    };
    Piece next_piece();
    Piece piece_until_close();
    void settle_framing();
    size_t rewrite_answer_head();
    async::Task<bool> send_client(std::string_view bytes);
    async::Task<bool> deliver(std::string_view bytes, std::string_view more = {});
    async::Task<bool> deliver_in_turn(std::string_view bytes, std::string_view more);
    bool client_hung_up();
    void make_room();
    Received receive_answer();
    async::Task<After> relay_body();
    void keep_upstream();
    async::Task<After> tunnel(size_t head_size);
    // relay_encoded.cc: an answer compressed on its way.
    void plan_content();
    async::Task<bool> send_encoded(std::string_view piece, Encoder::Operation operation);
    async::Task<After> relay_encoded(size_t head_size);
    // exchange_stream.cc: where an HTTP/2 stream is not like a connection.
    uint16_t prepare_stream_body();
    void note_length(uint64_t length);
    async::Task<void> pump_stream_body();
    async::Task<bool> send_file_pieces(int file, uint64_t first, uint64_t count);
    // request_decoding.cc: bodies that reach the app decompressed.
    uint16_t begin_decoding();
    uint16_t decode_first();
    async::Task<bool> send_decoded(std::string_view piece);
    async::Task<bool> receive_encoded(std::string_view* piece);
    async::Task<void> pump_decoded();
    // mirroring.cc: copies of requests for another service.
    void begin_mirror();
    async::Task<bool> send_body(std::string_view first, std::string_view second);
    void end_mirror();
    // https.cc: what TLS asks of an answer.
    async::Task<After> redirect_to_https();
    std::string_view added_lines() const;
    // cached.cc: answers from the response cache, and copies for it.
    cache::RequestView request_view() const;
    cache::Policy cache_policy() const;
    std::string_view write_inner(std::string& room) const;
    bool is_https() const;
    cache::Key cache_key();
    bool may_use_cache();
    void count_cache(CacheResult result);
    std::shared_ptr<const cache::Entry> stored(const cache::Key& key);
    bool is_ready(const cache::Entry& entry) const;
    async::Task<After> serve_entry(std::shared_ptr<const cache::Entry> entry,
                                   std::string_view status);
    async::Task<After> fetch_cached(cache::Key key, std::shared_ptr<const cache::Entry> entry);
    cache::Boarding board();
    void ask_about(std::shared_ptr<const cache::Entry> entry);
    bool has_conditions() const;
    async::Task<void> wait_for_flight(SteadyTime last);
    async::Task<After> answer_failure(uint16_t status, std::string_view detail);
    std::shared_ptr<const cache::Entry> settle_by_cache();
    std::shared_ptr<const cache::Entry> renewed_by_answer(SteadyTime now);
    void plan_cache();
    bool is_meant_for_key() const;
    void record(std::string_view bytes);
    void drop_copy();
    void end_caching();
    void end_flight(cache::Landing landing);
    void clear_caching();
    // refresh.cc: fetches without a client.
    bool refreshing() const { return connection_ == nullptr; }
    void refresh_aside(std::shared_ptr<const cache::Entry> entry);
    bool take_over(Exchange& from);
    static async::Task<void> refresh(Pool<Exchange>::Pointer self);
    static async::Task<bool> send_nowhere();
    // serve_file.cc: static files.
    uint16_t file_request(FileRequest& request) const;
    async::Task<After> serve_file();
    size_t write_file_head(const FileAnswer& answer);
    async::Task<bool> send_file_answer(const FileAnswer* answer, size_t head_size);
    async::Task<bool> send_file(std::string_view head, const FileAnswer* answer);
    async::Task<bool> send_file_encoded(const FileBody* body, size_t head_size);
    // answer.cc: what the gateway answers itself, and the end of every exchange.
    const CompiledEdits* response_edits() const;
    async::Task<After> answer_page(uint16_t status, std::string_view detail);
    void finish();
    void log_line();
    void log_request(LogLine& line) const;
    void keep_log_request();

    Shard& shard_;
    Connection* connection_ = nullptr;  // Null: a refresh, which has no client.
    /// HTTP/2: the client's side is this stream of the connection. Null: all of it (HTTP/1).
    ClientStream* stream_ = nullptr;
    /// The client's: what the head was parsed from, and what came behind it.
    BufferPointer* request_ = nullptr;
    BufferPointer own_request_;  // Of a refresh.
    wire::RequestHead head_;
    wire::ResponseHead answer_head_;
    // The request.
    Generation* generation_ = nullptr;
    const CompiledRoute* route_ = nullptr;
    std::string normal_path_;      // Of paths that are not plain; empty otherwise.
    std::string_view composed_;    // The rewritten head.
    BufferPointer composed_room_;  // Where it stands when the receive buffer has no room.
    std::string_view first_body_;  // Body bytes that came with the head, as they are sent on.
    uint32_t next_request_ = 0;    // Offset in the connection's buffer behind what this one uses.
    uint64_t body_left_ = 0;       // With a length: what is still to be received.
    uint64_t body_bytes_ = 0;      // Payload received so far.
    wire::ChunkedFilter body_filter_;
    BufferPointer pump_buffer_;
    std::optional<async::Scope> pump_;
    std::unique_ptr<Decoding> decoder_;   // While the body is decompressed.
    std::unique_ptr<MirrorCopy> mirror_;  // While a copy is gathered.
    bool body_done_ = false, pump_started_ = false;
    SteadyTime pump_ended_{};  // Zero while the body is on its way.
    bool continue_awaited_ = false, tunnel_wanted_ = false;
    uint16_t refusal_ = 0;  // Status that ends the exchange: the body was too large, late or bad.
    bool client_gone_ = false;
    std::array<char, kRequestIdMax> request_id_;
    size_t request_id_size_ = 0;
    TraceContext trace_;
    // Where it goes.
    const CompiledUpstream* target_ = nullptr;  // Of generation_; null: not chosen yet.
    size_t session_member_ = SIZE_MAX;          // Of target_, by the client's cookie.
    std::optional<uint64_t> client_;            // Hash of what identifies the client.
    std::shared_ptr<UpstreamState> admitted_;   // Holds a place there.
    SteadyTime end_at_ = SteadyTime::max();     // Of the whole exchange.
    std::string log_head_;                      // Of a tunnel: what its log line says first.
    std::string extra_fields_;                  // Lines for the answer's head.
    std::unique_ptr<Caching> caching_;          // Of a request that the cache could not answer.
    std::string_view cache_status_;             // Of Cache-Status, behind "shore; "; or empty.
    // The try.
    std::shared_ptr<Endpoint> endpoint_;
    std::unique_ptr<UpstreamConnection> upstream_;
    UpstreamStream* upstream_stream_ = nullptr;  // Instead, where that speaks HTTP/2.
    wire::Http2Code reset_code_ = wire::Http2Code::kInternalError;
    bool reused_ = false;
    uint32_t tries_ = 0, interims_ = 0;
    uint64_t tried_ = 0;  // Bits of members that failed this request.
    SteadyTime hold_until_{};
    // The answer.
    BufferPointer answer_;
    uint64_t answer_left_ = 0, sent_ = 0;
    wire::ChunkedFilter answer_filter_;
    ContentPlan content_;
    Pool<Encoder>::Pointer encoder_;  // While the body is being compressed.
    BufferPointer encoded_;           // Its output.
    bool chunk_ourselves_ = false, strip_chunks_ = false;
    bool keep_client_ = false, answer_started_ = false;
    uint16_t status_ = 0;
    SteadyTime started_{};
};

}  // namespace shore::gateway
