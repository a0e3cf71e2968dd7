#include "cache/entry.h"

#include <algorithm>

#include <fmt/format.h>

#include "cache/limits.h"
#include "wire/ascii.h"

namespace shore::cache {

using wire::FieldId;

namespace {

/// Fields that belong to one connection, one request or one body, and are written anew each time.
bool is_kept(FieldId id, std::string_view name) {
    switch (id) {
        case FieldId::kAge:
        case FieldId::kContentLength:
        case FieldId::kXRequestId:
        case FieldId::kSetCookie:  // It is one visitor's, also beside "public".
            return false;
        default:
            return !wire::is_hop_by_hop(id) && !wire::equals_lower_case(name, "cache-status");
    }
}

/// What a 304 must not change: it describes the stored body (RFC 9111 section 3.2).
bool describes_body(FieldId id) {
    return id == FieldId::kContentEncoding || id == FieldId::kContentRange ||
           id == FieldId::kContentType || id == FieldId::kContentLength;
}

void take_tags(std::string_view list, char separator, std::vector<std::string>& tags) {
    while (!list.empty() && tags.size() < kTagsMax) {
        const size_t end = list.find(separator);
        const std::string_view tag = wire::trim_ows(list.substr(0, end));
        if (!tag.empty() && tag.size() <= kTagBytesMax) {
            tags.emplace_back(tag);
        }
        list.remove_prefix(end == std::string_view::npos ? list.size() : end + 1);
    }
}

void take_fields(const ResponseView& response, Entry& entry) {
    for (uint32_t i = 0; i < response.head->field_count; ++i) {
        const wire::Field& field = response.head->fields[i];
        const std::string_view name = field.name.in(response.data);
        const std::string_view value = field.value.in(response.data);
        if (!is_kept(field.id, name)) {
            continue;
        }
        entry.fields.append(name).append(": ").append(value).append("\r\n");
        if (field.id == FieldId::kEtag && value.size() <= kEntityTagMax) {
            entry.entity_tag = value;
        } else if (field.id == FieldId::kLastModified && value.size() <= kEntityTagMax) {
            entry.last_modified = value;
        } else if (wire::equals_lower_case(name, "surrogate-key")) {
            take_tags(value, ' ', entry.tags);
        } else if (wire::equals_lower_case(name, "cache-tag")) {
            take_tags(value, ',', entry.tags);
        }
    }
}

}  // namespace

Use Entry::use(SteadyTime now) const {
    const Duration left = time_left(now);
    if (left > Duration{} && !judgement.no_cache) {
        return Use::kFresh;
    }
    return -left < judgement.stale_while_revalidate ? Use::kRefresh : Use::kAsk;
}

bool Entry::fits(const RequestView& request) const {
    return matches(vary, request) &&
           (judgement.for_credentials || request.head->find(FieldId::kAuthorization) == nullptr);
}

bool Entry::covers_errors(SteadyTime now) const {
    return -time_left(now) < judgement.stale_if_error && !judgement.must_revalidate;
}

size_t Entry::cost() const {
    if (file_bytes > 0) {
        return file_bytes;
    }
    // The node, the index and what the allocator adds to each part.
    size_t bytes = sizeof(Entry) + 192 + key.size() + fields.size() + body->size() +
                   entity_tag.size() + origin_tag.size() + last_modified.size();
    for (const VaryField& field : vary) {
        bytes += sizeof(VaryField) + field.name.size() + field.value.size();
    }
    for (const std::string& tag : tags) {
        bytes += sizeof(std::string) + tag.size();
    }
    return bytes;
}

std::shared_ptr<const Entry> make_entry(const Fetched& fetched,
                                        std::shared_ptr<const std::string> body) {
    auto vary = vary_of(fetched.request, fetched.response);
    if (fetched.judgement.verdict != Verdict::kStore || !vary) {
        return nullptr;
    }
    auto entry = std::make_shared<Entry>();
    entry->judgement = fetched.judgement;
    entry->key = fetched.key;
    entry->hash = fetched.hash;
    entry->status = fetched.response.head->status;
    entry->reason = fetched.response.head->reason.in(fetched.response.data);
    entry->vary = std::move(*vary);
    entry->stored = fetched.now;
    entry->body = std::move(body);
    take_fields(fetched.response, *entry);
    entry->origin_tag = fetched.origin_tag.substr(0, kEntityTagMax + 1);
    if (entry->origin_tag.size() > kEntityTagMax) {
        entry->origin_tag.clear();
    }
    return entry->fields.size() + entry->reason.size() <= kHeadBytesMax ? entry : nullptr;
}

namespace {

/// Every name that the line's list has is in one of the head's Vary lines.
bool varies_by_all(const char* data, const wire::Head& head, std::string_view names) {
    std::string_view name;
    while (wire::next_list_item(names, name)) {
        bool found = false;
        for (uint32_t i = 0; i < head.field_count && !found; ++i) {
            found = head.fields[i].id == FieldId::kVary &&
                    wire::list_has(head.fields[i].value.in(data), name);
        }
        if (!found) {
            return false;
        }
    }
    return true;
}

/// The stored head with the 304's fields in place of its own. What describes the stored body stays;
/// so does what it varies by: the 304 says nothing about a coding that was chosen here.
class Merge final {
 public:
    Merge(const char* old_data, const wire::ResponseHead& old, const ResponseView& fresh)
        : old_data_(old_data), old_(old), fresh_(fresh) {}

