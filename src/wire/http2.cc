#include "wire/http2.h"

#include <algorithm>
#include <cstring>

#include <nghttp2/nghttp2.h>

#include "base/assert.h"
#include "wire/http1_head.h"
#include "wire/limits.h"

namespace shore::wire {

namespace {

Http2Stream* stream_of(nghttp2_session* session, int32_t id) {
    return static_cast<Http2Stream*>(nghttp2_session_get_stream_user_data(session, id));
}

std::string_view text_of(nghttp2_rcbuf* buffer) {
    const nghttp2_vec bytes = nghttp2_rcbuf_get_buf(buffer);
    return {reinterpret_cast<const char*>(bytes.base), bytes.len};
}

uint8_t* bytes_of(std::string_view text) {
    // nghttp2 takes pointers to bytes that it only reads.
    return const_cast<uint8_t*>(reinterpret_cast<const uint8_t*>(text.data()));
}

using FieldArray = std::array<nghttp2_nv, kFieldsMax + 16>;

size_t convert(std::span<const Http2Field> fields, FieldArray& out) {
    const size_t count = std::min(fields.size(), out.size());
    for (size_t i = 0; i < count; ++i) {
        const Http2Field& field = fields[i];
        const uint8_t flags = field.fresh ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE;
        out[i] = {bytes_of(field.name), bytes_of(field.value), field.name.size(),
                  field.value.size(), flags};
    }
    return count;
}

template <class Type, void (*kFree)(Type*)>
struct Free {
    void operator()(Type* object) const { kFree(object); }
};
using Options = std::unique_ptr<nghttp2_option, Free<nghttp2_option, nghttp2_option_del>>;
using CallbackTable =
    std::unique_ptr<nghttp2_session_callbacks,
                    Free<nghttp2_session_callbacks, nghttp2_session_callbacks_del>>;

}  // namespace

/// What nghttp2 calls; `self` is the session that set them.
struct Http2Callbacks {
    static Http2Session& of(void* self) { return *static_cast<Http2Session*>(self); }

    static ssize_t send(nghttp2_session*, const uint8_t* bytes, size_t size, int, void* self) {
        Http2Session& session = of(self);
        const size_t count = std::min(size, session.room_);
        if (count == 0) {
            return NGHTTP2_ERR_WOULDBLOCK;
        }
        std::memcpy(session.out_, bytes, count);
        session.out_ += count;
        session.room_ -= count;
        return static_cast<ssize_t>(count);
    }

    static int send_data(nghttp2_session*, nghttp2_frame*, const uint8_t* header, size_t length,
                         nghttp2_data_source* source, void* self) {
        constexpr size_t kFrameHeaderBytes = 9;
        Http2Session& session = of(self);
        auto& stream = *static_cast<Http2Stream*>(source->ptr);
        if (session.room_ < kFrameHeaderBytes + length) {
            return NGHTTP2_ERR_WOULDBLOCK;
        }
        std::memcpy(session.out_, header, kFrameHeaderBytes);
        stream.out.copy(session.out_ + kFrameHeaderBytes, length);  // Perhaps empty: the end.
        session.out_ += kFrameHeaderBytes + length;
        session.room_ -= kFrameHeaderBytes + length;
        stream.out.remove_prefix(length);
        if (stream.out.empty()) {
            session.owner_.on_taken(stream);
        }
        return 0;
    }

