// Files of KEY=VALUE lines: .env of a project and env_file of a service. Source: compose-spec,
// 12-interpolation and
// docs.docker.com/compose/how-tos/environment-variables/variable-interpolation.
//
// Unquoted values end at " #"; in double quotes \n \r \t \\ \" \$ act and variables are put in;
// single quotes are literal; quoted values may span lines; "export " in front of a key is skipped.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/load.h"
#include "config/report.h"

namespace shore::config {

struct DotenvLine {
    std::string key;
    std::optional<std::string>
        value;  ///< Absent: the key stood alone; its value is the caller's, if any.
};

enum class DotenvFormat : uint8_t { kCompose, kRaw };

/// Lines in order. `variables` serve $V in values, after keys given earlier in the text. Errors go
/// to `report` under the name `file`.
std::vector<DotenvLine> parse_dotenv(std::string_view text, const std::string& file,
                                     DotenvFormat format, const Variables& variables,
                                     Report& report);

}  // namespace shore::config
