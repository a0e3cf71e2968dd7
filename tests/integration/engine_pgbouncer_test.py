"""The connection pool under its agent: limits, rights, pauses, crashes of PostgreSQL behind it."""
import ctypes
import errno
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from engine_case import PASSWORD, Refused, postgres_spec, second, wait_until  # noqa: E402
from engine_postgres_case import PostgresCase  # noqa: E402

CLIENTS = pathlib.Path(__file__).resolve().parents[1] / "clients"


PIDFD_GETFD = 438  # On every architecture.


def forbid_copying_descriptors():
    """For this process and its children: pidfd_getfd(2) fails with EPERM, as kernel.yama.ptrace_scope does it."""
    class Filter(ctypes.Structure):
        _fields_ = [("code", ctypes.c_ushort), ("jt", ctypes.c_ubyte), ("jf", ctypes.c_ubyte), ("k", ctypes.c_uint)]

    class Program(ctypes.Structure):
        _fields_ = [("len", ctypes.c_ushort), ("filter", ctypes.POINTER(Filter))]
    load, equal, answer = 0x20, 0x15, 0x06
    steps = (Filter * 4)(Filter(load, 0, 0, 0), Filter(equal, 0, 1, PIDFD_GETFD),
                         Filter(answer, 0, 0, 0x50000 | errno.EPERM), Filter(answer, 0, 0, 0x7FFF0000))
    libc = ctypes.CDLL(None, use_errno=True)
    no_new_privileges, seccomp, by_filter = 38, 22, 2
    if libc.prctl(no_new_privileges, 1, 0, 0, 0) or libc.prctl(seccomp, by_filter, ctypes.byref(Program(4, steps))):
        raise OSError(ctypes.get_errno(), "seccomp")


