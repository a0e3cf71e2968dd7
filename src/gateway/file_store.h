// FileStore: static files as a loop serves them: what to send for a name, from memory when it is
// hot and small.
//
// A file up to kStoredFileMax is kept with its bytes and ready-made head lines, and looked at again
// once a second at most (an open and an fstat): a change on disk is seen within a second, and a hot
// file costs no system call but the send. From kSendFileMin on it is kept open as well, for
// sendfile; its bytes are there for TLS, for HTTP/2 and for when it was cut short since. Beside a
// file its variants: "app.js.br", "app.js.zst" and "app.js.gz", each looked at like the file
// itself; where there is none and the type is worth it, the bytes are encoded once and kept.
//
// One loop's; what it gives is immutable and may outlive its place in the store.
#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"
#include "gateway/content_policy.h"
#include "model/service_spec.h"
#include "os/beneath.h"

namespace shore::gateway {

/// One representation of a file (RFC 9110 section 3.2): its bytes, or a file to read them from.
struct FileBody {
    Coding coding = Coding::kIdentity;
    uint64_t size = 0;
    int64_t modified_ns = 0;
    uint64_t inode = 0;
    std::string_view type;     ///< The media type; a constant's.
    std::string tag;           ///< Entity tag; weak when the bytes were made here.
    std::string bytes;         ///< All `size` of them, or none: see in_memory().
    os::Fd file;               ///< Open when it is not in memory, and from kSendFileMin on.
    bool encode_now = false;   ///< To be encoded with `coding` while it is sent from `file`.
    std::string shared_lines;  ///< Head lines of every answer about it, 304 included.
    std::string whole_lines;   ///< Those of a 200, from Content-Type to Content-Length.

    bool in_memory() const { return bytes.size() == size; }
};
using FileBodyPointer = std::shared_ptr<const FileBody>;

struct FileFound {
    /// kOpened: `body` is there, or `is_directory`.
    os::OpenOutcome outcome = os::OpenOutcome::kNotFound;
    bool is_directory = false;
    FileBodyPointer body;
};

class FileStore final {
 public:
    struct Query {
        const model::StaticFiles* spec = nullptr;
        const ContentPolicy* policy = nullptr;
        std::string_view name;  ///< Relative to the root; no "..", not hidden.
        CodingWeights weights;  ///< Of the request.
        bool compress = true;   ///< The route's option.
        bool whole = true;      ///< False: a part may be asked for, so the file as it is.
    };

    /// Forgets all and keeps at most that many bytes from now on.
    void reset(uint64_t bytes_max);
    uint64_t bytes_max() const { return bytes_max_; }
    uint64_t bytes() const { return bytes_; }
    size_t files() const { return entries_.size(); }
    /// Of these, kept open.
    size_t open_files() const { return open_files_; }

    /// The representation that fits the request. Blocks for as long as the file system takes when
    /// it must look at the disk.
    FileFound find(const Query& query, SteadyTime now);

 private:
    struct Variant {
        FileBodyPointer body;  // Null: there is none.
        SteadyTime looked_at{};
        bool looked = false;

        bool is_fresh(SteadyTime now) const;
    };
    struct Entry {
        std::string key;
        std::array<Variant, kCodings> on_disk;  // [kIdentity] is the file itself.
        std::array<Variant, kCodings> encoded;  // Made here; looked: tried.
    };
    using Entries = std::list<Entry>;  // Most recently used first.

    std::string_view key_of(const Query& query);
    std::shared_ptr<FileBody> read(const Query& query, Coding coding, os::OpenedFile opened) const;
    FileBodyPointer sibling(const Query& query, Entry* entry, Coding coding, SteadyTime now);
    FileBodyPointer chosen_sibling(const Query& query, Entry* entry, SteadyTime now);
    FileBodyPointer encoded(const Query& query, Entry& entry, Coding coding);
    static FileBodyPointer encode(const Query& query, const FileBody& plain, Coding coding);
    Entry* insert(std::string_view key, FileBodyPointer body, SteadyTime now);
    void replace(FileBodyPointer& place, FileBodyPointer body);
    void forget(const FileBodyPointer& body);
    void drop(Entries::iterator entry);
    void shrink();

    uint64_t bytes_max_ = 0;
    uint64_t bytes_ = 0;
    size_t open_files_ = 0;
    std::string key_;
    Entries entries_;
    std::unordered_map<std::string_view, Entries::iterator> index_;  // Keys are the entries' own.
};

}  // namespace shore::gateway
