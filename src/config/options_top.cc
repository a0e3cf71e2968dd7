// Rows of the top level. Source: compose-spec, 02-model to 09-secrets.
#include "config/options.h"

namespace shore::config {

namespace {

using enum Type;
using enum Acts;

constexpr Option kRows[] = {
    {"name", kText, kYes, "", "the directory's name", "", "shop",
     "The stack's name: lower-case letters, digits, - and _."},
    {"version", kAny, kIgnored, "", "", "", "\"3.9\"", "Obsolete in Compose; has no meaning."},
    {"services", kNamed, kYes, "", "", "", "", "The services of the stack."},
    {"services.*", kMap, kYes, "", "", "", "", "One service."},
    {"include", kIncludes, kYes, "", "", "", "[../common/compose.yaml]",
     "Other manifests whose services, volumes, configs and secrets become part of this one."},
    {"include[]", kMap, kYes, "", "", "", "", ""},
    {"include[].path", kTexts, kYes, "", "", "", "../common/compose.yaml",
     "The file, or files that are merged in order."},
    {"include[].project_directory", kText, kYes, "", "the file's directory", "", "../common",
     "Base of its relative paths."},
    {"include[].env_file", kTexts, kYes, "", ".env", "", "../common/.env",
     "Where its variables come from, after those of this manifest."},
    {"networks", kNamed, kContainer, "", "", "", "",
     "Networks between containers. Host processes meet on 127.0.0.1."},
    {"networks.*", kAny, kContainer, "", "", "", "", ""},
    {"volumes", kNamed, kYes, "", "", "",
     "data:", "Named volumes that outlive instances; kept in the state directory."},
    {"volumes.*", kMap, kYes, "", "", "", "", ""},
    {"volumes.*.driver", kText, kContainer, "", "", "", "local",
     "Volume driver of the container engine."},
    {"volumes.*.driver_opts", kKeyValues, kContainer, "", "", "", "", "Options of the driver."},
    {"volumes.*.external", kAny, kContainer, "", "", "", "true",
     "The volume exists already in the container engine."},
    {"volumes.*.labels", kKeyValues, kContainer, "", "", "", "", "Labels of the volume."},
    {"volumes.*.name", kText, kContainer, "", "", "", "shop-data", "Name in the container engine."},
    {"configs", kNamed, kYes, "", "", "", "", "Files that services may ask for."},
    {"configs.*", kMap, kYes, "", "", "", "", ""},
    {"configs.*.file", kPath, kYes, "yes", "", "", "./nginx.conf", "The file."},
    {"configs.*.environment", kText, kYes, "yes", "", "", "APP_CONFIG",
     "The variable whose value becomes the content."},
    {"configs.*.content", kText, kYes, "yes", "", "", "debug=false", "The content itself."},
    {"configs.*.x-digest", kText, kYes, "yes", "", "", "",
     "Written by Shore: SHA-256 of the file's content, so that a changed file is a new release."},
    {"configs.*.external", kAny, kContainer, "", "", "", "true",
     "The config exists in the container engine."},
    {"configs.*.name", kText, kContainer, "", "", "", "", "Name in the container engine."},
    {"configs.*.labels", kKeyValues, kContainer, "", "", "", "", "Labels in the container engine."},
    {"configs.*.template_driver", kText, kContainer, "", "", "", "golang",
     "Template driver of the container engine."},
    {"secrets", kNamed, kYes, "", "", "", "",
     "As configs, readable by the service's user only and never printed."},
    {"secrets.*", kMap, kYes, "", "", "", "", ""},
    {"secrets.*.file", kPath, kYes, "yes", "", "", "./db_password.txt", "The file."},
    {"secrets.*.environment", kText, kYes, "yes", "", "", "DB_PASSWORD",
     "The variable whose value becomes the content."},
    {"secrets.*.content", kText, kYes, "yes", "", "", "",
     "The content itself; written by shore config, not for files kept in a repository."},
    {"secrets.*.x-digest", kText, kYes, "yes", "", "", "",
     "Written by Shore: SHA-256 of the file's content, so that a changed file is a new release."},
    {"secrets.*.external", kAny, kContainer, "", "", "", "true",
     "The secret exists in the container engine."},
    {"secrets.*.name", kText, kContainer, "", "", "", "", "Name in the container engine."},
    {"secrets.*.labels", kKeyValues, kContainer, "", "", "", "", "Labels in the container engine."},
    {"secrets.*.driver", kText, kContainer, "", "", "", "",
     "Secret driver of the container engine."},
    {"secrets.*.driver_opts", kKeyValues, kContainer, "", "", "", "", "Options of the driver."},
    {"secrets.*.template_driver", kText, kContainer, "", "", "", "",
     "Template driver of the container engine."},
    {"models", kNamed, kContainer, "", "", "", "", "AI models that the container engine provides."},
    {"models.*", kAny, kContainer, "", "", "", "", ""},
};

}  // namespace

std::span<const Option> top_options() {
    return kRows;
}

}  // namespace shore::config
