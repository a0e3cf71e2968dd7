#include "cache/disk_tier.h"

#include <algorithm>
#include <charconv>

#include <fcntl.h>
#include <sys/stat.h>

#include "cache/record.h"
#include "os/directory.h"
#include "os/file.h"

namespace shore::cache {

using async::Task;

namespace {

constexpr std::string_view kSuffix = ".answer";
constexpr auto kLockPause = std::chrono::milliseconds(50);

/// The disk's share of a file: whole blocks.
uint64_t blocks(uint64_t bytes) {
    return (bytes + kDiskBlock - 1) / kDiskBlock * kDiskBlock;
}

/// The number in "0000000000000001.answer".
std::optional<uint64_t> number_of(std::string_view name) {
    if (!name.ends_with(kSuffix)) {
        return std::nullopt;
    }
    name.remove_suffix(kSuffix.size());
    uint64_t number = 0;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), number, 16);
    const bool is_whole = parsed.ptr == name.data() + name.size();
    return parsed.ec == std::errc() && is_whole ? std::optional(number) : std::nullopt;
}

/// What the index knows of an entry.
std::shared_ptr<Entry> stub_of(const Entry& entry, uint64_t file, uint64_t bytes) {
    auto stub = std::make_shared<Entry>();
    stub->key = entry.key;
    stub->hash = entry.hash;
    stub->vary = entry.vary;
    stub->tags = entry.tags;
    stub->judgement = entry.judgement;
    stub->stored = entry.stored;
    stub->file = file;
    stub->file_bytes = blocks(bytes);
    return stub;
}

Result<os::Fd> open_file(const std::string& path) {
    os::Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!file) {
        return fail(ErrorCode::kNotFound, "there is no {}", path);
    }
    return file;
}

}  // namespace

DiskTier::DiskTier(Options options, const Epochs& epochs, const base::Clock& clock)
    : options_(std::move(options)),
      epochs_(epochs),
      clock_(clock),
      index_({.memory = options_.bytes_max, .entries = options_.entries_max}),
      readers_("cache", 2) {
    index_.set_on_drop([this](const Entry& stub) {
        const std::lock_guard guard(mutex_);
        doomed_.push_back(stub.file);
        changed_.notify_all();
    });
    writer_ = std::thread([this] { run(); });
}

void DiskTier::stop() {
    {
        const std::lock_guard guard(mutex_);
        stopping_ = true;
        changed_.notify_all();
    }
    readers_.stop();
    if (writer_.joinable()) {
        writer_.join();
    }
    lock_.reset();
}

void DiskTier::set_limit(Bytes bytes_max) {
    index_.set_limits({.memory = bytes_max, .entries = options_.entries_max});
}

std::string DiskTier::path_of(uint64_t file) const {
    return fmt::format("{}/{:016x}{}", options_.directory, file, kSuffix);
}

// ---- The writer's thread.

void DiskTier::run() {
    if (lock_directory()) {
        adopt_files();
    }
    while (true) {
        Job job;
        {
            std::unique_lock guard(mutex_);
            busy_ = false;
            changed_.notify_all();
            changed_.wait(guard,
                          [this] { return stopping_ || !jobs_.empty() || !doomed_.empty(); });
            busy_ = true;
            if (stopping_) {
                jobs_.clear();
            }
            if (!jobs_.empty()) {
                job = std::move(jobs_.front());
                jobs_.pop_front();
                job_bytes_ -= job.entry->body->size();
            } else if (stopping_ && doomed_.empty()) {
                busy_ = false;
                changed_.notify_all();
                return;
            }
        }
        remove_doomed();
        if (job.entry && lock_) {
            write(job);
            remove_doomed();
        }
    }
}

/// False when it stops before another gateway has let go.
bool DiskTier::lock_directory() {
    while (true) {
        if (auto made = os::make_directories(options_.directory, 0700); !made) {
            note_trouble(made.error().text());
        } else {
            auto lock = os::FileLock::try_lock(options_.directory + "/lock");
            if (lock && *lock) {
                lock_ = std::move(**lock);
                return true;
            }
            if (!lock) {
                note_trouble(lock.error().text());
            }
        }
        std::unique_lock guard(mutex_);
        if (changed_.wait_for(guard, kLockPause, [this] { return stopping_; })) {
            return false;
        }
    }
}