class Pool(PostgresCase):
    def most_connections(self, server, stop):
        """The most connections that services had at one moment, by looking until `stop` is set."""
        most = 0
        while not stop.is_set():
            most = max(most, int(self.admin(
                server, "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND usename "
                        "NOT IN ('shore_admin', 'shore_monitor')")))
        return most

    def watched(self, server, action):
        """(what action() gave, the most connections meanwhile)."""
        stop, seen = threading.Event(), []
        watcher = threading.Thread(target=lambda: seen.append(self.most_connections(server, stop)))
        watcher.start()
        try:
            result = action()
        finally:
            stop.set()
            watcher.join()
        return result, seen[0]

    def test_serves_many_clients_on_few_connections_of_all_users_and_databases_together(self):
        users = [{"service": "api", "database": "shop", "access": 1},
                 {"service": "worker", "database": "shop", "access": 1},
                 {"service": "zoo", "database": "animals", "access": 1}]
        server, pool = self.start_both(postgres_spec(users, pool={"size": 12, "clients": 400}))

        def load():
            for bench in [self.bench(pool.port, "BEGIN; SELECT pg_sleep(0.001); COMMIT;\n", "-c", "60", "-j", "2",
                                     "-t", "20", user=user, database=database)
                          for user, database in (("api", "shop"), ("worker", "shop"), ("zoo", "animals"),
                                                 ("api", "shop_read"))]:
                self.finish(bench)
        _, most = self.watched(server, load)
        self.assertGreater(most, 6)
        self.assertLessEqual(most, 12)

    def test_npm_pg_works_through_it_with_parameters_and_transactions(self):
        server, pool = self.start_both(postgres_spec(pool={"size": 10}))
        self.sql(server.port, "CREATE TABLE visits (client int, n int)")
        url = f"postgresql://api:{PASSWORD}@127.0.0.1:{pool.port}/shop"
        done = subprocess.run(["node", str(CLIENTS / "pg_pool.mjs"), url, "200", "5"], capture_output=True, text=True,
                              timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout), {"committed": 1000, "failed": 0, "words": [], "rows": 1000})

    def test_a_busy_role_leaves_others_a_connection(self):
        users = [{"service": name, "database": "shop", "access": 1} for name in ("api", "worker")]
        _, pool = self.start_both(postgres_spec(users, pool={"size": 5}))
        busy = self.bench(pool.port, "SELECT pg_sleep(0.05);\n", "-c", "40", "-T", "5")
        wait_until(lambda: pool.status()["clients"]["waiting"] > 10, 20, "a queue")
        began = time.monotonic()
        self.assertEqual(self.sql(pool.port, "SELECT 1", "worker"), "1")
        self.assertLess(time.monotonic() - began, 2)
        self.finish(busy)

    def test_knows_roles_by_the_servers_verifiers_and_others_by_asking(self):
        server, pool = self.start_both(postgres_spec())
        self.assertEqual(self.sql(pool.port, "SELECT current_user"), "shop_owner")
        self.assertEqual(self.sql(pool.port, "SELECT 1", database="shop_read"), "1")
        self.admin(server, "CREATE ROLE guest LOGIN PASSWORD 'knock'; GRANT CONNECT ON DATABASE shop TO guest")
        self.assertEqual(self.sql(pool.port, "SELECT current_user", "guest", password="knock"), "guest")
        for user, password in (("api", "wrong"), ("shore_admin", PASSWORD[::-1]), ("nobody", "x")):
            status, words = self.sql(pool.port, "SELECT 1", user, password=password, check=False)
            self.assertNotEqual(status, 0, user)
            self.assertNotIn("SCRAM", words)

    def test_ends_statements_that_take_too_long_and_clients_that_wait_too_long(self):
        _, pool = self.start_both(postgres_spec(pool={"size": 2, "statement_timeout_ns": second(),
                                                      "wait_ns": 2 * second()}))
        _, words = self.sql(pool.port, "SELECT pg_sleep(5)", check=False)
        self.assertIn("statement timeout", words)
        pool.act("pause")
        _, words = self.sql(pool.port, "SELECT 1", check=False)
        self.assertIn("query_wait_timeout", words)
        pool.act("resume")
        self.assertEqual(self.sql(pool.port, "SELECT 1"), "1")

    def test_holds_clients_while_paused_and_lets_them_go_on(self):
        _, pool = self.start_both(postgres_spec())
        bench = self.bench(pool.port, "SELECT 1;\n", "-c", "10", "-T", "4")
        wait_until(lambda: pool.status()["clients"]["active"] >= 10, 20, "the load")
        self.assertEqual(pool.act("pause"), {"paused": True})
        self.assertIn("shore pool resume", pool.ask("GET", "/views/pools")["notes"][0])
        wait_until(lambda: pool.status()["clients"]["waiting"] == 10, 20, "ten who wait")
        self.assertEqual(pool.status()["servers"]["active"], 0)
        self.assertEqual(pool.act("resume"), {"paused": False})
        self.finish(bench)

    def test_holds_clients_through_a_restart_of_the_server(self):
        server, pool = self.start_both(postgres_spec())
        bench = self.bench(pool.port, "BEGIN; SELECT pg_sleep(0.001); COMMIT;\n", "-c", "50", "-j", "2", "-T", "5")
        wait_until(lambda: pool.status()["clients"]["active"] >= 10, 20, "the load")
        first = self.postmaster(server)
        server.act("restart")
        self.assertNotEqual(self.postmaster(server), first)
        self.finish(bench)

    def test_clients_that_wait_when_the_server_is_killed_finish(self):
        server, pool = self.start_both(postgres_spec(pool={"size": 4}))
        self.sql(server.port, "CREATE TABLE done (client int, n int)")
        # Forty clients on few connections: most of them wait at any moment.
        bench = self.bench(pool.port, "INSERT INTO done VALUES (:client_id, 1);\n", "-c", "40", "-j", "2", "-T", "8",
                           "--log", f"--log-prefix={self.root}/acknowledged")
        wait_until(lambda: int(self.sql(server.port, "SELECT count(*) FROM done")) > 200, 20, "rows")
        os.kill(self.postmaster(server), signal.SIGKILL)
        began = time.monotonic()
        server.wait_ended(10)
        server.kill_all()
        server.start().wait_ready(20)
        wait_until(lambda: pool.status()["primary"] == 1 and not pool.status()["paused"], 10, "the pool")
        print(f"  ready again after {time.monotonic() - began:.2f} s", file=sys.stderr)
        output, words = bench.communicate(timeout=60)
        lost = words.count("aborted")
        print(f"  {lost} of 40 clients had a connection", words.splitlines()[:2], file=sys.stderr)
        acknowledged = sum(len(path.read_text().splitlines()) for path in self.root.glob("acknowledged*"))
        self.assertGreaterEqual(int(self.sql(server.port, "SELECT count(*) FROM done")), acknowledged)
        self.assertLessEqual(lost, 8)

    def test_clients_wait_too_when_one_process_of_the_server_crashes(self):
        server, pool = self.start_both(postgres_spec(pool={"size": 4}))
        idle = [self.console(pool.port) for _ in range(5)]
        load = self.bench(pool.port, "SELECT 1;\n", "-c", "20", "-T", "60")
        self.addCleanup(lambda: (load.kill(), load.communicate()))
        wait_until(lambda: pool.status()["clients"]["active"] >= 4, 20, "the load")
        os.kill(int(self.admin(server, "SELECT pid FROM pg_stat_activity WHERE usename = 'api' LIMIT 1")),
                signal.SIGKILL)
        self.assertEqual(server.wait_ended(10), 1)
        wait_until(lambda: pool.status()["primary"] is None, 10, "the pool")
        # The server refused logins before it ended: PgBouncer would fail who asks.
        wait_until(lambda: pool.status()["paused"] or pool.status()["clients"]["waiting"] > 0, 10, "clients that wait")
        for client in idle:
            client.stdin.write("SELECT 7;\n")
            client.stdin.flush()
        server.kill_all()
        server.start().wait_ready(20)
        for client in idle:
            output, words = client.communicate(timeout=20)
            self.assertEqual(output, "7\n", words)

    def test_clients_are_held_by_a_pause_where_the_kernel_forbids_to_keep_the_servers_socket(self):
        server, pool = self.start_both(postgres_spec(pool={"size": 4}), forbid_copying_descriptors)
        wait_until(lambda: "the primary's socket cannot be kept" in pool.tail(), 10, "a line in the log")
        self.assertFalse(pool.status()["primary_socket_kept"])
        self.assertIn("shore_pgbouncer_primary_socket_kept 0\n", pool.request("GET", "/metrics")[1])
        idle = [self.console(pool.port) for _ in range(5)]
        for _ in range(2):  # It is so with the next primary too.
            os.kill(self.postmaster(server), signal.SIGKILL)
            wait_until(lambda: pool.status()["paused"], 10, "a pause")
            self.assertIsNone(pool.status()["primary"])
            for client in idle:
                client.stdin.write("SELECT 7;\n")
                client.stdin.flush()
            wait_until(lambda: self.waiting(pool) == len(idle), 10, "clients that wait")
            server.wait_ended(10)
            server.kill_all()
            server.start().wait_ready(20)
            for client in idle:
                self.assertEqual(client.stdout.readline(), "7\n")
            self.assertFalse(pool.status()["paused"])
        for client in idle:
            output, words = client.communicate(timeout=20)
            self.assertEqual((output, words), ("", ""))

    def test_nobody_is_paused_where_the_servers_socket_is_kept(self):
        server, pool = self.start_both(postgres_spec(pool={"size": 4}))
        wait_until(lambda: pool.status()["primary_socket_kept"], 10, "the socket")
        self.assertIn("shore_pgbouncer_primary_socket_kept 1\n", pool.request("GET", "/metrics")[1])
        client = self.console(pool.port)
        os.kill(self.postmaster(server), signal.SIGKILL)
        wait_until(lambda: pool.status()["primary"] is None, 10, "the end")
        client.stdin.write("SELECT 7;\n")
        client.stdin.flush()
        wait_until(lambda: self.waiting(pool) == 1, 10, "one who waits")
        self.assertFalse(pool.status()["paused"])
        # The agent asks whether clients fail, each time as one of them, and stops asking.
        wait_until(lambda: pool.status()["wait_seconds"] >= 7, 20, "one who has waited long")
        self.assertLess(pool.status()["clients"]["waiting"], 10)
        server.wait_ended(10)
        server.kill_all()
        server.start().wait_ready(20)
        output, words = client.communicate(timeout=20)
        self.assertEqual((output, words), ("7\n", ""))

    @staticmethod
    def waiting(pool):
        """Clients that wait, without those by which the agent asks whether clients fail."""
        return sum(client["state"] == "waiting" and client["application_name"] == "psql"
                   for client in pool.view("clients"))

    def console(self, port):
        """A psql that has asked once and is idle; what it is told next goes to its stdin."""
        client = subprocess.Popen(
            ["psql", "-X", "-A", "-t", "-q", "-h", "127.0.0.1", "-p", str(port), "-U", "api", "-d", "shop"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=self.client_environment())
        self.addCleanup(lambda: (client.kill(), client.wait()))
        client.stdin.write("SELECT 1;\n")
        client.stdin.flush()
        self.assertEqual(client.stdout.readline(), "1\n")
        return client

    def test_clients_that_come_while_there_is_no_server_wait_for_it(self):
        server, pool = self.start_both(postgres_spec())
        self.assertEqual(self.sql(pool.port, "SELECT 1"), "1")
        server.stop()
        late = subprocess.Popen(
            ["psql", "-X", "-A", "-t", "-h", "127.0.0.1", "-p", str(pool.port), "-U", "api", "-d", "shop", "-c",
             "SELECT 7"], stdout=subprocess.PIPE, text=True, env=self.client_environment())
        wait_until(lambda: pool.status()["clients"]["waiting"] == 1, 20, "one who waits")
        server.start().wait_ready()
        self.assertEqual(late.communicate(timeout=30)[0].strip(), "7")

    def test_reloads_a_changed_size(self):
        spec = postgres_spec()
        _, pool = self.start_both(spec)
        pool.change(lambda spec: spec["pool"].update(size=9))
        wait_until(lambda: sum(row["max_connections"] for row in pool.view("databases")) == 9, 20, "the new size")

    def test_refuses_a_size_that_is_too_small(self):
        users = [{"service": f"s{number}", "database": "shop", "access": 1} for number in range(4)]
        pool = self.pool(postgres_spec(users, pool={"size": 4}))
        self.assertEqual(pool.start().wait_ended(), 1)
        self.assertIn("pool.size 4 is too small: roles that need a connection: 4", pool.tail())

    def test_views_actions_and_metrics(self):
        _, pool = self.start_both(postgres_spec())
        self.sql(pool.port, "SELECT 1")
        for name in ("pools", "stats", "clients", "servers", "databases"):
            pool.view(name)
        self.assertEqual(pool.act("kill", {"database": "shop"}), {"killed": "shop"})
        self.assertEqual(self.sql(pool.port, "SELECT 1"), "1")
        with self.assertRaises(Refused):
            pool.act("explode")
        _, text = pool.request("GET", "/metrics")
        self.assertIn("shore_pgbouncer_transactions_total", text)
        judged = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
        self.assertEqual((judged.returncode, judged.stdout + judged.stderr), (0, ""))


if __name__ == "__main__":
    unittest.main()