    static ssize_t read_body(nghttp2_session* nghttp2, int32_t id, uint8_t*, size_t length,
                             uint32_t* flags, nghttp2_data_source* source, void* self) {
        const auto& stream = *static_cast<Http2Stream*>(source->ptr);
        if (stream.out.empty() && !stream.out_end) {
            return NGHTTP2_ERR_DEFERRED;
        }
        Http2Session& session = of(self);
        const size_t count = std::min(length, stream.out.size());
        if (length < kHttp2TinyWindow && stream.out.size() > length) {
            session.spend(session.crumbs_, Http2Cut::kTinyWindows);
        }
        *flags = NGHTTP2_DATA_FLAG_NO_COPY;
        if (stream.out_end && count == stream.out.size()) {
            *flags |= NGHTTP2_DATA_FLAG_EOF;
            if (!stream.trailers.empty()) {
                *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
                FieldArray fields;
                const size_t many = convert(stream.trailers, fields);
                nghttp2_submit_trailer(nghttp2, id, fields.data(), many);
            }
        }
        return static_cast<ssize_t>(count);
    }

    static int begin_headers(nghttp2_session* nghttp2, const nghttp2_frame* frame, void* self) {
        Http2Session& session = of(self);
        session.head_bytes_ = 0;
        if (session.role_ == Http2Role::kClient) {
            if (Http2Stream* const stream = stream_of(nghttp2, frame->hd.stream_id)) {
                stream->interim = false;
            }
            return 0;
        }
        if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) {
            return 0;
        }
        const int32_t id = frame->hd.stream_id;
        Http2Stream* const stream =
            session.cut_ == Http2Cut::kNone ? session.owner_.on_request(id) : nullptr;
        if (stream == nullptr) {
            nghttp2_submit_rst_stream(nghttp2, NGHTTP2_FLAG_NONE, id, NGHTTP2_REFUSED_STREAM);
            return 0;
        }
        stream->id = id;
        ++session.open_streams_;
        nghttp2_session_set_stream_user_data(nghttp2, id, stream);
        return 0;
    }

    static int header(nghttp2_session* nghttp2, const nghttp2_frame* frame, nghttp2_rcbuf* name,
                      nghttp2_rcbuf* value, uint8_t, void* self) {
        Http2Session& session = of(self);
        const std::string_view name_text = text_of(name);
        const std::string_view value_text = text_of(value);
        session.head_bytes_ += name_text.size() + value_text.size() + 32;
        if (session.head_bytes_ > size_t{kHttp2HeadFactor} * session.limits_.head_bytes) {
            session.cut_off(Http2Cut::kHeadFlood);
            return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
        }
        Http2Stream* const stream = stream_of(nghttp2, frame->hd.stream_id);
        if (stream == nullptr) {
            return 0;
        }
        const bool of_head = session.role_ == Http2Role::kClient
                                 ? !stream->head_whole
                                 : frame->headers.cat == NGHTTP2_HCAT_REQUEST;
        if (of_head) {
            stream->interim |= name_text == ":status" && value_text.starts_with('1');
            session.owner_.on_field(*stream, name_text, value_text);
        } else {
            session.owner_.on_trailer(*stream, name_text, value_text);
        }
        return 0;
    }

    static int frame_begins(nghttp2_session*, const nghttp2_frame_hd* head, void* self) {
        Http2Session& session = of(self);
        if (head->type == NGHTTP2_PRIORITY) {
            session.spend(session.controls_, Http2Cut::kControlFlood);  // Nobody hears of it later.
        }
        return 0;
    }

    static int frame_received(nghttp2_session* nghttp2, const nghttp2_frame* frame, void* self) {
        Http2Session& session = of(self);
        const bool end = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
        Http2Stream* const stream = stream_of(nghttp2, frame->hd.stream_id);
        switch (frame->hd.type) {
            case NGHTTP2_HEADERS:
                if (stream != nullptr && session.role_ == Http2Role::kClient &&
                    !stream->head_whole) {
                    stream->head_whole = !stream->interim;
                    session.owner_.on_head(*stream, end);
                } else if (stream != nullptr && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
                    session.owner_.on_head(*stream, end);
                } else if (stream != nullptr && end) {
                    session.owner_.on_body_end(*stream);
                }
                break;
            case NGHTTP2_DATA:
                if (frame->hd.length == 0 && !end) {
                    session.spend(session.controls_, Http2Cut::kControlFlood);
                }
                if (stream != nullptr && end) {
                    session.owner_.on_body_end(*stream);
                }
                break;
            case NGHTTP2_RST_STREAM:
                session.spend(session.resets_, Http2Cut::kRapidReset);
                break;
            case NGHTTP2_PING:
                session.on_ping(frame->hd.flags);
                break;
            case NGHTTP2_SETTINGS:
                session.spend(session.controls_, Http2Cut::kControlFlood);
                break;
            default:
                break;
        }
        return 0;
    }

