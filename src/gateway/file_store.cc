#include "gateway/file_store.h"

#include <algorithm>

#include "gateway/asset_name.h"
#include "gateway/encoder.h"
#include "gateway/limits.h"
#include "gateway/media_type.h"
#include "os/file.h"

namespace shore::gateway {

using os::FileKind;
using os::OpenedFile;
using os::OpenOutcome;

namespace {

/// Order in which files beside a file are preferred: by what they usually save.
constexpr std::array<Coding, 3> kSiblings = {Coding::kBrotli, Coding::kZstd, Coding::kGzip};

std::string_view ending_of(Coding coding) {
    switch (coding) {
        case Coding::kGzip:
            return ".gz";
        case Coding::kBrotli:
            return ".br";
        case Coding::kZstd:
            return ".zst";
        case Coding::kIdentity:
            break;
    }
    return "";
}

bool is_regular(const OpenedFile& opened) {
    return opened.outcome == OpenOutcome::kOpened && opened.kind == FileKind::kRegular;
}

bool is_same(const FileBody& body, const OpenedFile& opened) {
    return body.inode == opened.inode && body.modified_ns == opened.modified_ns &&
           body.size == opened.size;
}

uint64_t cost_of(const FileBodyPointer& body) {
    return body ? body->bytes.size() + kStoredFileOverhead : 0;
}

/// Size and time of change in nanoseconds, as nginx does with seconds; a coding's own tag, and a
/// weak one for bytes that another version of Shore might make differently.
std::string entity_tag(const FileBody& body, uint64_t size, bool made_here) {
    return fmt::format("{}\"{:x}-{:x}{}{}\"", made_here ? "W/" : "", body.modified_ns, size,
                       body.coding == Coding::kIdentity ? "" : "-",
                       body.coding == Coding::kIdentity ? "" : to_string(body.coding));
}

enum class Length : uint8_t { kTold, kUnknown };

/// Writes the head lines of a body whose other members are there.
void describe(const FileStore::Query& query, Length length, FileBody& body) {
    const auto shared = std::back_inserter(body.shared_lines);
    fmt::format_to(shared, "Last-Modified: {}\r\nETag: {}\r\n",
                   base::to_http_date(WallTime(Duration(body.modified_ns))), body.tag);
    if (body.coding == Coding::kIdentity) {
        body.shared_lines += "Accept-Ranges: bytes\r\n";
    }
    if (body.type.starts_with("text/html")) {
        // Pages name the other files: a stale one asks for what a deploy has removed.
        body.shared_lines += "Cache-Control: no-cache\r\n";
    } else if (query.spec->immutable && names_a_digest(query.name)) {
        body.shared_lines += "Cache-Control: public, max-age=31536000, immutable\r\n";
    }
    if ((query.spec->precompressed || query.compress) && query.policy->is_compressible(body.type)) {
        body.shared_lines += "Vary: Accept-Encoding\r\n";
    }
    body.shared_lines += query.policy->security_lines(body.type);
    body.whole_lines = fmt::format("Content-Type: {}\r\n{}", body.type, body.shared_lines);
    if (body.coding != Coding::kIdentity) {
        body.whole_lines += fmt::format("Content-Encoding: {}\r\n", to_string(body.coding));
    }
    if (length == Length::kTold) {
        body.whole_lines += fmt::format("Content-Length: {}\r\n", body.size);
    }
}

}  // namespace

bool FileStore::Variant::is_fresh(SteadyTime now) const {
    return looked && now - looked_at < kFileLookPause;
}

void FileStore::reset(uint64_t bytes_max) {
    index_.clear();
    entries_.clear();
    bytes_ = 0;
    open_files_ = 0;
    bytes_max_ = bytes_max;
}

/// Everything that an entry's lines and bytes depend on.
std::string_view FileStore::key_of(const Query& query) {
    key_.clear();
    key_ += static_cast<char>('0' + (query.spec->immutable ? 1 : 0) +
                              (query.spec->precompressed ? 2 : 0) + (query.compress ? 4 : 0));
    key_ += query.spec->root;
    key_ += '\0';
    key_ += query.name;
    return key_;
}

/// Null when the file could not be read whole: it is being written over.
std::shared_ptr<FileBody> FileStore::read(const Query& query, Coding coding,
                                          OpenedFile opened) const {
    auto body = std::make_shared<FileBody>();
    body->coding = coding;
    body->size = opened.size;
    body->modified_ns = opened.modified_ns;
    body->inode = opened.inode;
    body->type = media_type(query.name);
    body->tag = entity_tag(*body, body->size, false);
    describe(query, Length::kTold, *body);
    if (opened.size > (bytes_max_ == 0 ? kSmallFileMax : kStoredFileMax)) {
        body->file = std::move(opened.file);
        return body;
    }
    body->bytes.resize(opened.size);
    const auto got = os::read_at_blocking(opened.file.get(), 0, body->bytes);
    if (!got || *got != opened.size) {
        return nullptr;
    }
    if (opened.size >= kSendFileMin) {
        body->file = std::move(opened.file);
    }
    return body;
}

FileFound FileStore::find(const Query& query, SteadyTime now) {
    const std::string_view key = key_of(query);
    Entry* entry = nullptr;
    if (const auto known = index_.find(key); known != index_.end()) {
        entries_.splice(entries_.begin(), entries_, known->second);
        entry = &entries_.front();
    }
    FileBodyPointer body;
    std::shared_ptr<FileBody> large;
    if (entry != nullptr && entry->on_disk[0].is_fresh(now)) {
        body = entry->on_disk[0].body;
    } else {
        OpenedFile opened = os::open_beneath(query.spec->root, std::string(query.name));
        if (entry != nullptr && is_regular(opened) && is_same(*entry->on_disk[0].body, opened)) {
            entry->on_disk[0].looked_at = now;
            body = entry->on_disk[0].body;
        } else {
            if (entry != nullptr) {
                drop(entries_.begin());
                entry = nullptr;
            }
            if (!is_regular(opened)) {
                const bool is_other = opened.outcome == OpenOutcome::kOpened &&
                                      opened.kind == FileKind::kOther;  // A pipe, a device.
                return {.outcome = is_other ? OpenOutcome::kNotFound : opened.outcome,
                        .is_directory = opened.outcome == OpenOutcome::kOpened &&
                                        opened.kind == FileKind::kDirectory};
            }
            large = read(query, Coding::kIdentity, std::move(opened));
            if (!large) {
                return {.outcome = OpenOutcome::kFailed};
            }
            body = large;
            entry = body->in_memory() ? insert(key_of(query), body, now) : nullptr;
        }
    }
    FileFound found{.outcome = OpenOutcome::kOpened, .body = body};
    if (!query.whole || !query.policy->is_compressible(body->type)) {
        return found;
    }
    if (FileBodyPointer better = chosen_sibling(query, entry, now)) {
        found.body = std::move(better);
        return found;
    }
    if (!query.compress || !query.policy->compresses(body->type, body->size)) {
        return found;
    }
    const Coding coding = choose_coding(query.weights, query.policy->codings());
    if (coding == Coding::kIdentity) {
        return found;
    }
    if (entry != nullptr) {
        if (FileBodyPointer better = encoded(query, *entry, coding)) {
            found.body = std::move(better);
        }
    } else if (large && large->in_memory()) {
        if (FileBodyPointer better = encode(query, *large, coding)) {
            found.body = std::move(better);
        }
    } else if (large) {
        large->coding = coding;
        large->encode_now = true;
        large->tag = entity_tag(*large, large->size, true);
        large->shared_lines.clear();
        describe(query, Length::kUnknown, *large);
    }
    return found;
}

/// The file beside the file that the client likes best; null when there is none or it likes none.
FileBodyPointer FileStore::chosen_sibling(const Query& query, Entry* entry, SteadyTime now) {
    if (!query.spec->precompressed) {
        return nullptr;
    }
    std::array<FileBodyPointer, kCodings> bodies;
    std::array<Coding, kSiblings.size()> offered;
    size_t count = 0;
    for (const Coding coding : kSiblings) {
        if (query.weights[coding] == 0) {
            continue;
        }
        FileBodyPointer body = sibling(query, entry, coding, now);
        if (body) {
            bodies[static_cast<size_t>(coding)] = std::move(body);
            offered[count++] = coding;
        }
    }
    const Coding chosen = choose_coding(query.weights, {offered.data(), count});
    return bodies[static_cast<size_t>(chosen)];
}

FileBodyPointer FileStore::sibling(const Query& query, Entry* entry, Coding coding,
                                   SteadyTime now) {
    Variant once;
    Variant& variant = entry != nullptr ? entry->on_disk[static_cast<size_t>(coding)] : once;
    if (variant.is_fresh(now)) {
        return variant.body;
    }
    OpenedFile opened =
        os::open_beneath(query.spec->root, fmt::format("{}{}", query.name, ending_of(coding)));
    variant.looked = true;
    variant.looked_at = now;
    if (!is_regular(opened)) {
        replace(variant.body, nullptr);
        return nullptr;
    }
    if (variant.body && is_same(*variant.body, opened)) {
        return variant.body;
    }
    FileBodyPointer body = read(query, coding, std::move(opened));
    if (!body || !body->in_memory() || entry == nullptr) {
        variant.looked = false;
        if (entry != nullptr) {
            replace(variant.body, nullptr);
        }
        return body;
    }
    replace(variant.body, body);
    return body;
}

/// The bytes encoded once and kept.
FileBodyPointer FileStore::encoded(const Query& query, Entry& entry, Coding coding) {
    Variant& variant = entry.encoded[static_cast<size_t>(coding)];
    if (!std::exchange(variant.looked, true)) {
        replace(variant.body, encode(query, *entry.on_disk[0].body, coding));
    }
    return variant.body;
}

/// Null when that does not make the bytes shorter.
FileBodyPointer FileStore::encode(const Query& query, const FileBody& plain, Coding coding) {
    Encoder encoder;
    auto bytes =
        encode_whole(encoder, coding, query.policy->level(), plain.bytes, plain.bytes.size());
    if (!bytes) {
        return nullptr;
    }
    auto body = std::make_shared<FileBody>();
    body->coding = coding;
    body->size = bytes->size();
    body->modified_ns = plain.modified_ns;
    body->inode = plain.inode;
    body->type = plain.type;
    body->bytes = std::move(*bytes);
    body->tag = entity_tag(*body, plain.size, true);
    describe(query, Length::kTold, *body);
    return body;
}

/// Null when the store has no room for files of that size.
FileStore::Entry* FileStore::insert(std::string_view key, FileBodyPointer body, SteadyTime now) {
    if (cost_of(body) > bytes_max_) {
        return nullptr;
    }
    Entry& entry = entries_.emplace_front();
    entry.key = key;
    entry.on_disk[0].looked = true;
    entry.on_disk[0].looked_at = now;
    index_.emplace(entry.key, entries_.begin());
    replace(entry.on_disk[0].body, std::move(body));
    return &entry;
}

void FileStore::replace(FileBodyPointer& place, FileBodyPointer body) {
    forget(place);
    place = std::move(body);
    bytes_ += cost_of(place);
    open_files_ += place && place->file ? 1 : 0;
    shrink();
}

void FileStore::forget(const FileBodyPointer& body) {
    bytes_ -= cost_of(body);
    open_files_ -= body && body->file ? 1 : 0;
}

void FileStore::drop(Entries::iterator entry) {
    for (const auto& variants : {entry->on_disk, entry->encoded}) {
        for (const Variant& variant : variants) {
            forget(variant.body);
        }
    }
    index_.erase(entry->key);
    entries_.erase(entry);
}

/// Drops what was not used for longest; the entry in use stays.
void FileStore::shrink() {
    while ((bytes_ > bytes_max_ || open_files_ > kOpenFilesMax) && entries_.size() > 1) {
        drop(std::prev(entries_.end()));
    }
}

}  // namespace shore::gateway
