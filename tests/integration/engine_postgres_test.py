"""PostgreSQL under its agents: first start, rights, settings, crashes; judged by psql, pg_controldata and promtool."""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from engine_case import AS_ROOT, PASSWORD, Refused, postgres_spec, wait_until  # noqa: E402
from engine_postgres_case import BIN, PostgresCase  # noqa: E402


class FirstStart(PostgresCase):
    def test_makes_a_server_with_checksums_and_scram_that_the_service_can_use(self):
        agent = self.postgres().start().wait_ready()
        agent.wait_user("api")
        self.assertEqual(self.sql(agent.port, "SELECT current_user, session_user"), "shop_owner|api")
        self.sql(agent.port, "CREATE TABLE cart (id int)")
        self.assertEqual(self.admin(agent, "SHOW data_checksums"), "on")
        self.assertEqual(self.admin(agent, "SELECT count(*) FROM pg_authid WHERE rolpassword !~ '^SCRAM-SHA-256'"), "0")
        socket_path = self.sockets / f".s.PGSQL.{agent.port}"
        self.assertTrue(socket_path.is_socket())
        self.assertEqual(self.data(agent).stat().st_mode & 0o777, 0o700)

    def test_keeps_passwords_out_of_arguments_environment_and_log(self):
        agent = self.postgres()
        # Known to nobody else on this machine: every process is looked at.
        agent.assignment["passwords"] = {user: os.urandom(16).hex() for user in agent.assignment["passwords"]}
        secrets = set(agent.assignment["passwords"].values())
        seen = []
        agent.start()

        def look():
            for entry in pathlib.Path("/proc").iterdir():
                try:
                    text = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
                except OSError:
                    continue
                seen.extend(secret for secret in secrets if secret.encode() in text)
            return agent.health()["ready"]
        wait_until(look, 60, "ready")
        self.assertEqual(seen, [])
        for secret in secrets:
            self.assertNotIn(secret, agent.log_text())
            self.assertNotIn(secret, json.dumps(agent.status()))
        for path in pathlib.Path(agent.assignment["data_directory"]).glob("*"):
            if path.is_file() and any(secret in path.read_text() for secret in secrets):
                self.assertEqual(path.stat().st_mode & 0o077, 0, path)

    def test_gives_rights_no_wider_than_asked_for(self):
        users = [{"service": "api", "database": "shop", "access": 1},
                 {"service": "report-job", "database": "shop", "access": 2},
                 {"service": "worker", "database": "shop", "access": 1},
                 {"service": "zoo", "database": "animals", "access": 1}]
        agent = self.postgres(postgres_spec(users)).start().wait_ready()
        for user in users:
            agent.wait_user(user["service"])
        self.sql(agent.port, "CREATE TABLE cart (id int); INSERT INTO cart VALUES (7)")
        self.assertEqual(self.sql(agent.port, "UPDATE cart SET id = id + 1 RETURNING id", "worker"), "8")
        self.sql(agent.port, "ALTER TABLE cart ADD name text", "worker")
        self.assertEqual(self.sql(agent.port, "SELECT id FROM cart", "report_job"), "8")
        for user, database, statement in (
                ("report_job", "shop", "INSERT INTO cart VALUES (1)"),
                ("report_job", "shop", "SET default_transaction_read_only = off; INSERT INTO cart VALUES (1)"),
                ("report_job", "shop", "CREATE TABLE mine (id int)"),
                ("report_job", "shop", "SELECT * FROM pg_authid"),
                ("api", "shop", "SELECT * FROM shore.user_lookup('worker')"),
                ("api", "animals", "SELECT 1"), ("zoo", "shop", "SELECT 1"),
                ("api", "postgres", "SELECT 1"), ("api", "template1", "SELECT 1"),
                ("api", "shop", "CREATE ROLE other"), ("api", "shop", "CREATE DATABASE other"),
                ("api", "shop", "COPY cart FROM PROGRAM 'id'"),
                ("shore_pool", "shop", "SELECT * FROM cart")):
            password = PASSWORD[::-1] if user.startswith("shore") else PASSWORD
            status, words = self.sql(agent.port, statement, user, database, password, check=False)
            self.assertNotEqual(status, 0, f"{user} in {database}: {statement}")
            self.assertRegex(words, "permission denied|read-only|must be superuser", statement)
        self.assertEqual(self.admin(agent, "SELECT count(*) FROM shore.user_lookup('shore_admin') WHERE phash IS NOT "
                                           "NULL", "shop"), "0")

    def test_begins_again_after_an_initdb_that_was_cut_off(self):
        agent = self.postgres()
        staging = pathlib.Path(agent.assignment["data_directory"]) / "data.new"
        staging.mkdir()
        (staging / "PG_VERSION").write_text("15\n")
        self.give(staging, staging / "PG_VERSION")
        agent.start().wait_ready()
        self.assertFalse(staging.exists())

    def test_adopts_data_made_by_others_and_overwrites_nothing(self):
        agent = self.postgres()
        directory = self.data(agent)
        made = self.as_server_user(f"{BIN}/initdb", "-D", str(directory), "-U", "somebody", "-A", "trust", "-k")
        self.assertEqual(made.returncode, 0, made.stderr)
        for database, statement in (("postgres", "CREATE DATABASE shop"),
                                    ("shop", "CREATE TABLE kept AS SELECT 42 AS answer")):
            single = self.as_server_user(f"{BIN}/postgres", "--single", "-D", str(directory), database,
                                         input=statement + "\n")
            self.assertEqual(single.returncode, 0, single.stderr)
        agent.start().wait_ready()
        agent.wait_user("api")
        # Its tables are somebody's, and the service works with them all the same.
        self.sql(agent.port, "UPDATE kept SET answer = answer + 1")
        self.assertEqual(self.sql(agent.port, "SELECT answer FROM kept"), "43")
        self.assertEqual(self.sql(agent.port, "SELECT current_user"), "shop_owner")

    def test_takes_a_new_password_for_the_superuser_and_the_services(self):
        agent = self.postgres().start().wait_ready()
        agent.wait_user("api")
        agent.stop()
        agent.assignment["passwords"] = {user: "f" * 32 for user in agent.assignment["passwords"]}
        agent.start().wait_ready()
        agent.wait_user("api")
        self.assertEqual(self.sql(agent.port, "SELECT 1", password="f" * 32), "1")
        self.assertEqual(self.sql(agent.port, "SELECT 1", "shore_admin", "postgres", "f" * 32), "1")


