#include "engines/postgres_roles.h"

#include <array>
#include <set>

#include "base/strings.h"
#include "engines/postgres_config.h"

namespace shore::engines {

namespace {

using std::chrono::seconds;

constexpr seconds kStatementLimit{30};
// CREATE EXTENSION and CREATE DATABASE copy files.
constexpr seconds kLongLimit{120};
constexpr seconds kLoginLimit{5};

/// How a role is known as one that Shore made for a service.
constexpr std::string_view kServiceMark = "shore: a service";

std::string reader_group(std::string_view database) {
    return fmt::format("{}_reader", database);
}

std::string create_role_sql(std::string_view role) {
    return fmt::format(
        "DO $shore$ BEGIN IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = {0}) THEN "
        "CREATE ROLE {1} NOLOGIN; END IF; END $shore$;\n",
        sql_text(role), sql_name(role));
}

// Only what has to change: a REVOKE of what nobody had is a warning in the log.
std::string member_sql(bool is_member, std::string_view group, std::string_view role) {
    const std::string is_now = fmt::format(
        "EXISTS (SELECT FROM pg_catalog.pg_auth_members WHERE roleid = {}::regrole "
        "AND member = {}::regrole)",
        sql_text(sql_name(group)), sql_text(sql_name(role)));
    return is_member ? fmt::format(
                           "DO $shore$ BEGIN IF NOT {} THEN GRANT {} TO {}; END IF; END "
                           "$shore$;\n",
                           is_now, sql_name(group), sql_name(role))
                     : fmt::format(
                           "DO $shore$ BEGIN IF {} THEN REVOKE {} FROM {}; END IF; END "
                           "$shore$;\n",
                           is_now, sql_name(group), sql_name(role));
}

// What this service may do in one database; and what it may not any more.
std::string user_rights_sql(std::string_view database, const model::EngineSpec& spec,
                            const std::string& service) {
    bool writes = false;
    bool reads = false;
    for (const model::EngineUser& user : spec.users) {
        if (user.service == service && user.database == database) {
            writes = writes || user.access == model::EngineAccess::kWrite;
            reads = reads || user.access == model::EngineAccess::kRead;
        }
    }
    const std::string role = role_name(service);
    std::string sql = member_sql(writes, owner_group(database), role);
    sql += member_sql(reads && !writes, reader_group(database), role);
    const std::string in_database =
        fmt::format("ALTER ROLE {} IN DATABASE {} ", sql_name(role), sql_name(database));
    // Acting as the group, what a service makes belongs to all of them.
    sql += writes ? fmt::format("{}SET role = {};\n", in_database, sql_text(owner_group(database)))
                  : fmt::format("{}RESET role;\n", in_database);
    sql += reads && !writes
               ? fmt::format("{}SET default_transaction_read_only = on;\n", in_database)
               : fmt::format("{}RESET default_transaction_read_only;\n", in_database);
    return sql;
}

// The pool's question for a role's password: services only, never Shore's own or a superuser.
std::string pool_question_sql() {
    return fmt::format(
        "CREATE SCHEMA IF NOT EXISTS shore;\n"
        "REVOKE ALL ON SCHEMA shore FROM PUBLIC;\n"
        "GRANT USAGE ON SCHEMA shore TO {0};\n"
        "CREATE OR REPLACE FUNCTION shore.user_lookup(IN i_username text, OUT uname text, "
        "OUT phash text) RETURNS record LANGUAGE sql SECURITY DEFINER STABLE "
        "SET search_path = pg_catalog AS $shore$ "
        "SELECT rolname::text, rolpassword FROM pg_catalog.pg_authid "
        "WHERE rolname = i_username AND rolcanlogin AND NOT rolsuper AND NOT rolreplication "
        "AND rolname NOT LIKE 'shore\\_%' "
        "AND (rolvaliduntil IS NULL OR rolvaliduntil > pg_catalog.now()) $shore$;\n"
        "REVOKE ALL ON FUNCTION shore.user_lookup(text) FROM PUBLIC;\n"
        "GRANT EXECUTE ON FUNCTION shore.user_lookup(text) TO {0};\n",
        kPoolRole);
}

// Sets the password when the stored one is another. A verifier that is right is left alone: a new
// salt would lock out the pool's connections until each client has logged in anew.
Result<void> set_password(SqlClient& client, const SqlTarget& admin, std::string_view role,
                          std::string_view password, std::string_view database) {
    SHORE_TRY(const SqlRows stored,
              client.run_blocking(fmt::format("SELECT rolpassword IS NOT NULL FROM "
                                              "pg_catalog.pg_authid WHERE rolname = {}",
                                              sql_text(role)),
                                  kStatementLimit));
    if (stored.truth(0, 0) && try_login_blocking(admin, role, password, database)) {
        return {};
    }
    SHORE_TRY(const std::string verifier, client.verifier(role, password));
    SHORE_CHECK(client.run_blocking(
        fmt::format("ALTER ROLE {} PASSWORD {}", sql_name(role), sql_text(verifier)),
        kStatementLimit));
    return {};
}

Result<void> make_database(SqlClient& client, const std::string& database) {
    SHORE_CHECK(client.run_blocking(database_groups_sql(database), kStatementLimit));
    SHORE_TRY(
        const SqlRows found,
        client.run_blocking(fmt::format("SELECT FROM pg_catalog.pg_database WHERE datname = {}",
                                        sql_text(database)),
                            kStatementLimit));
    if (!found.empty()) {
        return {};
    }
    SHORE_CHECK(client.run_blocking(fmt::format("CREATE DATABASE {} OWNER {}", sql_name(database),
                                                sql_name(owner_group(database))),
                                    kLongLimit));
    return {};
}

Result<void> make_extensions(SqlClient& client, const model::EngineSpec& spec) {
    SHORE_TRY(const SqlRows rows,
              client.run_blocking("SELECT name FROM pg_catalog.pg_available_extensions",
                                  kStatementLimit));
    std::vector<std::string> available;
    for (size_t row = 0; row < rows.size(); ++row) {
        available.emplace_back(rows.text(row, 0));
    }
    std::vector<std::string> wanted = spec.postgres.extensions;
    if (std::ranges::find(available, "pg_stat_statements") != available.end()) {
        wanted.emplace_back("pg_stat_statements");
    }
    SHORE_CHECK(check_extensions(wanted, available));
    for (const std::string& extension : wanted) {
        SHORE_CHECK(client.run_blocking(
            fmt::format("CREATE EXTENSION IF NOT EXISTS {} CASCADE", sql_name(extension)),
            kLongLimit));
    }
    return {};
}

Result<void> settle_database(SqlTarget admin, const std::string& database,
                             const model::EngineSpec& spec) {
    admin.database = database;
    SHORE_TRY(SqlClient client, SqlClient::connect_blocking(admin, kLoginLimit));
    SHORE_CHECK(make_extensions(client, spec));
    SHORE_CHECK(client.run_blocking(database_rights_sql(database, spec), kStatementLimit));
    return {};
}

}  // namespace

std::string owner_group(std::string_view database) {
    return fmt::format("{}_owner", database);
}

Result<void> check_extensions(const std::vector<std::string>& wanted,
                              const std::vector<std::string>& available) {
    for (const std::string& extension : wanted) {
        if (std::ranges::find(available, extension) == available.end()) {
            return fail(ErrorCode::kNotFound, "extension {} is not installed{}: {}", extension,
                        base::did_you_mean(extension, available), extension_package(extension));
        }
    }
    return {};
}

std::string own_roles_sql() {
    std::string sql = create_role_sql(kReplicationRole);
    sql += create_role_sql(kPoolRole);
    sql += create_role_sql(kMonitorRole);
    sql += fmt::format("ALTER ROLE {} LOGIN REPLICATION NOSUPERUSER;\n", kReplicationRole);
    sql += fmt::format("ALTER ROLE {} LOGIN NOSUPERUSER;\n", kPoolRole);
    sql += fmt::format("ALTER ROLE {} LOGIN NOSUPERUSER;\n", kMonitorRole);
    sql += fmt::format("GRANT pg_monitor TO {};\n", kMonitorRole);
    // What everybody may do unless told otherwise, in databases where nobody has business.
    sql += "REVOKE CONNECT, TEMPORARY ON DATABASE postgres, template1 FROM PUBLIC;\n";
    sql += fmt::format("GRANT CONNECT ON DATABASE postgres TO {}, {};\n", kMonitorRole,
                       kReplicationRole);
    return sql;
}

std::string service_role_sql(std::string_view role) {
    std::string sql = create_role_sql(role);
    sql += fmt::format(
        "ALTER ROLE {} LOGIN INHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION "
        "NOBYPASSRLS;\n",
        sql_name(role));
    sql += fmt::format("COMMENT ON ROLE {} IS {};\n", sql_name(role), sql_text(kServiceMark));
    return sql;
}

std::string stale_roles_sql(const model::EngineSpec& spec) {
    std::string kept = "''";
    for (const model::EngineUser& user : spec.users) {
        kept += ", " + sql_text(role_name(user.service));
    }
    return fmt::format(
        "DO $shore$ DECLARE name text; BEGIN FOR name IN SELECT rolname FROM pg_catalog.pg_roles "
        "WHERE rolcanlogin AND pg_catalog.shobj_description(oid, 'pg_authid') = {} "
        "AND rolname NOT IN ({}) LOOP EXECUTE pg_catalog.format('ALTER ROLE %I NOLOGIN', name); "
        "END LOOP; END $shore$;\n",
        sql_text(kServiceMark), kept);
}

std::string database_groups_sql(std::string_view database) {
    return create_role_sql(owner_group(database)) + create_role_sql(reader_group(database));
}

std::string database_rights_sql(std::string_view database, const model::EngineSpec& spec) {
    const std::string name = sql_name(database);
    const std::string owner = sql_name(owner_group(database));
    const std::string reader = sql_name(reader_group(database));
    std::string sql = fmt::format("ALTER DATABASE {} OWNER TO {};\n", name, owner);
    sql += fmt::format("REVOKE ALL ON DATABASE {} FROM PUBLIC;\n", name);
    sql += fmt::format("GRANT CONNECT ON DATABASE {} TO {}, {}, {};\n", name, reader, kPoolRole,
                       kMonitorRole);
    sql += "REVOKE CREATE ON SCHEMA public FROM PUBLIC;\n";
    sql += fmt::format("GRANT USAGE, CREATE ON SCHEMA public TO {};\n", owner);
    // Tables that somebody else has made: adopted data, a person with psql.
    sql += fmt::format("GRANT ALL ON ALL TABLES IN SCHEMA public TO {};\n", owner);
    sql += fmt::format("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {};\n", owner);
    sql += fmt::format("GRANT USAGE ON SCHEMA public TO {};\n", reader);
    sql += fmt::format("GRANT SELECT ON ALL TABLES IN SCHEMA public TO {};\n", reader);
    sql += fmt::format("GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO {};\n", reader);
    // What the owners will make, wherever they make it.
    const std::string defaults = fmt::format("ALTER DEFAULT PRIVILEGES FOR ROLE {} GRANT ", owner);
    sql += fmt::format("{}USAGE ON SCHEMAS TO {};\n", defaults, reader);
    sql += fmt::format("{}SELECT ON TABLES TO {};\n", defaults, reader);
    sql += fmt::format("{}SELECT ON SEQUENCES TO {};\n", defaults, reader);
    sql += pool_question_sql();
    std::set<std::string> services;
    for (const model::EngineUser& user : spec.users) {
        services.insert(user.service);
    }
    for (const std::string& service : services) {
        sql += user_rights_sql(database, spec, service);
    }
    return sql;
}

Result<void> try_login_blocking(SqlTarget target, std::string_view role, std::string_view password,
                                std::string_view database) {
    target.user = role;
    target.password = password;
    target.database = database;
    if (auto client = SqlClient::connect_blocking(target, kLoginLimit); !client) {
        return fail(ErrorCode::kUnavailable, "{}", client.error().text());
    }
    return {};
}

Result<void> reconcile_roles_blocking(const SqlTarget& admin, const Assignment& assignment) {
    const model::EngineSpec& spec = assignment.spec;
    SHORE_TRY(SqlClient client, SqlClient::connect_blocking(admin, kLoginLimit));
    SHORE_CHECK(client.run_blocking(own_roles_sql(), kStatementLimit));
    for (const model::EngineUser& user : spec.users) {
        SHORE_CHECK(
            client.run_blocking(service_role_sql(role_name(user.service)), kStatementLimit));
    }
    SHORE_CHECK(client.run_blocking(stale_roles_sql(spec), kStatementLimit));
    for (const std::string& database : model::databases_of(spec)) {
        auto made = make_database(client, database);
        if (made) {
            made = settle_database(admin, database, spec);
        }
        if (!made) {
            return fail(std::move(made).error().with(fmt::format("database {}", database)));
        }
    }
    struct Own {
        std::string_view role;
        std::string_view user;
        std::string_view database;
    };
    const std::array<Own, 3> own = {{{kReplicationRole, kReplicationUser, "postgres"},
                                     {kPoolRole, kPoolUser, spec.postgres.database},
                                     {kMonitorRole, kMonitorUser, "postgres"}}};
    for (const Own& each : own) {
        SHORE_CHECK(set_password(client, admin, each.role, password_of(assignment, each.user),
                                 each.database));
    }
    for (const model::EngineUser& user : spec.users) {
        SHORE_CHECK(set_password(client, admin, role_name(user.service),
                                 password_of(assignment, user.service), user.database));
    }
    return {};
}

}  // namespace shore::engines
