#include "observe/rotating_file.h"

#include <filesystem>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "base/strings.h"
#include "os/directory.h"
#include "os/file.h"

namespace shore::observe {
namespace {

constexpr std::string_view kCompressedSuffix = ".zst";
constexpr size_t kCopyBytes = size_t{128} * 1024;
constexpr int kCompressionLevel = 3;

std::string directory_of(const std::string& path) {
    const size_t slash = path.rfind('/');
    return slash == std::string::npos ? "." : path.substr(0, slash);
}

std::string name_of(const std::string& path) {
    return path.substr(path.rfind('/') + 1);
}

/// "20261121T042207.123Z": sorts by time, has no character that a shell minds.
std::string stamp(WallTime time) {
    std::string text = base::to_rfc3339(time);
    std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
    return text;
}

/// "20261121T042207.123Z" and nothing else may stand between "PATH." and ".zst".
bool is_stamp(std::string_view text) {
    return text.size() == 20 && text[8] == 'T' && text[15] == '.' && text.back() == 'Z';
}

bool exists(const std::string& path) {
    struct stat status{};
    return ::stat(path.c_str(), &status) == 0;
}

WallTime modified_at(const struct stat& status) {
    return WallTime(std::chrono::seconds(status.st_mtim.tv_sec) +
                    std::chrono::nanoseconds(status.st_mtim.tv_nsec));
}

/// Feeds `input` through a zstd stream into `output`.
Result<void> compress_stream(int input, int output) {
    const std::unique_ptr<ZSTD_CStream, decltype(&ZSTD_freeCStream)> stream(ZSTD_createCStream(),
                                                                            &ZSTD_freeCStream);
    if (!stream || ZSTD_isError(ZSTD_initCStream(stream.get(), kCompressionLevel)) != 0) {
        return fail(ErrorCode::kExhausted, "no memory for a zstd stream");
    }
    std::string read_buffer(kCopyBytes, '\0');
    std::string write_buffer(ZSTD_CStreamOutSize(), '\0');
    bool at_end = false;
    while (!at_end) {
        const ssize_t count = ::read(input, read_buffer.data(), read_buffer.size());
        if (count < 0) {
            return fail(os::last_error("read"));
        }
        at_end = count == 0;
        ZSTD_inBuffer in{read_buffer.data(), static_cast<size_t>(count), 0};
        size_t left = 0;
        do {
            ZSTD_outBuffer out{write_buffer.data(), write_buffer.size(), 0};
            left = ZSTD_compressStream2(stream.get(), &out, &in,
                                        at_end ? ZSTD_e_end : ZSTD_e_continue);
            if (ZSTD_isError(left) != 0) {
                return fail(ErrorCode::kInternal, "zstd: {}", ZSTD_getErrorName(left));
            }
            SHORE_CHECK(os::write_all_blocking(output, {write_buffer.data(), out.pos}));
        } while (in.pos < in.size || (at_end && left != 0));
    }
    return {};
}

}  // namespace

Result<void> compress_file_blocking(const std::string& path) {
    const std::string target = path + std::string(kCompressedSuffix);
    const std::string staged = target + ".tmp";
    const os::Fd input(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!input) {
        return fail(os::last_error("compress " + path));
    }
    const os::Fd output(::open(staged.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640));
    if (!output) {
        return fail(os::last_error("compress into " + staged));
    }
    if (auto done = compress_stream(input.get(), output.get()); !done) {
        ::unlink(staged.c_str());
        return fail(std::move(done).error().with("compress " + path));
    }
    // The age of the lines is the age of the file, compressed or not.
    struct stat status{};
    if (::fstat(input.get(), &status) == 0) {
        const timespec times[2] = {status.st_atim, status.st_mtim};
        ::futimens(output.get(), times);
    }
    if (::rename(staged.c_str(), target.c_str()) < 0) {
        return fail(os::last_error("rename " + staged));
    }
    if (::unlink(path.c_str()) < 0 && !exists(path)) {
        ::unlink(target.c_str());  // Pruned in the meantime: it must not come back.
    }
    return {};
}

std::vector<std::string> rotated_files(const std::string& path) {
    std::vector<std::string> files;
    const std::string directory = directory_of(path);
    const std::string prefix = name_of(path) + ".";
    const auto names = os::list_directory(directory);
    if (!names) {
        return files;
    }
    for (const std::string& name : *names) {
        std::string_view rest = name;
        if (!rest.starts_with(prefix)) {
            continue;
        }
        rest.remove_prefix(prefix.size());
        if (rest.ends_with(kCompressedSuffix)) {
            rest.remove_suffix(kCompressedSuffix.size());
        }
        if (is_stamp(rest)) {
            // When both forms are there, a crash came between rename and unlink: they say the same.
            std::string file = fmt::format("{}/{}", directory, name);
            if (!files.empty() && file == files.back() + std::string(kCompressedSuffix)) {
                files.back() = std::move(file);
            } else {
                files.push_back(std::move(file));
            }
        }
    }
    return files;
}

RotatingFile::RotatingFile(std::string path, RotationLimits limits, const base::Clock& clock,
                           Compress compress)
    : path_(std::move(path)), limits_(limits), clock_(&clock), compress_(std::move(compress)) {
}

Result<RotatingFile> RotatingFile::open(std::string path, RotationLimits limits,
                                        const base::Clock& clock, Compress compress) {
    RotatingFile file(std::move(path), limits, clock, std::move(compress));
    SHORE_CHECK(file.open_live());
    file.prune();
    for (const std::string& rotated : rotated_files(file.path_)) {
        if (!rotated.ends_with(kCompressedSuffix)) {
            file.compress_(rotated);
        }
    }
    return file;
}

Result<void> RotatingFile::open_live() {
    file_ = os::Fd(::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640));
    if (!file_) {
        return fail(os::last_error("open " + path_));
    }
    struct stat status{};
    if (::fstat(file_.get(), &status) < 0) {
        return fail(os::last_error("stat " + path_));
    }
    size_ = static_cast<uint64_t>(status.st_size);
    // The file's birth is not kept by every file system. Its last change is no earlier, so age is
    // never overestimated.
    begun_ = size_ == 0 ? clock_->wall_now() : std::min(clock_->wall_now(), modified_at(status));
    return {};
}

