#include "config/text_file.h"

#include <fstream>
#include <system_error>

namespace shore::config {

Result<std::string> read_text_file(const std::filesystem::path& path, size_t bytes_max) {
    std::error_code error;
    const auto status = std::filesystem::status(path, error);
    if (status.type() == std::filesystem::file_type::not_found) {
        return fail(ErrorCode::kNotFound, "there is no file {}", path.string());
    }
    if (error) {
        return fail(ErrorCode::kPermission, "cannot look at {}: {}", path.string(),
                    error.message());
    }
    if (!std::filesystem::is_regular_file(status)) {
        return fail(ErrorCode::kInvalid, "{} is no regular file", path.string());
    }
    std::ifstream stream(path, std::ios::binary);
    if (!stream) {
        return fail(ErrorCode::kPermission, "cannot open {}; is it readable for this user?",
                    path.string());
    }
    // One byte more than allowed tells "too large" without reading the rest.
    std::string text(bytes_max + 1, '\0');
    stream.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (stream.bad()) {
        return fail(ErrorCode::kUnavailable, "cannot read {}", path.string());
    }
    text.resize(static_cast<size_t>(stream.gcount()));
    if (text.size() > bytes_max) {
        return fail(ErrorCode::kExhausted, "{} is larger than {} bytes", path.string(), bytes_max);
    }
    return text;
}

}  // namespace shore::config
