"""Redis under its agents: one server alone; three servers, three sentinels and the endpoint, with clients that others
wrote; TLS. Failures are in engine_redis_failover_test.py."""
import json
import os
import pathlib
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from redis_case import EngineCase, HighlyAvailable, Writer  # noqa: E402
from redis_engine import (APP, APP_PASSWORD, READER, READER_PASSWORD, Redis, RedisEngine,  # noqa: E402
                          RedisError, make_certificate, wait_until)

CLIENTS = pathlib.Path(__file__).resolve().parent.parent / "clients"


class OneServer(EngineCase):
    @classmethod
    def setUpClass(cls):
        cls.engine = RedisEngine(replicas=0, commands_disabled=["FLUSHALL"])
        cls.engine.start()
        cls.server = cls.engine.servers[0]

    def setUp(self):
        wait_until("the server is ready", self.server.is_ready)

    def test_users_may_what_their_access_allows(self):
        with self.engine.client() as web:
            self.assertEqual(web.ask("SET", "a", "1"), "OK")
            self.assertIn(b"redis_version", web.ask("INFO"))
            for command in ("CONFIG GET dir", "SHUTDOWN", "BGSAVE", "FLUSHALL", "ACL LIST", "REPLICAOF NO ONE"):
                self.fails("NOPERM", web, *command.split())
        with self.engine.client(user=READER, password=READER_PASSWORD) as reader:
            self.assertEqual(reader.ask("GET", "a"), b"1")
            self.fails("NOPERM", reader, "SET", "a", "2")
        with self.server.redis(user=None) as nobody:
            self.fails("NOAUTH", nobody, "GET", "a")

    def test_tells_what_it_is(self):
        status = self.server.get("/status")
        self.assertEqual((status["role"], status["port"]), ("primary", self.server.port))
        self.assertEqual(self.server.get("/health"), {"ready": True, "detail": "primary"})
        self.assertEqual(self.server.ask("GET", f"/users/{APP}")[0], 200)
        self.assertEqual(self.server.ask("GET", "/users/other")[0], 404)
        self.assertIn("shore_redis_up 1", self.server.get("/metrics"))
        for name in ("slowlog", "clients", "keyspace", "replicas"):
            self.assertIn("columns", self.server.get(f"/views/{name}"))
        self.assertEqual(self.server.ask("GET", "/views/other")[0], 404)
        self.assertEqual(self.server.ask("POST", "/actions/save")[0], 200)

    def test_a_secret_is_in_no_log_and_no_argument(self):
        with open(self.server.log) as log:
            self.assertNotIn(APP_PASSWORD, log.read())
        with open(f"/proc/{self.server.child()}/cmdline") as arguments:
            self.assertNotIn("0000", arguments.read())

    def change(self, **options):
        self.engine.options.update(options)
        self.server.write_assignment()
        os.kill(self.server.process.pid, signal.SIGHUP)

    def setting(self, name):
        try:
            with self.server.redis() as admin:
                return admin.ask("CONFIG", "GET", name)[1].decode()
        except (OSError, RedisError):
            return None

    def test_a_setting_is_applied_while_it_runs(self):
        pid = self.server.child()
        self.change(memory=128 << 20, evictable=True, settings={"hz": "20"})
        wait_until("hz 20", lambda: self.setting("hz") == "20")
        self.assertEqual(self.setting("maxmemory"), str(128 << 20))
        self.assertEqual(self.setting("maxmemory-policy"), "allkeys-lru")
        self.assertEqual(self.server.child(), pid)

    def test_a_setting_that_needs_a_restart_gets_one_and_data_stays(self):
        with self.engine.client() as web:
            web.ask("SET", "kept", "yes")
        pid = self.server.child()
        self.change(settings={"databases": "4"})
        wait_until("four databases", lambda: self.setting("databases") == "4" and self.server.is_ready())
        self.assertNotEqual(self.server.child(), pid)
        with self.engine.client() as web:
            self.assertEqual(web.ask("GET", "kept"), b"yes")

    def test_a_wrong_setting_changes_nothing(self):
        before = self.setting("maxmemory")
        self.change(memory=64 << 20, settings={"no-such-setting": "1"})
        wait_until("the refusal", lambda: "no-such-setting" in pathlib.Path(self.server.log).read_text())
        self.assertEqual(self.setting("maxmemory"), before)
        self.change(memory=int(before), settings={"hz": "30"})
        wait_until("hz 30", lambda: self.setting("hz") == "30")

    def test_a_new_user_can_log_in(self):
        open_before = self.engine.client()
        self.engine.users.append({"service": "late", "database": "", "access": 1})
        self.engine.passwords["late"] = "late" + "0" * 28
        self.change()
        wait_until("the user", lambda: self.server.ask("GET", "/users/late")[0] == 200)
        with open_before:
            self.assertEqual(open_before.ask("PING"), "PONG")
        with Redis(self.server.port, user="late", password="late" + "0" * 28) as late:
            self.assertEqual(late.ask("PING"), "PONG")

    def test_kill_9_loses_nothing(self):
        with self.engine.client() as web:
            web.pipeline([("SET", f"k{i}", i) for i in range(1000)])
        pid = self.server.child()
        self.server.kill_child()
        wait_until("another server", lambda: self.server.child() not in (None, pid) and self.server.is_ready())
        with self.engine.client() as web:
            self.assertEqual(web.ask("GET", "k999"), b"999")