Result<void> RotatingFile::append(std::string_view lines) {
    if (!file_) {
        SHORE_CHECK(open_live());
    }
    const bool too_big = size_ > 0 && size_ + lines.size() > limits_.file_size_max.count;
    const bool too_old = size_ > 0 && clock_->wall_now() - begun_ >= limits_.age_max;
    if (too_big || too_old) {
        SHORE_CHECK(rotate());
    }
    if (size_ == 0) {
        begun_ = clock_->wall_now();
    }
    if (auto written = os::write_all_blocking(file_.get(), lines); !written) {
        // A part may have been written before the disk was full. Readers must never see half a
        // line.
        if (::ftruncate(file_.get(), static_cast<off_t>(size_)) < 0) {
            file_.close();  // Opened anew at the next line, with the size it then has.
        }
        return fail(std::move(written).error().with("append to " + path_));
    }
    size_ += lines.size();
    return {};
}

void RotatingFile::rotate_if_old() {
    if (size_ > 0 && clock_->wall_now() - begun_ >= limits_.age_max) {
        (void)rotate();
    }
    prune();
}

Result<void> RotatingFile::rotate() {
    // Names sort by time even when several are made within a millisecond or the clock is set back.
    WallTime time = std::max(clock_->wall_now(), last_rotation_ + std::chrono::milliseconds(1));
    std::string target = fmt::format("{}.{}", path_, stamp(time));
    while (exists(target) || exists(target + std::string(kCompressedSuffix))) {
        time += std::chrono::milliseconds(1);
        target = fmt::format("{}.{}", path_, stamp(time));
    }
    if (::rename(path_.c_str(), target.c_str()) < 0 && exists(path_)) {
        return fail(os::last_error("rotate " + path_));
    }
    last_rotation_ = time;
    file_.close();
    size_ = 0;
    SHORE_CHECK(open_live());
    prune();
    if (exists(target)) {
        compress_(target);
    }
    return {};
}

void RotatingFile::prune() {
    std::vector<std::string> files = rotated_files(path_);
    const size_t surplus = files.size() > limits_.files_max ? files.size() - limits_.files_max : 0;
    for (size_t i = 0; i < files.size(); ++i) {
        struct stat status{};
        const bool known = ::stat(files[i].c_str(), &status) == 0;
        if (i < surplus || (known && clock_->wall_now() - modified_at(status) >= limits_.age_max)) {
            ::unlink(files[i].c_str());
        }
    }
}

}  // namespace shore::observe