    static int frame_sent(nghttp2_session* nghttp2, const nghttp2_frame* frame, void* self) {
        Http2Session& session = of(self);
        const uint8_t type = frame->hd.type;
        if (type == NGHTTP2_RST_STREAM && frame->rst_stream.error_code != NGHTTP2_NO_ERROR &&
            frame->rst_stream.error_code != NGHTTP2_INTERNAL_ERROR) {
            // What the peer made us reset costs as much as its own resets.
            session.spend(session.resets_, Http2Cut::kRapidReset);
        } else if (type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR &&
                   session.cut_ == Http2Cut::kNone) {
            session.cut_ = Http2Cut::kProtocol;
        } else if ((type == NGHTTP2_DATA || type == NGHTTP2_HEADERS) &&
                   (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
            Http2Stream* const stream = stream_of(nghttp2, frame->hd.stream_id);
            if (stream != nullptr) {
                stream->end_sent = true;
                if (stream->unwanted) {
                    session.reset(*stream, Http2Code::kNoError);
                }
            }
        }
        return 0;
    }

    static int data(nghttp2_session* nghttp2, uint8_t, int32_t id, const uint8_t* bytes,
                    size_t size, void* self) {
        Http2Stream* const stream = stream_of(nghttp2, id);
        if (stream == nullptr) {
            nghttp2_session_consume(nghttp2, id, size);
        } else {
            of(self).owner_.on_body(*stream, {reinterpret_cast<const char*>(bytes), size});
        }
        return 0;
    }

    static int closed(nghttp2_session* nghttp2, int32_t id, uint32_t code, void* self) {
        Http2Session& session = of(self);
        if (Http2Stream* const stream = stream_of(nghttp2, id)) {
            --session.open_streams_;
            stream->closed = true;
            stream->code = code;
            stream->out = {};
            session.owner_.on_closed(*stream);
        }
        return 0;
    }

    static CallbackTable table() {
        nghttp2_session_callbacks* made = nullptr;
        SHORE_ASSERT(nghttp2_session_callbacks_new(&made) == 0);
        nghttp2_session_callbacks_set_send_callback(made, &send);
        nghttp2_session_callbacks_set_send_data_callback(made, &send_data);
        nghttp2_session_callbacks_set_on_begin_headers_callback(made, &begin_headers);
        nghttp2_session_callbacks_set_on_begin_frame_callback(made, &frame_begins);
        nghttp2_session_callbacks_set_on_header_callback2(made, &header);
        nghttp2_session_callbacks_set_on_frame_recv_callback(made, &frame_received);
        nghttp2_session_callbacks_set_on_frame_send_callback(made, &frame_sent);
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, &data);
        nghttp2_session_callbacks_set_on_stream_close_callback(made, &closed);
        return CallbackTable(made);
    }

    static Options options() {
        nghttp2_option* made = nullptr;
        SHORE_ASSERT(nghttp2_option_new(&made) == 0);
        nghttp2_option_set_no_auto_window_update(made, 1);
        nghttp2_option_set_no_closed_streams(made, 1);
        nghttp2_option_set_max_settings(made, kHttp2SettingsMax);
        nghttp2_option_set_max_outbound_ack(made, kHttp2UnsentAcksMax);
        nghttp2_option_set_max_send_header_block_length(made, size_t{2} * kHeadBytesMax);
        return Options(made);
    }
};