class Protocol(HighlyAvailable):
    """Through the endpoint everything is as at the server itself."""

    SCRIPT = [
        ("SET", "a", "1"), ("GET", "a"), ("GET", "none"), ("INCR", "a"), ("LPUSH", "l", "1", "2"),
        ("LRANGE", "l", 0, -1),
        ("HSET", "h", "f", "v", "g", "w"), ("HGETALL", "h"), ("ZADD", "z", "1.5", "m"), ("ZSCORE", "z", "m"),
        ("SADD", "s", "x"), ("SMEMBERS", "s"), ("NOSUCH", "x"), ("GET",), ("LPUSH", "a", "wrong"), ("MULTI",),
        ("INCR", "a"), ("GET", "a"), ("EXEC",), ("MULTI",), ("NOSUCH",), ("EXEC",), ("MULTI",), ("DISCARD",), ("EXEC",),
        ("WATCH", "a"), ("MULTI",), ("SET", "a", "5"), ("EXEC",), ("SELECT", 3), ("SET", "b", "2"), ("SELECT", 0),
        ("GET", "b"), ("EVAL", "return {1,{2,'x'},false,redis.status_reply('fine')}", 0),
        ("EVAL", "return redis.call('set',KEYS[1],'lua')", 1, "k"), ("GET", "k"), ("BLPOP", "l", 1), ("BLPOP", "l", 1),
        ("CLIENT", "SETNAME", "me"), ("CLIENT", "GETNAME"), ("XADD", "x", "1-1", "f", "v"), ("XRANGE", "x", "-", "+"),
        ("OBJECT", "ENCODING", "a"), ("TYPE", "z"), ("SCAN", 0, "COUNT", 100), ("EXPIRE", "a", 100), ("TTL", "a"),
        ("GETSET", "a", "9"), ("MSET", "p", "1", "q", "2"), ("MGET", "p", "q", "r"), ("PING", "hello"), ("ECHO", ""),
        ("SUBSCRIBE", "c1", "c2"), ("UNSUBSCRIBE",), ("PSUBSCRIBE", "c*"), ("PUNSUBSCRIBE", "c*"), ("UNSUBSCRIBE",),
        ("CLIENT", "REPLY", "SKIP"), ("SET", "silent", "1"), ("GET", "silent"), ("CLIENT", "REPLY", "OFF"),
        ("SET", "silent", "2"), ("CLIENT", "REPLY", "ON"), ("GET", "silent"), ("RESET",), ("AUTH", APP, APP_PASSWORD),
        ("DBSIZE",), ("QUIT",),
    ]

    def raw(self, port, script, piece):
        """Everything the server sends in answer to the script, which is sent in pieces of that many bytes."""
        with Redis(port, user=APP, password=APP_PASSWORD) as client:
            sent = b"".join(client.encode(*command) for command in script)
            received = []
            reader = threading.Thread(target=lambda: received.append(client.file.read()))
            reader.start()
            for at in range(0, len(sent), piece):
                client.socket.sendall(sent[at:at + piece])
            reader.join(30)
            return received[0]

    def judge(self):
        environment = dict(os.environ, PORT=str(self.engine.endpoint.port), USERNAME=APP, PASSWORD=APP_PASSWORD,
                           CA_FILE=self.engine.ca or "",
                           SENTINELS=json.dumps([{"host": "127.0.0.1", "port": sentinel.port}
                                                 for sentinel in self.engine.sentinels]))
        answer = subprocess.run(["node", "ioredis_judge.mjs"], cwd=CLIENTS, env=environment, capture_output=True,
                                text=True, timeout=60)
        self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)

    def check(self, script):
        expected = self.raw(self.engine.primary().port, script, 1 << 20)
        for piece in (1 << 20, 1000, 7):
            with self.engine.client() as client:
                client.ask("FLUSHALL")
            self.assertEqual(self.raw(self.engine.endpoint.port, script, piece), expected)

    def test_the_second_version(self):
        self.check(self.SCRIPT)

    def test_the_third_version(self):
        # HELLO tells the connection's number: it is asked once more, without looking at it.
        script = [command for command in self.SCRIPT if command[0] != "RESET" and command[0] != "AUTH"]
        with Redis(self.engine.endpoint.port, user=None, ca=self.engine.ca) as client:
            hello = client.ask("HELLO", 3, "AUTH", APP, APP_PASSWORD, "SETNAME", "third")
            self.assertIn(b"proto", hello)
            self.assertEqual(client.ask("CLIENT", "GETNAME"), b"third")
        script = [("CLIENT", "REPLY", "SKIP"), ("HELLO", 3)] + script
        self.check(script)

    def test_client_side_caching_is_told_of_changes(self):
        with self.engine.client() as cache, self.engine.client() as other:
            cache.ask("HELLO", 3)
            cache.ask("CLIENT", "TRACKING", "ON")
            other.ask("SET", "cached", "1")
            self.assertEqual(cache.ask("GET", "cached"), b"1")
            other.ask("SET", "cached", "2")
            self.assertEqual(cache.reply(), [b"invalidate", [b"cached"]])

    def test_inline_commands_and_nonsense(self):
        with self.engine.client() as client:
            client.socket.sendall(b"SET inline yes\r\n\r\nGET inline\r\n")
            self.assertEqual([client.reply(), client.reply()], ["OK", b"yes"])
            client.socket.sendall(b"*1\r\n:5\r\n")
            self.assertIn("Protocol error", str(client.reply()))
            self.assertEqual(client.file.read(), b"")

    def test_large_values_pass(self):
        value = os.urandom(8 << 20)
        with self.engine.client() as client:
            self.assertEqual(client.pipeline([("SET", "big", value), ("STRLEN", "big"), ("GET", "big"), ("PING",)]),
                             ["OK", len(value), value, "PONG"])
            self.assertEqual(client.pipeline([("GETSET", "big", "small"), ("GET", "big")]), [value, b"small"])

    def test_a_client_that_reads_nothing_until_it_has_sent_all(self):
        with self.engine.client() as client:
            client.ask("SET", "v", "x" * 1000)
            commands = client.encode("GET", "v") * 100_000
            client.socket.sendall(commands)
            for _ in range(100_000):
                self.assertEqual(len(client.reply()), 1000)

    def test_messages_reach_their_subscribers(self):
        with self.engine.client() as subscriber, self.engine.client() as publisher:
            subscriber.ask("SUBSCRIBE", "news")
            self.assertEqual(publisher.ask("PUBLISH", "news", "x" * 100_000), 1)
            self.assertEqual(subscriber.reply(), [b"message", b"news", b"x" * 100_000])
            subscriber.send("PING")
            self.assertEqual(subscriber.reply(), [b"pong", b""])

    def test_redis_cli_and_redis_benchmark(self):
        environment = dict(os.environ, REDISCLI_AUTH=APP_PASSWORD)
        port = str(self.engine.endpoint.port)
        answer = subprocess.run(["redis-cli", "-p", port, "--user", APP, "-3"], env=environment, timeout=30,
                                input="SET cli 1\nINCR cli\nLRANGE none 0 -1\n", capture_output=True, text=True)
        self.assertEqual(answer.stdout.split("\n")[:2], ["OK", "2"])
        answer = subprocess.run(["redis-benchmark", "-p", port, "--user", APP, "-a", APP_PASSWORD, "-n", "20000",
                                 "-P", "16", "-t", "set,get,lpush,mset", "--csv"], capture_output=True, text=True,
                                timeout=60)
        self.assertEqual(answer.returncode, 0, answer.stderr)
        self.assertEqual(len(answer.stdout.strip().split("\n")), 5, answer.stdout)

    def test_ioredis(self):
        self.judge()

    def test_reads_are_spread_over_the_replicas(self):
        with self.engine.client() as client:
            client.ask("SET", "spread", "1")
        primary = self.engine.primary()
        ports = set()
        for _ in range(8):
            with self.engine.reader() as reader:
                wait_until("the replica has it", lambda r=reader: r.ask("GET", "spread") == b"1")
                role = reader.ask("ROLE")
                self.assertEqual(role[0], b"slave")
                ports.add([line for line in reader.ask("INFO", "server").decode().split("\r\n")
                           if line.startswith("tcp_port:")][0])
                self.fails("READONLY", reader, "SET", "spread", "2")
        self.assertEqual(len(ports), 2)
        self.assertNotIn(f"tcp_port:{primary.port}", ports)