class Refusals(PostgresCase):
    def test_names_the_directory_that_its_user_may_not_pass(self):
        if not AS_ROOT:
            return  # Who runs the test passes its own directories.
        agent = self.postgres()
        (self.root / "run").mkdir(mode=0o700)
        agent.start()
        self.assertEqual(agent.wait_ended(20), 1)
        self.assertIn(f"{self.root}/run is closed to the user that the engine runs as: chmod o+x", agent.tail())

    """What cannot work ends the agent with words that say what to do, and touches nothing."""

    def refused(self, agent, *words):
        self.assertEqual(agent.start().wait_ended(), 1)
        for word in words:
            # The last line is what "shore status" shows.
            self.assertIn(word, agent.tail(1).replace('\\"', '"'))

    def test_data_of_another_version(self):
        agent = self.postgres()
        directory = self.data(agent)
        directory.mkdir(mode=0o700)
        (directory / "PG_VERSION").write_text("13\n")
        self.give(directory, directory / "PG_VERSION")
        self.refused(agent, "is of PostgreSQL 13", "pg_upgrade", "postgresql-13")
        self.assertEqual((directory / "PG_VERSION").read_text(), "13\n")

    def test_a_directory_that_is_no_data_directory(self):
        agent = self.postgres()
        directory = self.data(agent)
        directory.mkdir(mode=0o700)
        (directory / "photo.jpg").write_text("precious")
        self.give(directory, directory / "photo.jpg")
        self.refused(agent, "no data directory", "move it away")
        self.assertEqual((directory / "photo.jpg").read_text(), "precious")

    def test_a_port_that_is_taken(self):
        agent = self.postgres()
        with socket.create_server(("127.0.0.1", agent.port)):
            self.refused(agent, f"port {agent.port}", "is taken by another program")
        agent.start().wait_ready()

    def test_settings_that_the_server_refuses(self):
        for settings, words in (
                ({"work_men": "4MB"}, ["unrecognized configuration parameter", "work_men"]),
                ({"max_wal_senders": "many"}, ["invalid value for parameter", "max_wal_senders"]),
                ({"port": "5432"}, ["settings.port is Shore's own"]),
                ({"max_connections": "10"}, ["settings.max_connections is 10, but 45 are needed"])):
            self.refused(self.postgres(postgres_spec(settings=settings)), *words)

    def test_a_check_of_settings_names_the_nearest(self):
        agent = self.postgres().start().wait_ready()
        for settings, words in (({"work_men": "4MB"}, 'PostgreSQL has no setting work_men, did you mean "work_mem"?'),
                                ({"work_mem": "4XB"}, 'settings: invalid value for parameter "work_mem": "4XB"; Valid '
                                                      'units for this parameter are "B"')):
            with self.assertRaises(Refused) as refused:
                agent.ask("POST", "/check", postgres_spec(settings=settings))
            self.assertIn(words, refused.exception.answer["error"])
            self.assertNotIn("postgresql.conf", refused.exception.answer["error"])

    def test_memory_that_cannot_hold_the_connections(self):
        self.refused(self.postgres(postgres_spec(memory=64 << 20)), "64M of memory cannot hold 45 connections",
                     "raise deploy.resources.limits.memory to")

    def test_an_extension_that_is_not_installed(self):
        self.refused(self.postgres(postgres_spec(extensions=["vector"])), "extension vector is not installed",
                     "apt-get install postgresql-15-pgvector")
        self.refused(self.postgres(postgres_spec(extensions=["pg_trigram"])), 'did you mean "pg_trgm"?')

    def test_root(self):
        if not AS_ROOT:
            return  # Nobody here is root: nothing to refuse.
        agent = self.postgres()
        agent.write()
        done = subprocess.run([self.shore, "engine", str(agent.run_directory)], capture_output=True, text=True,
                              timeout=30)
        self.assertEqual(done.returncode, 1)
        self.assertIn("does not run as root", done.stderr)

    def test_a_disk_that_is_full(self):
        agent = self.postgres().start().wait_ready()
        agent.stop()
        # A directory on a file system without room: no file can grow on /dev/full's, so a small one is mounted.
        mount = ["mount", "-t", "tmpfs", "-o", "size=160m,mode=0700", "tmpfs", agent.assignment["data_directory"]]
        copy = self.root / "copy"
        shutil.copytree(agent.assignment["data_directory"], copy)
        if not AS_ROOT or subprocess.run(mount, capture_output=True).returncode != 0:
            return  # Mounting is not permitted here.
        try:
            self.give(pathlib.Path(agent.assignment["data_directory"]))
            subprocess.run(["cp", "-rp", str(copy / "data"), agent.assignment["data_directory"]], check=True)
            subprocess.run(["chown", "-R", self.user, agent.assignment["data_directory"]], check=True)
            filler = pathlib.Path(agent.assignment["data_directory"]) / "filler"
            room = os.statvfs(filler.parent)
            with open(filler, "wb") as file:
                os.posix_fallocate(file.fileno(), 0, room.f_bavail * room.f_frsize - (10 << 20))
            self.refused(agent, "the disk under", "is full", "free some space")
            filler.unlink()
            agent.start().wait_ready()
            agent.wait_user("api")
            # Full while it runs: the statement fails, the server and its data live.
            self.sql(agent.port, "CREATE TABLE big (x text); ALTER TABLE big ALTER x SET STORAGE EXTERNAL")
            status, words = self.sql(agent.port, "INSERT INTO big SELECT repeat(md5(i::text), 100) FROM "
                                                 "generate_series(1, 200000) i", check=False)
            self.assertNotEqual(status, 0)
            self.assertRegex(words, "No space left|server closed|recovery mode")
            if agent.process.poll() is not None or not agent.health()["ready"]:
                agent.wait_ended()
                agent.start().wait_ready()
            self.assertEqual(self.sql(agent.port, "SELECT count(*) FROM big"), "0")
        finally:
            agent.stop()
            subprocess.run(["umount", agent.assignment["data_directory"]], check=True)


