"""The Redis endpoint where many clients send at once and share connections to the servers: each sees what it would see
alone, in its order, whatever the others do and whatever happens to a connection that they share."""
import os
import pathlib
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import engine_redis_test as base  # noqa: E402
from engine_redis_test import APP, APP_PASSWORD, Redis, RedisError, Writer, wait_until  # noqa: E402


class Crowd:
    """Clients that read without pause, so that everybody's commands are shared."""

    def __init__(self, engine):
        self.process = subprocess.Popen(["redis-benchmark", "-p", str(engine.endpoint.port), "--user", APP, "-a",
                                         APP_PASSWORD, "-c", "16", "-P", "4", "-l", "-t", "get"],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        begun = shared(engine)
        wait_until("commands are shared", lambda: shared(engine) > begun + 100)

    def stop(self):
        self.process.kill()
        self.process.wait()


def metric(engine, name):
    for line in engine.endpoint.get("/metrics").splitlines():
        if line.startswith(f"shore_redis_endpoint_{name} "):
            return int(line.split()[1])
    raise AssertionError(f"no metric {name}")


def shared(engine):
    return metric(engine, "shared_total")


class Shared(base.Protocol):
    """All of Protocol, in a crowd."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.crowd = Crowd(cls.engine)

    @classmethod
    def tearDownClass(cls):
        cls.crowd.stop()
        super().tearDownClass()

    def test_reads_are_spread_over_the_replicas(self):
        wait_until("two replicas serve reads", lambda: len(self.engine.endpoint.get("/status")["readers"]) == 2)
        super().test_reads_are_spread_over_the_replicas()

    def admin(self):
        return self.engine.primary().redis()

    def test_clients_of_both_versions_side_by_side(self):
        with self.engine.client() as second, self.engine.client() as third:
            third.ask("HELLO", 3)
            second.ask("HSET", "h", "f", "v")
            before = shared(self.engine)
            for client, sign in ((second, b"*2\r\n"), (third, b"%1\r\n")) * 200:
                client.send("HGETALL", "h")
                self.assertEqual(client.file.readline(), sign)
                self.assertEqual([client.reply(), client.reply()], [b"f", b"v"])
            self.assertGreater(shared(self.engine), before + 200)

    def test_each_gets_its_own_answers(self):
        failures = []

        def ask(number):
            with self.engine.client() as client:
                for turn in range(100):
                    words = [f"{number}:{turn}:{i}" for i in range(1 + (number + turn) % 20)]
                    commands = [("ECHO", word) for word in words]
                    commands[turn % len(words):0] = [("MULTI",), ("INCR", f"n{number}"), ("EXEC",)]
                    expected = [word.encode() for word in words]
                    expected[turn % len(words):0] = ["OK", "QUEUED", [turn + 1]]
                    got = client.pipeline(commands)
                    if got != expected:
                        failures.append((commands, got))
        threads = [threading.Thread(target=ask, args=(number,)) for number in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])

    def test_a_client_that_does_not_read_holds_up_nobody(self):
        with self.engine.client() as deaf, self.engine.client() as other:
            other.ask("SET", "big", "x" * (1 << 20))
            for _ in range(40):
                deaf.send("GET", "big")
            for turn in range(200):
                self.assertEqual(other.ask("ECHO", turn), str(turn).encode())
            for _ in range(40):
                self.assertEqual(len(deaf.reply()), 1 << 20)

    def test_larger_answers_than_are_kept(self):
        with self.engine.client() as client:
            value = "x" * (20 << 20)
            client.ask("SET", "huge", value)
            got = client.pipeline([("ECHO", "before"), ("GET", "huge"), ("ECHO", "after")])
            self.assertEqual([got[0], len(got[1]), got[2]], [b"before", len(value), b"after"])

    def test_a_deleted_user_is_cut_off(self):
        with self.admin() as admin:
            admin.ask("ACL", "SETUSER", "guest", "on", ">first", "~*", "&*", "+@all")
            guests = [Redis(self.engine.endpoint.port, user="guest", password="first") for _ in range(4)]
            before = shared(self.engine)
            for turn in range(100):
                for guest in guests:
                    self.assertEqual(guest.ask("ECHO", turn), str(turn).encode())
            self.assertGreater(shared(self.engine), before)
            admin.ask("ACL", "DELUSER", "guest")
            for guest in guests:
                with self.assertRaises((RedisError, OSError)):
                    while True:
                        guest.ask("ECHO", "still here")
                guest.close()

    def test_a_changed_password_counts_for_whoever_logs_in(self):
        with self.admin() as admin:
            admin.ask("ACL", "SETUSER", "guest", "on", ">first", "~*", "&*", "+@all")
            with Redis(self.engine.endpoint.port, user="guest", password="first") as guest:
                for turn in range(100):
                    guest.ask("ECHO", turn)
                admin.ask("ACL", "SETUSER", "guest", "resetpass", ">second")
                with self.assertRaises(RedisError):
                    Redis(self.engine.endpoint.port, user="guest", password="first")
                # As at the server itself, who is logged in stays so, until the connection is lost.
                self.assertEqual(guest.ask("ECHO", "x"), b"x")
                admin.ask("CLIENT", "KILL", "USER", "guest")
                with self.assertRaises((RedisError, OSError)):
                    while True:
                        guest.ask("ECHO", "still here")
            with Redis(self.engine.endpoint.port, user="guest", password="second") as guest:
                for turn in range(100):
                    self.assertEqual(guest.ask("ECHO", turn), str(turn).encode())
            admin.ask("ACL", "DELUSER", "guest")

    def test_a_users_rights_are_its_own(self):
        with self.engine.client(user=base.READER, password=base.READER_PASSWORD) as reader:
            for _ in range(100):
                self.fails("NOPERM", reader, "SET", "a", "1")
                self.assertIsNone(reader.ask("GET", "none"))

    def test_a_name_is_kept(self):
        with self.engine.client() as client:
            client.ask("CLIENT", "SETNAME", "mine")
            number = client.ask("CLIENT", "ID")
            for turn in range(100):
                client.ask("ECHO", turn)
            self.assertEqual(client.ask("CLIENT", "GETNAME"), b"mine")
            self.assertEqual(client.ask("CLIENT", "ID"), number)

    def test_wait_covers_what_was_shared(self):
        """A replica that is stopped has nothing of it: WAIT must say so."""
        with self.engine.client() as client:
            self.assertEqual(client.pipeline([("SET", "a", "1"), ("WAIT", 2, 5000)]), ["OK", 2])


class Lost(base.HighlyAvailable):
    """durability: replicated. Writers that share, and connections that go."""

    def writers(self):
        writers = [Writer(self.engine) for _ in range(12)]
        for writer in writers:
            writer.start()
        before = shared(self.engine)
        for writer in writers:
            writer.writes(50)
        self.assertGreater(shared(self.engine), before)
        return writers

    def finish(self, writers, unknown_each):
        for writer in writers:
            writer.writes(50)
        for writer in writers:
            stored, lost, twice = writer.finish()
            self.assertEqual((lost, twice, writer.errors), (set(), 0, []), f"of {len(writer.acknowledged)}")
            self.assertEqual(stored, sorted(stored))
            self.assertLessEqual(len(writer.unknown), unknown_each)
            self.assertTrue(set(stored) <= set(writer.acknowledged) | set(writer.unknown))

    def test_connections_that_are_killed(self):
        writers = self.writers()
        with self.engine.primary().redis() as admin:
            for _ in range(5):
                admin.ask("CLIENT", "KILL", "USER", APP)
                for writer in writers:
                    writer.writes(20)
        self.finish(writers, unknown_each=5)

    def test_a_primary_that_is_killed(self):
        writers = self.writers()
        self.engine.primary().kill_child()
        self.finish(writers, unknown_each=1)

    def test_a_change_on_purpose(self):
        writers = self.writers()
        status, answer = self.engine.endpoint.ask("POST", "/actions/failover")
        self.assertEqual(status, 200, answer)
        self.finish(writers, unknown_each=0)


if __name__ == "__main__":
    unittest.main()