class Tls(Protocol):
    """tls: true. All of Protocol, by clients that trust the authority; and nobody else."""
    options = {"tls": True}

    def raw(self, port, script, piece):
        """As Protocol's, without a second thread, which a TLS socket does not bear: read when all is sent."""
        with Redis(port, user=APP, password=APP_PASSWORD, ca=self.engine.ca) as client:
            sent = b"".join(client.encode(*command) for command in script)
            for at in range(0, len(sent), piece):
                client.socket.sendall(sent[at:at + piece])
            return client.file.read()

    def test_redis_cli_and_redis_benchmark(self):
        environment = dict(os.environ, REDISCLI_AUTH=APP_PASSWORD)
        for port in (self.engine.endpoint.port, self.engine.read_port, self.engine.primary().port):
            answer = subprocess.run(["redis-cli", "--tls", "--cacert", self.engine.ca, "-p", str(port), "--user", APP],
                                    env=environment, timeout=30, input="GET none\nPING\n", capture_output=True,
                                    text=True)
            self.assertEqual(answer.stdout, "\nPONG\n", answer.stderr)
        answer = subprocess.run(["redis-cli", "--tls", "--cacert", self.engine.ca, "-p",
                                 str(self.engine.sentinels[0].port), "--user", APP, "SENTINEL",
                                 "GET-MASTER-ADDR-BY-NAME", "store"], env=environment, timeout=30, capture_output=True,
                                text=True)
        self.assertEqual(answer.stdout, f"127.0.0.1\n{self.engine.primary().port}\n", answer.stderr)
        answer = subprocess.run(["redis-benchmark", "--tls", "--cacert", self.engine.ca, "-p",
                                 str(self.engine.endpoint.port), "--user", APP, "-a", APP_PASSWORD, "-n", "20000", "-P",
                                 "16", "-t", "set,get,lpush,mset", "--csv"], capture_output=True, text=True, timeout=60)
        self.assertEqual(answer.returncode, 0, answer.stderr)
        self.assertEqual(len(answer.stdout.strip().split("\n")), 5, answer.stdout)

    def test_plain_access_and_strange_authorities_are_refused(self):
        with tempfile.TemporaryDirectory() as directory:
            stranger, _ = make_certificate(directory)
            for agent in [self.engine.endpoint, *self.engine.servers, *self.engine.sentinels]:
                with self.assertRaises(OSError, msg=agent.name), Redis(agent.port, user=None) as client:
                    client.ask("PING")
                with self.assertRaises(ssl.SSLCertVerificationError, msg=agent.name):
                    Redis(agent.port, user=None, ca=stranger)
        with self.assertRaises(OSError), Redis(self.engine.read_port, user=None) as client:
            client.ask("PING")

    def test_a_lost_primary_is_hardly_noticed(self):
        writer = Writer(self.engine)
        writer.start()
        writer.writes(200)
        former = self.engine.primary()
        former.kill_child()
        writer.writes(200)
        _, lost, twice = writer.finish()
        self.assertEqual((lost, twice, writer.errors), (set(), 0, []))
        self.engine.wait_whole()
        self.assertNotEqual(self.engine.primary(), former)

    def test_a_certificate_is_renewed_under_open_connections(self):
        with self.engine.client() as endpoint, self.engine.primary().redis() as server:
            before = self.engine.endpoint.get("/status")["certificate"]["fingerprint"]
            pids = [agent.process.pid for agent in self.engine.agents]
            servers = [agent.child() for agent in self.engine.servers]
            sentinels = [agent.child() for agent in self.engine.sentinels]
            self.engine.renew()
            for agent in self.engine.agents:
                agent.write_assignment()
                os.kill(agent.process.pid, signal.SIGHUP)
            gone = []

            def renewed():
                # Sentinels read it when they start: one after the other does.
                gone.append(sum(agent.child() is None for agent in self.engine.sentinels))
                try:
                    for agent in self.engine.agents:
                        Redis(agent.port, user=None, ca=self.engine.ca).close()
                    return True
                except OSError:
                    return False
            wait_until("the new authority's certificate", renewed)
            self.assertEqual((endpoint.ask("PING"), server.ask("PING")), ("PONG", "PONG"))
            self.engine.wait_whole()
            self.assertLessEqual(max(gone), 1)
            self.assertEqual([agent.process.pid for agent in self.engine.agents], pids)
            self.assertEqual([agent.child() for agent in self.engine.servers], servers)
            self.assertFalse(set(agent.child() for agent in self.engine.sentinels) & set(sentinels))
            told = {agent.get("/status")["certificate"]["fingerprint"] for agent in self.engine.agents}
            self.assertEqual(len(told), 1)
            self.assertNotIn(before, told)

    def test_tls_does_not_end_while_it_runs(self):
        self.engine.options["tls"] = False
        try:
            server = self.engine.servers[0]
            status, answer = server.ask("POST", "/check", self.engine.common()["spec"])
        finally:
            self.engine.options["tls"] = True
        self.assertEqual(status, 501)
        self.assertIn("tls of store cannot change while it runs", answer["error"])