class Changes(PostgresCase):
    def test_reloads_what_can_be_reloaded_and_restarts_for_the_rest_with_clients_held(self):
        spec = postgres_spec()
        server, pool = self.start_both(spec)
        first = self.postmaster(server)
        server.change(lambda spec: spec["postgres"]["settings"].update(work_mem="7MB"))
        wait_until(lambda: self.admin(server, "SHOW work_mem") == "7MB", 20, "the new work_mem")
        self.assertEqual(self.postmaster(server), first)
        load = subprocess.Popen(
            ["pgbench", "-h", "127.0.0.1", "-p", str(pool.port), "-U", "api", "-n", "-c", "20", "-T", "6", "-f",
             "/dev/stdin", "shop"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={"PGPASSWORD": PASSWORD, "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"})
        load.stdin.write("SELECT pg_sleep(0.002);\n")
        load.stdin.close()
        wait_until(lambda: pool.status()["clients"]["active"] >= 20, 20, "the load")
        server.change(lambda spec: spec["postgres"]["settings"].update(max_locks_per_transaction="128"))
        wait_until(lambda: self.sql_or_none(server, "SHOW max_locks_per_transaction") == "128", 30, "the restart")
        self.assertNotEqual(self.postmaster(server), first)
        output, words = load.stdout.read(), load.stderr.read()
        self.assertEqual(load.wait(30), 0, words)
        self.assertIn("number of failed transactions: 0", output)

    def test_leaves_everything_as_it_was_when_the_server_refuses(self):
        agent = self.postgres().start().wait_ready()
        first = self.postmaster(agent)
        agent.change(lambda spec: spec["postgres"]["settings"].update(work_mem="plenty"))
        wait_until(lambda: "the new settings are not in force" in agent.log_text(), 20, "the refusal")
        self.assertIn("invalid value for parameter", agent.log_text())
        self.assertEqual(self.postmaster(agent), first)
        self.assertEqual(self.admin(agent, "SELECT count(*) FROM pg_file_settings WHERE error IS NOT NULL"), "0")

    def test_goes_back_when_the_server_does_not_start_with_them(self):
        agent = self.postgres().start().wait_ready()
        agent.wait_user("api")
        agent.change(lambda spec: spec["postgres"]["settings"].update(shared_preload_libraries="no_such_library"))
        wait_until(lambda: "the new settings are not in force" in agent.log_text(), 30, "the refusal")
        agent.wait_ready()
        self.assertEqual(self.sql(agent.port, "SELECT 1"), "1")

    def test_takes_new_services_databases_and_extensions_and_drops_the_login_of_old_ones(self):
        agent = self.postgres().start().wait_ready()
        agent.wait_user("api")
        agent.assignment["passwords"]["shipping"] = PASSWORD

        def change(spec):
            spec["users"] = [{"service": "shipping", "database": "parcels", "access": 1}]
            spec["postgres"]["extensions"] = ["pg_trgm"]
        agent.change(change)
        agent.wait_user("shipping")
        self.assertEqual(self.sql(agent.port, "SELECT similarity('a', 'a')", "shipping", "parcels"), "1")
        status, words = self.sql(agent.port, "SELECT 1", check=False)
        self.assertIn("is not permitted to log in", words)
        self.assertEqual(agent.request("GET", "/users/api")[0], 404)


class Crashes(PostgresCase):
    def test_kill_9_of_the_server_is_recovered_by_the_next_start(self):
        agent = self.postgres().start().wait_ready()
        agent.wait_user("api")
        self.sql(agent.port, "CREATE TABLE t AS SELECT 1 AS a")
        os.kill(self.postmaster(agent), signal.SIGKILL)
        self.assertEqual(agent.wait_ended(10), 1)
        self.assertIn("PostgreSQL has ended by itself (killed by SIGKILL)", agent.tail())
        agent.kill_all()
        agent.start().wait_ready(20)
        self.assertEqual(self.sql(agent.port, "SELECT a FROM t"), "1")

    def test_kill_9_of_the_agent_ends_the_server_in_order_and_the_next_takes_over(self):
        agent = self.postgres().start().wait_ready()
        agent.wait_user("api")
        self.sql(agent.port, "CREATE TABLE t AS SELECT 1 AS a")
        agent.process.kill()
        agent.process.wait(10)
        agent.start().wait_ready(40)
        self.assertEqual(self.sql(agent.port, "SELECT a FROM t"), "1")

    def test_a_pid_file_that_names_another_program_is_no_obstacle(self):
        agent = self.postgres().start().wait_ready()
        agent.stop()
        path = self.data(agent) / "postmaster.pid"
        path.write_text(f"{os.getpid()}\n{self.data(agent)}\n1\n{agent.port}\n\n\n\n")
        lock = self.sockets / f".s.PGSQL.{agent.port}.lock"
        lock.write_text(f"{os.getppid()}\n{self.data(agent)}\n1\n{agent.port}\n{self.sockets}\n")
        self.give(path, lock)
        agent.start().wait_ready()

    def test_rights_of_the_data_directory_are_repaired_or_told(self):
        agent = self.postgres().start().wait_ready()
        agent.stop()
        self.data(agent).chmod(0o777)
        agent.start().wait_ready()
        self.assertEqual(self.data(agent).stat().st_mode & 0o777, 0o700)
        agent.stop()
        if AS_ROOT:
            os.chown(self.data(agent), 0, 0)
            self.assertEqual(agent.start().wait_ended(), 1)
            self.assertIn("belongs to user 0", agent.tail())
            self.assertIn("chown -R", agent.tail())

    def test_sigterm_shuts_down_cleanly_also_while_it_starts(self):
        agent = self.postgres().start()
        wait_until(lambda: agent.health()["detail"] != "no answer", 10, "the agent")
        agent.process.terminate()
        self.assertEqual(agent.wait_ended(30), 0)
        agent.start().wait_ready()
        self.assertEqual(agent.stop(), 0)
        text = self.as_server_user(f"{BIN}/pg_controldata", str(self.data(agent))).stdout
        self.assertIn("shut down\n", text)


class Answers(PostgresCase):
    def test_status_views_and_metrics(self):
        agent = self.postgres().start().wait_ready()
        agent.wait_user("api")
        self.sql(agent.port, "CREATE TABLE big AS SELECT i FROM generate_series(1, 5000) i")
        for _ in range(12):
            self.sql(agent.port, "SELECT count(*) FROM big WHERE i = 4")
        self.sql(agent.port, "ANALYZE big")
        status = agent.status()
        self.assertEqual((status["role"], status["version"][:3]), ("primary", "15."))
        self.assertEqual(status["connections"]["max"], 45)
        self.assertIn("shop", [database["name"] for database in status["databases"]])
        top = [row for row in agent.view("queries") if "FROM big WHERE" in row["query"]]
        self.assertEqual((top[0]["calls"], top[0]["service"]), (12, "api"))
        wait_until(lambda: agent.view("indexes"), 20, "a missing index")
        self.assertEqual(agent.view("indexes")[0]["table"], "public.big")
        self.assertEqual(next(row for row in agent.view("settings") if row["name"] == "work_mem")["changes_by"],
                         "reload")
        agent.view("activity"), agent.view("replicas")
        with self.assertRaises(Refused) as refused:
            agent.view("querys")
        self.assertIn('did you mean "queries"?', refused.exception.answer["error"])
        status, text = agent.request("GET", "/metrics")
        judged = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
        self.assertEqual((judged.returncode, judged.stdout + judged.stderr), (0, ""))

    def test_queries_name_the_service_also_where_two_share_a_database_and_hint_at_missing_indexes(self):
        users = [{"service": name, "database": "shop", "access": 1} for name in ("api", "worker")]
        agent = self.postgres(postgres_spec(users)).start().wait_ready()
        for user in users:
            agent.wait_user(user["service"])
        self.sql(agent.port, "CREATE TABLE big AS SELECT i FROM generate_series(1, 5000) i; ANALYZE big")
        for _ in range(12):
            self.sql(agent.port, "SELECT count(*) FROM big WHERE i = 4")

        def service(text):
            return next((row["service"] for row in agent.view("queries") if text in row["query"]), None)
        self.assertEqual(service("FROM big WHERE"), "api or worker")
        busy = self.bench(agent.port, "SELECT pg_sleep(0.3);\n", "-c", "1", "-T", "6", user="worker")
        wait_until(lambda: service("SELECT pg_sleep") == "worker", 10, "the service by name")
        notes = agent.ask("GET", "/views/queries")["notes"]
        self.assertTrue([note for note in notes if note.startswith("shop: public.big was read whole 12 times")], notes)
        self.finish(busy)

    def test_each_value_of_the_configuration_gives_its_reason(self):
        agent = self.postgres().start().wait_ready()
        lines = (pathlib.Path(agent.assignment["data_directory"]) / "postgresql.conf").read_text().splitlines()
        for before, line in zip(lines, lines[1:]):
            if " = " in line and not line.startswith("#"):
                self.assertTrue(before.startswith("# "), line)


if __name__ == "__main__":
    unittest.main()