/// Puts what earlier gateways have left into the index; what was torn is removed.
void DiskTier::adopt_files() {
    const auto names = os::list_directory(options_.directory, 4 * kDiskEntriesMax);
    if (!names) {
        note_trouble(names.error().text());
        return;
    }
    std::vector<std::shared_ptr<Entry>> found;
    for (const std::string& name : *names) {
        const auto number = number_of(name);
        if (!number) {
            if (name != "lock") {
                [[maybe_unused]] const auto removed =
                    os::remove_file(options_.directory + "/" + name);
            }
            continue;
        }
        next_file_ = std::max(next_file_, *number + 1);
        if (std::shared_ptr<Entry> stub = read_head(*number)) {
            found.push_back(std::move(stub));
        } else {
            ++damaged_;
            [[maybe_unused]] const auto removed = os::remove_file(path_of(*number));
        }
    }
    std::ranges::sort(found, {}, [](const auto& stub) { return stub->stored; });
    for (const std::shared_ptr<Entry>& stub : found) {
        if (!index_.insert(stub)) {
            [[maybe_unused]] const auto removed = os::remove_file(path_of(stub->file));
        }
    }
    remove_doomed();
}

/// The index's part of a file; null when it is damaged.
std::shared_ptr<Entry> DiskTier::read_head(uint64_t file) {
    const auto opened = open_file(path_of(file));
    struct stat facts{};
    if (!opened || fstat(opened->get(), &facts) != 0) {
        return nullptr;
    }
    std::string bytes(kRecordPrologue, '\0');
    auto got = os::read_at_blocking(opened->get(), 0, bytes);
    const auto sizes = got && *got == bytes.size() ? record_sizes(bytes) : std::nullopt;
    if (!sizes ||
        static_cast<uint64_t>(facts.st_size) != kRecordPrologue + sizes->head + sizes->body) {
        return nullptr;
    }
    bytes.resize(kRecordPrologue + sizes->head);
    got = os::read_at_blocking(opened->get(), 0, bytes);
    auto record = got && *got == bytes.size() ? decode_record(bytes) : std::nullopt;
    if (!record) {
        return nullptr;
    }
    const Duration past = std::max(Duration{}, clock_.wall_now() - record->stored);
    record->entry.stored = clock_.steady_now() - past;
    record->entry.hash = siphash(options_.seed, url_of(record->entry.key));
    return stub_of(record->entry, file, static_cast<uint64_t>(facts.st_size));
}

void DiskTier::write(const Job& job) {
    const Entry& entry = *job.entry;
    if (clock_.steady_now() < paused_until_) {
        ++failed_;
        return;
    }
    std::string bytes =
        encode_record(entry, clock_.wall_now() - (clock_.steady_now() - entry.stored));
    bytes += *entry.body;
    const uint64_t size = blocks(bytes.size());
    if (job.epoch != epochs_.of(entry.hash) || !index_.reserve(size)) {
        return;
    }
    remove_doomed();
    const uint64_t file = next_file_++;
    const auto written =
        os::write_file_atomically(path_of(file), bytes, 0600, os::Durability::kVisible);
    index_.give_back(size);
    if (!written) {
        ++failed_;
        paused_until_ = clock_.steady_now() + kDiskPause;
        note_trouble(written.error().text());
        return;
    }
    const std::shared_ptr<Entry> stub = stub_of(entry, file, bytes.size());
    if (!index_.insert(stub)) {
        [[maybe_unused]] const auto removed = os::remove_file(path_of(file));
        return;
    }
    ++stored_;
    if (job.epoch != epochs_.of(entry.hash)) {
        index_.erase_entry(*stub);  // Dropped while it was being written.
    }
}

void DiskTier::remove_doomed() {
    std::vector<uint64_t> files;
    {
        const std::lock_guard guard(mutex_);
        files.swap(doomed_);
    }
    for (const uint64_t file : files) {
        if (const auto removed = os::remove_file(path_of(file)); !removed) {
            note_trouble(removed.error().text());
        }
    }
}

void DiskTier::note_trouble(const std::string& what) {
    const SteadyTime now = clock_.steady_now();
    if (options_.on_trouble &&
        (!trouble_was_told_ || now - trouble_told_ >= std::chrono::minutes(1))) {
        trouble_was_told_ = true;
        trouble_told_ = now;
        options_.on_trouble(what);
    }
}

