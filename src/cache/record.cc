#include "cache/record.h"

#include <bit>
#include <concepts>
#include <cstring>

#include "cache/key.h"
#include "cache/limits.h"

namespace shore::cache {

namespace {

constexpr std::string_view kMagic = "SHOREC01";
constexpr HashSeed kChecksumKey{0x53484f5245u, 0x4341434845u};

static_assert(std::endian::native == std::endian::little, "numbers are written as they stand");

template <std::integral Number>
void put(std::string& out, Number number) {
    std::array<char, sizeof(Number)> bytes;
    std::memcpy(bytes.data(), &number, bytes.size());
    out.append(bytes.data(), bytes.size());
}
void put(std::string& out, std::string_view text) {
    put(out, static_cast<uint32_t>(text.size()));
    out += text;
}
void put(std::string& out, Duration duration) {
    put(out, int64_t{std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count()});
}

/// Takes values off the front; once something is missing, everything is.
class Reader final {
 public:
    explicit Reader(std::string_view rest) : rest_(rest) {}

    template <std::integral Number>
    Number number() {
        Number number{};
        if (rest_.size() < sizeof(Number)) {
            good_ = false;
            rest_ = {};
            return number;
        }
        rest_.copy(reinterpret_cast<char*>(&number), sizeof(Number));
        rest_.remove_prefix(sizeof(Number));
        return number;
    }
    std::string text() {
        const auto size = number<uint32_t>();
        if (size > rest_.size()) {
            good_ = false;
            rest_ = {};
            return {};
        }
        std::string text(rest_.substr(0, size));
        rest_.remove_prefix(size);
        return text;
    }
    Duration duration() { return std::chrono::nanoseconds(number<int64_t>()); }
    /// A number of items, each of at least four bytes.
    uint32_t count() {
        const auto count = number<uint32_t>();
        good_ = good_ && count <= rest_.size() / 4;
        return good_ ? count : 0;
    }
    bool ended() const { return good_ && rest_.empty(); }

 private:
    std::string_view rest_;
    bool good_ = true;
};

enum Flag : uint8_t { kNoCache = 1, kMustRevalidate = 2, kForCredentials = 4 };

std::string encode_head(const Entry& entry, WallTime stored) {
    const Judgement& judgement = entry.judgement;
    std::string head;
    put(head, stored.time_since_epoch());
    put(head, judgement.age);
    put(head, judgement.lifetime);
    put(head, judgement.stale_while_revalidate);
    put(head, judgement.stale_if_error);
    const int flags = (judgement.no_cache ? kNoCache : 0) |
                      (judgement.must_revalidate ? kMustRevalidate : 0) |
                      (judgement.for_credentials ? kForCredentials : 0);
    put(head, static_cast<uint8_t>(flags));
    put(head, entry.status);
    for (const std::string* const text :
         {&entry.key, &entry.reason, &entry.fields, &entry.entity_tag, &entry.origin_tag,
          &entry.last_modified}) {
        put(head, *text);
    }
    put(head, static_cast<uint32_t>(entry.vary.size()));
    for (const VaryField& field : entry.vary) {
        put(head, field.name);
        put(head, field.value);
    }
    put(head, static_cast<uint32_t>(entry.tags.size()));
    for (const std::string& tag : entry.tags) {
        put(head, tag);
    }
    return head;
}

}  // namespace

uint64_t record_checksum(std::string_view bytes) {
    return siphash(kChecksumKey, bytes);
}

std::string encode_record(const Entry& entry, WallTime stored) {
    const std::string head = encode_head(entry, stored);
    std::string checked;
    put(checked, static_cast<uint32_t>(head.size()));
    put(checked, uint32_t{0});
    put(checked, uint64_t{entry.body->size()});
    put(checked, record_checksum(*entry.body));
    checked += head;
    std::string record(kMagic);
    put(record, record_checksum(checked));
    record += checked;
    return record;
}

std::optional<RecordSizes> record_sizes(std::string_view prologue) {
    if (prologue.size() < kRecordPrologue || !prologue.starts_with(kMagic)) {
        return std::nullopt;
    }
    Reader reader(prologue.substr(kMagic.size() + 8));
    RecordSizes sizes;
    sizes.head = reader.number<uint32_t>();
    reader.number<uint32_t>();
    sizes.body = reader.number<uint64_t>();
    return sizes.head <= kRecordHeadMax ? std::optional(sizes) : std::nullopt;
}

std::optional<Record> decode_record(std::string_view bytes) {
    const auto sizes = record_sizes(bytes);
    if (!sizes || bytes.size() != kRecordPrologue + sizes->head) {
        return std::nullopt;
    }
    Reader reader(bytes.substr(kMagic.size()));
    if (reader.number<uint64_t>() != record_checksum(bytes.substr(kMagic.size() + 8))) {
        return std::nullopt;
    }
    reader.number<uint64_t>();
    reader.number<uint64_t>();
    Record record;
    Entry& entry = record.entry;
    record.body_checksum = reader.number<uint64_t>();
    record.stored = WallTime(std::chrono::duration_cast<WallTime::duration>(reader.duration()));
    entry.judgement.age = reader.duration();
    entry.judgement.lifetime = reader.duration();
    entry.judgement.stale_while_revalidate = reader.duration();
    entry.judgement.stale_if_error = reader.duration();
    const auto flags = reader.number<uint8_t>();
    entry.judgement.no_cache = (flags & kNoCache) != 0;
    entry.judgement.must_revalidate = (flags & kMustRevalidate) != 0;
    entry.judgement.for_credentials = (flags & kForCredentials) != 0;
    entry.status = reader.number<uint16_t>();
    for (std::string* const text : {&entry.key, &entry.reason, &entry.fields, &entry.entity_tag,
                                    &entry.origin_tag, &entry.last_modified}) {
        *text = reader.text();
    }
    for (uint32_t left = reader.count(); left > 0; --left) {
        std::string name = reader.text();
        entry.vary.push_back({.name = std::move(name), .value = reader.text()});
    }
    for (uint32_t left = reader.count(); left > 0; --left) {
        entry.tags.push_back(reader.text());
    }
    const bool fits = entry.key.size() <= kKeyBytesMax && entry.fields.size() <= kHeadBytesMax &&
                      entry.status >= 200 && entry.status <= 599;
    return reader.ended() && fits ? std::optional(std::move(record)) : std::nullopt;
}

}  // namespace shore::cache
