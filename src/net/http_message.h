// HTTP messages as values, for the small client and server: everything is text, owned and of
// moderate size.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "base/result.h"
#include "net/address.h"

namespace shore::net {

struct HttpField {
    std::string name;
    std::string value;
};

/// Header fields in order; names compare without case.
class HttpFields final {
 public:
    HttpFields() = default;
    HttpFields(std::initializer_list<HttpField> fields) : fields_(fields) {}

    /// The first value of `name`.
    std::optional<std::string_view> find(std::string_view name) const;
    void add(std::string_view name, std::string_view value);
    /// Replaces every field of that name by one.
    void set(std::string_view name, std::string_view value);
    void remove(std::string_view name);

    auto begin() const { return fields_.begin(); }
    auto end() const { return fields_.end(); }
    size_t size() const { return fields_.size(); }

 private:
    std::vector<HttpField> fields_;
};

struct HttpRequest {
    std::string method = "GET";
    std::string target = "/";  ///< As on the wire: path and query, percent-encoded.
    HttpFields fields;
    std::string body;

    /// Set by the server: who asks.
    Address peer;
    /// Set by the server for a Unix socket: the user of the process that connected (SO_PEERCRED,
    /// unix(7)).
    std::optional<uid_t> peer_user;

    /// The target up to '?'; still percent-encoded.
    std::string_view path() const;
    /// Behind '?'; empty when there is none.
    std::string_view query() const;
    /// The decoded value of a query parameter ("" for a bare name); nothing when it is absent or
    /// its encoding is broken.
    std::optional<std::string> query_parameter(std::string_view name) const;
    /// All its values, in order.
    std::vector<std::string> query_parameters(std::string_view name) const;
};

struct HttpResponse {
    uint16_t status = 200;
    HttpFields fields;
    std::string body;

    static HttpResponse text(uint16_t status, std::string body);
    static HttpResponse json(uint16_t status, std::string body);

    bool success() const { return status >= 200 && status < 300; }
};

/// "Not Found" for 404; empty for a status without a registered phrase.
std::string_view reason_phrase(uint16_t status);

/// Appends "Name: value CRLF" for each field. Bytes that would end the line early become spaces, so
/// that a value from outside cannot add a field.
void append_fields(std::string& head, const HttpFields& fields);

}  // namespace shore::net