// ---- Any thread.

/// Short lives end before they pay for a file, unless the app can be asked whether they hold.
bool DiskTier::is_worth(const Entry& entry) const {
    const Duration left =
        entry.time_left(clock_.steady_now()) +
        std::max(entry.judgement.stale_while_revalidate, entry.judgement.stale_if_error);
    return left >= kDiskLifeMin;
}

void DiskTier::store(std::shared_ptr<const Entry> entry, uint32_t epoch) {
    if (!is_worth(*entry)) {
        return;
    }
    const std::lock_guard guard(mutex_);
    if (stopping_ || job_bytes_ + entry->body->size() > kDiskQueueMax ||
        jobs_.size() >= kDiskJobsMax) {
        ++failed_;
        return;
    }
    job_bytes_ += entry->body->size();
    jobs_.push_back({.entry = std::move(entry), .epoch = epoch});
    changed_.notify_all();
}

Task<std::shared_ptr<const Entry>> DiskTier::find(async::Loop& loop, Key key, RequestView request) {
    const std::shared_ptr<const Entry> stub = index_.find(key, request);
    if (!stub) {
        co_return nullptr;
    }
    const uint32_t epoch = epochs_.of(stub->hash);
    auto loaded = co_await readers_.run<std::shared_ptr<const Entry>>(
        loop,
        [this, stub]() -> Result<std::shared_ptr<const Entry>> { return load_blocking(stub); });
    if (!loaded || epoch != epochs_.of(stub->hash)) {
        co_return nullptr;
    }
    co_return std::move(*loaded);
}

/// The whole answer; null, and forgotten, when its file is not what was written.
std::shared_ptr<const Entry> DiskTier::load_blocking(const std::shared_ptr<const Entry>& stub) {
    const auto opened = open_file(path_of(stub->file));
    if (!opened) {
        index_.erase_entry(*stub);  // Removed meanwhile, by this gateway or by hand.
        return nullptr;
    }
    std::string head(kRecordPrologue, '\0');
    std::string body;
    std::optional<Record> record;
    auto got = os::read_at_blocking(opened->get(), 0, head);
    if (const auto sizes = got && *got == head.size() ? record_sizes(head) : std::nullopt;
        sizes && sizes->head + sizes->body <= stub->file_bytes) {
        head.resize(kRecordPrologue + sizes->head);
        got = os::read_at_blocking(opened->get(), 0, head);
        record = got && *got == head.size() ? decode_record(head) : std::nullopt;
        body.resize(sizes->body);
        got = os::read_at_blocking(opened->get(), head.size(), body);
        if (!got || *got != body.size() || !record ||
            record->body_checksum != record_checksum(body)) {
            record.reset();
        }
    }
    if (!record || record->entry.key != stub->key) {
        ++damaged_;
        index_.erase_entry(*stub);
        return nullptr;
    }
    auto entry = std::make_shared<Entry>(std::move(record->entry));
    entry->hash = stub->hash;
    entry->stored = stub->stored;
    entry->body = std::make_shared<const std::string>(std::move(body));
    return entry;
}

Task<uint64_t> DiskTier::purge(async::Loop& loop, Purge purge, Dropped elsewhere) {
    uint64_t dropped = 0;
    uint64_t only_here = 0;
    index_.erase_if([&](const Entry& stub) {
        const bool meant = is_meant(purge, stub);
        dropped += meant ? 1 : 0;
        only_here += meant && !std::ranges::binary_search(elsewhere, identity_of(stub)) ? 1 : 0;
        return meant;
    });
    purged_ += dropped;
    [[maybe_unused]] const auto settled =
        co_await readers_.run<bool>(loop, [this]() -> Result<bool> {
            settle_blocking();
            return true;
        });
    co_return only_here;
}

void DiskTier::settle_blocking() {
    std::unique_lock guard(mutex_);
    changed_.wait(guard,
                  [this] { return stopping_ || (jobs_.empty() && doomed_.empty() && !busy_); });
}

Stats DiskTier::stats() const {
    return {.entries = index_.entries(),
            .entries_max = options_.entries_max,
            .bytes = index_.bytes(),
            .bytes_max = index_.bytes_max(),
            .stored = stored_,
            .evicted = index_.evictions(),
            .purged = purged_,
            .damaged = damaged_,
            .failed = failed_};
}

}  // namespace shore::cache