std::string_view to_string(Http2Cut cut) {
    constexpr std::array<std::string_view, kHttp2CutCount> kNames = {
        "none",          "protocol",     "rapid_reset", "continuations", "head_flood",
        "control_flood", "tiny_windows", "slow_reader", "slow_head"};
    return kNames[static_cast<size_t>(cut)];
}

void Http2Stream::clear() {
    id = 0;
    out = {};
    out_end = answered = end_sent = unwanted = closed = head_whole = interim = false;
    code = 0;
    trailers.clear();
    trailer_text.clear();
}

bool Http2Session::Budget::spend(SteadyTime now) {
    if (filled_ != SteadyTime{}) {
        const double seconds = std::chrono::duration<double>(now - filled_).count();
        tokens_ = std::min(burst_, tokens_ + seconds * per_second_);
    }
    filled_ = now;
    tokens_ -= 1;
    return tokens_ >= 0;
}

Http2Session::Http2Session(Http2Owner& owner, const Http2Limits& limits, Http2Role role)
    : owner_(owner),
      limits_(limits),
      role_(role),
      resets_(kHttp2ResetsBurst, kHttp2ResetsPerSecond),
      controls_(kHttp2ControlsBurst, kHttp2ControlsPerSecond),
      crumbs_(kHttp2CrumbsBurst, kHttp2CrumbsPerSecond) {
    const CallbackTable callbacks = Http2Callbacks::table();
    const Options options = Http2Callbacks::options();
    const auto open =
        role == Http2Role::kServer ? &nghttp2_session_server_new2 : &nghttp2_session_client_new2;
    SHORE_ASSERT(open(&session_, callbacks.get(), this, options.get()) == 0);
    submit_settings();
    nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0,
                                          static_cast<int32_t>(limits.connection_window));
}

void Http2Session::submit_settings() {
    std::array settings = {
        nghttp2_settings_entry{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits_.stream_window},
        nghttp2_settings_entry{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits_.head_bytes},
        // The urgency of RFC 9218 instead of the tree of RFC 7540, which costs more than it gives.
        nghttp2_settings_entry{NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
        nghttp2_settings_entry{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits_.streams_max},
        nghttp2_settings_entry{NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1},
    };
    size_t count = settings.size();
    if (role_ == Http2Role::kClient) {
        settings[count - 2] = {NGHTTP2_SETTINGS_ENABLE_PUSH, 0};
        --count;
    }
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), count);
}

Http2Session::~Http2Session() {
    nghttp2_session_del(session_);
}

bool Http2Session::receive(std::string_view bytes, SteadyTime now) {
    now_ = now;
    if (bytes.empty() || cut_ != Http2Cut::kNone) {
        return cut_ == Http2Cut::kNone;
    }
    const ssize_t taken = nghttp2_session_mem_recv(session_, bytes_of(bytes), bytes.size());
    if (taken < 0 && cut_ == Http2Cut::kNone) {
        cut_ = taken == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS ? Http2Cut::kContinuations
               : taken == NGHTTP2_ERR_FLOODED              ? Http2Cut::kControlFlood
                                                           : Http2Cut::kProtocol;
        if (cut_ != Http2Cut::kProtocol) {
            nghttp2_session_terminate_session(session_, NGHTTP2_ENHANCE_YOUR_CALM);
        }
    }
    return cut_ == Http2Cut::kNone;
}

size_t Http2Session::produce(char* out, size_t room) {
    out_ = out;
    room_ = room;
    if (nghttp2_session_send(session_) != 0) {
        cut_ = cut_ == Http2Cut::kNone ? Http2Cut::kProtocol : cut_;
    }
    const auto written = static_cast<size_t>(out_ - out);
    out_ = nullptr;
    room_ = 0;
    return written;
}

void Http2Session::spend(Budget& budget, Http2Cut reason) {
    // A server is one of our own, and gRPC's measure the way by pings without pause.
    if (role_ == Http2Role::kServer && !budget.spend(now_)) {
        cut_off(reason);
    }
}

