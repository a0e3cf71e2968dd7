// The OpenAPI 3.1 document and the reference page, made from the endpoint and schema tables.
#pragma once

#include <string>
#include <string_view>

#include "wire/json.h"

namespace shore::api {

/// What GET /v1/openapi.json answers.
wire::Json openapi_document(std::string_view version);

/// docs/reference/api.md.
std::string reference_page();

}  // namespace shore::api