class OneServerTls(EngineCase):
    @classmethod
    def setUpClass(cls):
        cls.engine = RedisEngine(replicas=0, tls=True)
        cls.engine.start()

    def test_its_address_speaks_tls_only(self):
        with self.engine.client() as client:
            self.assertEqual(client.ask("SET", "a", "1"), "OK")
        port = self.engine.servers[0].port
        with self.assertRaises(OSError), Redis(port, user=None) as client:
            client.ask("PING")


class Stop(EngineCase):
    @classmethod
    def setUpClass(cls):
        cls.engine = RedisEngine(replicas=1)

    def test_a_replica_ends_that_is_writing_its_first_log(self):
        self.engine.start(self.engine.servers)
        wait_until("a replica that follows", self.engine.is_whole)
        primary = self.engine.primary()
        replica = next(server for server in self.engine.servers if server != primary)
        with primary.redis() as client:
            # The primary takes none in the moment before the replica has answered for the first time.
            keys = [("SET", f"k{i}", i) for i in range(200)]
            wait_until("200 keys", lambda: client.pipeline(keys) == ["OK"] * 200)
        with replica.redis() as client:
            # A full copy, and 10 ms for each key that is written to the log after it.
            client.ask("CONFIG", "SET", "rdb-key-save-delay", 10_000)
            client.ask("REPLICAOF", "NO", "ONE")
            client.ask("REPLICAOF", "127.0.0.1", primary.port)
            wait_until("the copy", lambda: client.ask("ROLE")[3] == b"connected")
            self.assertIn(b"aof_rewrite_in_progress:1", client.ask("INFO", "persistence"))
        begun = time.monotonic()
        replica.stop()
        self.assertLess(time.monotonic() - begun, 20)
        self.assertIn("can't exit", pathlib.Path(replica.log).read_text())
        self.assertEqual(replica.process.returncode, 0)


if __name__ == "__main__":
    unittest.main()