void Http2Session::cut_off(Http2Cut reason) {
    if (cut_ == Http2Cut::kNone) {
        cut_ = reason;
        nghttp2_session_terminate_session(session_, NGHTTP2_ENHANCE_YOUR_CALM);
    }
}

void Http2Session::on_ping(uint8_t flags) {
    if ((flags & NGHTTP2_FLAG_ACK) == 0) {
        spend(controls_, Http2Cut::kControlFlood);
    } else if (shutting_down_) {
        // A round trip after the announcement: what the peer sent before is here.
        nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE,
                              nghttp2_session_get_last_proc_stream_id(session_), NGHTTP2_NO_ERROR,
                              nullptr, 0);
    }
}

void Http2Session::request(Http2Stream& stream, std::span<const Http2Field> fields, bool end) {
    SHORE_ASSERT(!stream.answered);
    stream.answered = true;
    stream.out = {};
    stream.out_end = end;
    FieldArray converted;
    const size_t count = convert(fields, converted);
    const nghttp2_data_provider body = {.source = {.ptr = &stream},
                                        .read_callback = &Http2Callbacks::read_body};
    const int32_t id = nghttp2_submit_request(session_, nullptr, converted.data(), count,
                                              end ? nullptr : &body, &stream);
    if (id <= 0) {
        stream.closed = true;
        stream.code = static_cast<uint32_t>(Http2Code::kRefusedStream);
        return;
    }
    stream.id = id;
    ++open_streams_;
}

bool Http2Session::takes_requests() const {
    return nghttp2_session_check_request_allowed(session_) != 0;
}

uint32_t Http2Session::peer_streams_max() const {
    return nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
}

void Http2Session::interim(Http2Stream& stream, std::span<const Http2Field> fields) {
    if (!stream.closed) {
        FieldArray converted;
        const size_t count = convert(fields, converted);
        nghttp2_submit_headers(session_, NGHTTP2_FLAG_NONE, stream.id, nullptr, converted.data(),
                               count, nullptr);
    }
}

void Http2Session::answer(Http2Stream& stream, std::span<const Http2Field> fields, bool end) {
    SHORE_ASSERT(!stream.answered);
    stream.answered = true;
    stream.out = {};
    stream.out_end = end;
    if (stream.closed) {
        return;
    }
    FieldArray converted;
    const size_t count = convert(fields, converted);
    const nghttp2_data_provider body = {.source = {.ptr = &stream},
                                        .read_callback = &Http2Callbacks::read_body};
    if (nghttp2_submit_response(session_, stream.id, converted.data(), count,
                                end ? nullptr : &body) != 0) {
        reset(stream, Http2Code::kInternalError);
    }
}

void Http2Session::send(Http2Stream& stream, std::string_view bytes, bool end) {
    SHORE_ASSERT(stream.answered && stream.out.empty());
    if (stream.closed) {
        return;
    }
    stream.out = bytes;
    stream.out_end = end;
    // Nothing to resume when the head has not been sent yet: then it is not deferred either.
    nghttp2_session_resume_data(session_, stream.id);
}

void Http2Session::reset(Http2Stream& stream, Http2Code code) {
    if (!stream.closed) {
        nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream.id,
                                  static_cast<uint32_t>(code));
    }
}

void Http2Session::drop_rest(Http2Stream& stream) {
    stream.unwanted = true;
    if (stream.end_sent) {
        reset(stream, Http2Code::kNoError);
    }
}

void Http2Session::consumed(int32_t id, size_t count) {
    if (count > 0) {
        nghttp2_session_consume(session_, id, count);
    }
}

void Http2Session::begin_shutdown() {
    if (!std::exchange(shutting_down_, true)) {
        nghttp2_submit_shutdown_notice(session_);
        nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr);
    }
}

bool Http2Session::finished() const {
    return nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0;
}

}  // namespace shore::wire
