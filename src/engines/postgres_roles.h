// Who may do what in PostgreSQL: roles, databases, grants and extensions as the assignment asks for
// them. Everything may be repeated, and is, at every start and every change.
//
// A database belongs to a group, <database>_owner, that nobody logs in as. Services that may write
// are its members and act as it, so tables that one makes are the others' too; services that read
// are members of <database>_reader, which may select. Nobody else may connect.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engines/assignment.h"
#include "engines/postgres_sql.h"

namespace shore::engines {

/// Makes the server as the assignment asks, as superuser `admin` on a primary. kNotFound: an
/// extension is not installed.
Result<void> reconcile_roles_blocking(const SqlTarget& admin, const Assignment& assignment);

/// Whether `role` may log in to `database` with `password`. kUnavailable: not yet.
Result<void> try_login_blocking(SqlTarget target, std::string_view role, std::string_view password,
                                std::string_view database);

/// The role that the services which write in a database act as.
std::string owner_group(std::string_view database);

/// kNotFound for the first of `wanted` that is not in `available`: with a near name, and what to
/// install.
Result<void> check_extensions(const std::vector<std::string>& wanted,
                              const std::vector<std::string>& available);

/// The roles of Shore's own: replication, pool, monitor; without passwords.
std::string own_roles_sql();
/// A role that may log in and nothing else, marked as a service's.
std::string service_role_sql(std::string_view role);
/// Takes the login from services that use the engine no longer, keeping what they own.
std::string stale_roles_sql(const model::EngineSpec& spec);
/// The groups of a database; the database itself is made apart (CREATE DATABASE is no part of a
/// transaction).
std::string database_groups_sql(std::string_view database);
/// Rights on a database, run in it: who may connect, what readers see, the pool's question.
std::string database_rights_sql(std::string_view database, const model::EngineSpec& spec);

}  // namespace shore::engines