    std::string fields() const {
        std::string merged;
        for (uint32_t i = 0; i < old_.field_count; ++i) {
            if (!replaced(old_.fields[i])) {
                append(old_data_, old_.fields[i], merged);
            }
        }
        for (uint32_t i = 0; i < fresh_.head->field_count; ++i) {
            if (replaces(fresh_.head->fields[i])) {
                append(fresh_.data, fresh_.head->fields[i], merged);
            }
        }
        return merged;
    }

 private:
    static void append(const char* data, const wire::Field& line, std::string& out) {
        out.append(line.name.in(data)).append(": ").append(line.value.in(data)).append("\r\n");
    }
    bool replaces(const wire::Field& line) const {
        const std::string_view value = line.value.in(fresh_.data);
        if (line.id == FieldId::kVary) {
            return !varies_by_all(old_data_, old_, value);
        }
        if (line.id == FieldId::kEtag && old_.find(FieldId::kContentEncoding) != nullptr &&
            old_.find(FieldId::kEtag) != nullptr) {
            return false;  // Weak by the coding.
        }
        return !describes_body(line.id) &&
               (line.id == FieldId::kAge || is_kept(line.id, line.name.in(fresh_.data)));
    }
    bool replaced(const wire::Field& line) const {
        if (line.id == FieldId::kVary) {
            return false;
        }
        for (uint32_t i = 0; i < fresh_.head->field_count; ++i) {
            const wire::Field& field = fresh_.head->fields[i];
            if (field.id == line.id && replaces(field) &&
                wire::equals_lower_case(field.name.in(fresh_.data), line.name.in(old_data_))) {
                return true;
            }
        }
        return false;
    }

    const char* old_data_;
    const wire::ResponseHead& old_;
    const ResponseView& fresh_;
};

}  // namespace

std::shared_ptr<const Entry> renew(const Entry& old, const Renewal& renewal) {
    const std::string first = fmt::format("HTTP/1.1 {} {}\r\n", old.status, old.reason);
    const std::string before = first + old.fields + "\r\n";
    const wire::HeadLimits limits{.fields_max = wire::kFieldsMax};
    wire::ResponseHead head;
    if (wire::parse_response(before.data(), before.size(), limits, wire::Method::kGet, head) !=
        wire::ParseStatus::kDone) {
        return nullptr;
    }
    const std::string after =
        first + Merge(before.data(), head, renewal.response).fields() + "\r\n";
    head.clear();
    if (wire::parse_response(after.data(), after.size(), limits, wire::Method::kGet, head) !=
        wire::ParseStatus::kDone) {
        return nullptr;
    }
    const ResponseView response{.data = after.data(), .head = &head};
    return make_entry({.key = old.key,
                       .hash = old.hash,
                       .request = renewal.request,
                       .response = response,
                       .judgement = judge(renewal.request, response, renewal.policy,
                                          renewal.wall_now, renewal.waited),
                       .origin_tag = old.origin_tag,
                       .now = renewal.now},
                      old.body);
}

}  // namespace shore::cache
