#include "model/content_options.h"

namespace shore::model {

std::vector<std::string> default_compress_types() {
    return {"text/html",
            "text/plain",
            "text/css",
            "text/javascript",
            "text/csv",
            "text/markdown",
            "text/xml",
            "text/calendar",
            "text/vtt",
            "application/json",
            "application/*+json",
            "application/x-ndjson",
            "application/javascript",
            "application/x-javascript",
            "application/xml",
            "application/*+xml",
            "application/yaml",
            "application/wasm",
            "application/graphql",
            "application/vnd.ms-fontobject",
            "image/svg+xml",
            "image/x-icon",
            "image/bmp",
            "font/ttf",
            "font/otf"};
}

}  // namespace shore::model
