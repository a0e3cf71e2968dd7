"""Redis with replicas under its agents, through every kind of failure and change of its primary. What was acknowledged
must be there afterwards."""
import os
import pathlib
import signal
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from redis_case import EngineCase, Events, HighlyAvailable, Writer  # noqa: E402
from redis_engine import SECOND, Redis, RedisEngine, RedisError, wait_until  # noqa: E402


class Failover(HighlyAvailable):
    """durability: replicated."""

    def finish(self, writer, gap):
        stored, lost, twice = writer.finish()
        self.assertEqual((lost, twice), (set(), 0), f"of {len(writer.acknowledged)}")
        self.assertEqual(writer.errors, [])
        self.assertLessEqual(len(writer.unknown), 2)
        self.assertTrue(set(stored) <= set(writer.acknowledged) | set(writer.unknown))
        self.assertLess(writer.gap, gap)

    def one_primary(self):
        self.engine.wait_whole()
        wait_until("one word", lambda: set(self.engine.named()) == {self.engine.primary().port})

    def test_the_replica_that_has_everything_is_chosen(self):
        """The other one lacks the last 80 MiB, of which the sentinels have seen nothing when the primary ends."""
        mib = "x" * (1 << 20)
        for turn in range(3):
            self.engine.wait_whole()
            primary = self.engine.primary()
            behind = next(server for server in self.engine.servers if server != primary)
            stopped = behind.child()
            os.kill(stopped, signal.SIGSTOP)
            try:
                with self.engine.client() as client:
                    written = client.pipeline([("SET", f"k{i}", f"{turn}{mib}") for i in range(80)])
                self.assertEqual(written, ["OK"] * 80)
                primary.kill_child()
            finally:
                os.kill(stopped, signal.SIGCONT)
            with self.engine.client() as client:
                kept = client.pipeline([("GETRANGE", f"k{i}", 0, 0) for i in range(80)])
            self.assertEqual(kept, [str(turn).encode()] * 80)

    def test_a_server_that_lacks_writes_is_not_promoted(self):
        """The sentinels choose it, since the one that has everything answers nobody at that moment."""
        mib = "x" * (1 << 20)
        primary = self.engine.primary()
        behind, complete = [server for server in self.engine.servers if server != primary]
        stopped = [behind.child(), complete.child()]
        events = Events(self.engine, "+sdown", "+selected-slave")
        try:
            os.kill(stopped[0], signal.SIGSTOP)
            with self.engine.client() as client:
                written = client.pipeline([("SET", f"k{i}", mib) for i in range(80)])
            self.assertEqual(written, ["OK"] * 80)
            os.kill(stopped[1], signal.SIGSTOP)
            for _ in self.engine.sentinels:
                events.wait_for("+sdown", f"slave 127.0.0.1:{complete.port} ")
            primary.kill()
            os.kill(stopped[0], signal.SIGCONT)
            events.wait_for("+selected-slave", f"slave 127.0.0.1:{behind.port} ")
        finally:
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)
            events.close()
            primary.start()
        self.engine.wait_whole()
        self.assertEqual(self.engine.primary().name, complete.name)
        with self.engine.client() as client:
            self.assertEqual(client.pipeline([("STRLEN", f"k{i}") for i in range(80)]), [1 << 20] * 80)

    def test_sentinels_cannot_replace_a_primary_that_is_there(self):
        """Not by themselves, and not when somebody tells one of them: writes on their way would be lost."""
        primary = self.engine.primary()
        events = Events(self.engine, "-failover-abort-slave-timeout")
        writer = Writer(self.engine)
        writer.start()
        with self.engine.sentinels[0].redis() as sentinel:
            self.assertEqual(sentinel.ask("SENTINEL", "FAILOVER", "store"), "OK")
        events.wait_for("-failover-abort-slave-timeout", "master store")
        events.close()
        writer.writes(200)
        self.finish(writer, gap=6)
        self.assertEqual(self.engine.primary(), primary)

    def test_a_sentinel_is_lost_between_a_promotion_and_its_word(self):
        """The others name the former primary still."""
        primary = self.engine.primary()
        writer = Writer(self.engine)
        writer.start()
        writer.writes(200)
        events = Events(self.engine, "+failover-state-wait-promotion")
        primary.kill()
        leader = events.wait_for("+failover-state-wait-promotion", "slave")
        leader.kill()
        events.close()
        for agent in (leader, primary):
            agent.start()
        writer.writes(200)
        self.finish(writer, gap=12)
        self.one_primary()
        self.assertNotEqual(self.engine.primary(), primary)

    def test_kill_9_of_the_primary(self):
        writer = Writer(self.engine)
        writer.start()
        writer.writes(200)
        primary = self.engine.primary()
        primary.kill_child()
        writer.writes(200)
        self.finish(writer, gap=6)
        self.one_primary()
        with open(primary.log) as log:
            self.assertIn("the primary has ended; another server is primary", log.read())

    def test_kill_9_of_the_primary_and_its_agent(self):
        writer = Writer(self.engine)
        writer.start()
        writer.writes(200)
        self.engine.primary().kill(keep=True)
        writer.writes(200)
        self.finish(writer, gap=6)
        self.one_primary()

    def test_a_change_on_purpose_is_hardly_noticed(self):
        writer = Writer(self.engine)
        writer.start()
        writer.writes(200)
        before = self.engine.primary()
        status, answer = self.engine.sentinels[0].ask("POST", "/actions/failover")
        self.assertEqual((status, answer.get("from")), (200, before.name), answer)
        writer.writes(200)
        self.assertEqual(writer.unknown, [])
        self.finish(writer, gap=1.5)
        self.one_primary()
        self.assertNotEqual(self.engine.primary(), before)
        rows = self.engine.sentinels[0].get("/views/sentinel")["rows"]
        self.assertEqual((rows[0][:2], len(rows)), (["primary", answer["to"]], 5))
        self.assertEqual({row[1] for row in rows} - {server.name for server in self.engine.servers},
                         {sentinel.name for sentinel in self.engine.sentinels[1:]})

    def test_a_change_on_purpose_soon_after_a_loss(self):
        """Agents that hear of the loss late take back no permission that the change has given."""
        for _ in range(3):
            self.engine.primary().kill_child()
            self.one_primary()
            before = self.engine.primary()
            answer = self.engine.endpoint.ask("POST", "/actions/failover", {})
            self.assertEqual(answer[0], 200, answer)
            self.assertNotEqual(self.engine.primary(), before)

    def test_an_endpoint_that_ends_answers_what_was_executed(self):
        counts = {}

        def write(name):
            with self.engine.client() as client:
                try:
                    while True:
                        client.socket.sendall(client.encode("RPUSH", name, "x") * 10)
                        for _ in range(10):
                            counts[name] = client.reply()
                except OSError:
                    pass
        names = [f"ends{i}" for i in range(12)]
        writers = [threading.Thread(target=write, args=[name]) for name in names]
        blocked = self.engine.client()
        blocked.send("BLPOP", "nothing", 0)
        for writer in writers:
            writer.start()
        wait_until("writes", lambda: len(counts) == len(names) and min(counts.values()) > 100)
        begun = time.monotonic()
        self.engine.endpoint.stop()
        self.assertLess(time.monotonic() - begun, 4)  # Not the five seconds for clients that take no answers.
        for writer in writers:
            writer.join(30)
        with blocked, self.assertRaises(OSError):
            blocked.reply()
        self.engine.start([self.engine.endpoint])
        with self.engine.client() as client:
            self.assertEqual({name: client.ask("LLEN", name) for name in names}, counts)

    def test_a_chosen_server_becomes_the_primary(self):
        writer = Writer(self.engine)
        writer.start()
        writer.writes(200)
        for chosen in self.engine.servers[::-1]:
            if chosen == self.engine.primary():
                continue
            status, answer = self.engine.endpoint.ask("POST", "/actions/failover", {"to": chosen.name}, seconds=60)
            self.assertEqual((status, answer.get("to")), (200, chosen.name), answer)
            writer.writes(200)
            self.one_primary()
            self.assertEqual(self.engine.primary(), chosen)
            others = {server.name for server in self.engine.servers if server != chosen}
            self.assertEqual({row[0] for row in chosen.get("/views/replicas")["rows"]}, others)
        self.assertEqual(writer.unknown, [])
        self.finish(writer, gap=1.5)
        for server in self.engine.servers:
            with server.redis() as admin:
                self.assertEqual(admin.ask("CONFIG", "GET", "replica-priority")[1], b"100")

    def test_a_server_that_cannot_become_the_primary_is_refused(self):
        primary = self.engine.primary()
        replica = next(server for server in self.engine.servers if server != primary)

        def refusal(name):
            return self.engine.sentinels[0].ask("POST", "/actions/failover", {"to": name}, seconds=60)
        status, answer = refusal("store-server-9")
        self.assertEqual(status, 422)
        for server in self.engine.servers:
            self.assertIn(server.name, answer["error"])
        status, answer = refusal(primary.name)
        self.assertEqual((status, answer["error"]), (409, f"{primary.name} is the primary already"))
        with replica.redis() as admin:
            admin.ask("CONFIG", "SET", "masterauth", "wrong")
            admin.ask("CLIENT", "KILL", "TYPE", "master")
            try:
                status, answer = refusal(replica.name)
            finally:
                admin.ask("CONFIG", "SET", "masterauth", self.engine.passwords["@replication"])
        self.assertEqual((status, answer["error"]), (409, f"{replica.name} does not follow the primary"))
        self.assertEqual(self.engine.primary(), primary)
        self.one_primary()

    def test_a_paused_primary_and_its_return(self):
        writer = Writer(self.engine)
        writer.start()
        writer.writes(200)
        former = self.engine.primary()
        # A client of the server itself, past the endpoint: what only this server has must go.
        stray = former.redis()
        os.kill(former.child(), signal.SIGSTOP)
        stray.send("SET", "stray", "1")
        try:
            writer.writes(200)
        finally:
            os.kill(former.child(), signal.SIGCONT)
        writer.writes(200)
        self.finish(writer, gap=7)
        self.one_primary()
        self.assertNotEqual(self.engine.primary(), former)
        with self.engine.client() as client:
            self.assertIsNone(client.ask("GET", "stray"))

    def test_all_six_processes_end_at_once(self):
        # The primary is not the first server, and the newest data not what the first server has.
        self.engine.endpoint.ask("POST", "/actions/failover")
        self.one_primary()
        former = self.engine.primary()
        writer = Writer(self.engine)
        writer.start()
        writer.writes(500)
        for agent in self.engine.servers + self.engine.sentinels:
            agent.kill()
        for agent in self.engine.servers + self.engine.sentinels:
            agent.start()
        writer.writes(200, seconds=60)
        stored, lost, _ = writer.finish()
        self.assertEqual(lost, set(), f"of {len(writer.acknowledged)}; {len(stored)} stored")
        self.one_primary()
        self.assertEqual(self.engine.primary(), former)

    def test_an_orderly_restart_of_everything(self):
        with self.engine.client() as client:
            client.ask("SET", "kept", "over")
        for agent in reversed(self.engine.agents):
            agent.stop()
        # Servers first, the sentinels when these are ready: the order of a start.
        self.engine.start(self.engine.servers)
        self.engine.start()
        self.one_primary()
        with self.engine.client() as client:
            self.assertEqual(client.ask("GET", "kept"), b"over")

    def test_a_lost_majority_of_sentinels(self):
        with self.engine.client() as client:
            client.ask("SET", "before", "1")
        for sentinel in self.engine.sentinels[:2]:
            sentinel.kill()
        with self.engine.client() as client:
            client.ask("SET", "without", "2")  # The primary lives: nothing is missed.
        self.engine.primary().kill_child()
        for sentinel in self.engine.sentinels[:2]:
            sentinel.start()
        with self.engine.client(seconds=60) as client:
            def answers():
                try:
                    return client.ask("SET", "after", "3") == "OK"
                except RedisError:
                    return False
            wait_until("writes again", answers, 60)
            self.assertEqual(client.ask("MGET", "before", "without", "after"), [b"1", b"2", b"3"])
        self.one_primary()

    def test_what_each_kind_of_connection_sees(self):
        engine = self.engine
        subscribed, third, multi, watch, blocked, stream, selected, reading = (engine.client() for _ in range(8))
        subscribed.ask("SUBSCRIBE", "news")
        third.ask("HELLO", 3)
        third.ask("CLIENT", "TRACKING", "ON")
        third.send("PSUBSCRIBE", "n*")
        self.assertEqual(third.reply()[0], b"psubscribe")
        multi.ask("MULTI")
        multi.ask("SET", "in-multi", "1")
        watch.ask("WATCH", "watched")
        selected.ask("SELECT", 5)
        selected.ask("CLIENT", "SETNAME", "chosen")
        selected.ask("SET", "five", "5")
        blocked.send("BLPOP", "queue", 0)
        stream.send("XREAD", "BLOCK", 0, "STREAMS", "x", "$")
        reading.ask("GET", "five")
        with self.engine.client() as other:
            wait_until("both block", lambda: b"blocked_clients:2" in other.ask("INFO", "clients"))
        engine.primary().kill_child()
        # Not even noticed: a setup is repeated, a read is sent again.
        self.assertEqual(selected.ask("GET", "five"), b"5")
        self.assertEqual(selected.ask("CLIENT", "GETNAME"), b"chosen")
        # A transaction is lost; keys that were watched count as changed.
        self.assertEqual(multi.ask("SET", "in-multi", "2"), "QUEUED")
        self.fails("EXECABORT", multi, "EXEC")
        self.assertIsNone(multi.ask("GET", "in-multi"))
        self.assertEqual(watch.ask("MULTI"), "OK")
        self.assertEqual(watch.ask("SET", "watched", "1"), "QUEUED")
        self.assertIsNone(watch.ask("EXEC"))
        self.assertIsNone(watch.ask("GET", "watched"))
        # It may have taken an element; a read has not.
        self.assertIn("SHOREUNKNOWN", str(blocked.reply()))
        self.assertEqual(third.reply(), [b"invalidate", None])
        with self.engine.client() as other:
            wait_until("two are subscribed", lambda: other.ask("PUBLISH", "news", "again") == 2)
            other.ask("XADD", "x", "*", "f", "v")
        self.assertEqual(subscribed.reply()[:3], [b"message", b"news", b"again"])
        self.assertEqual(third.reply()[:3], [b"pmessage", b"n*", b"news"])
        self.assertEqual(stream.reply()[0][0], b"x")
        for client in (subscribed, third, multi, watch, blocked, stream, selected, reading):
            client.close()

    def test_a_blocked_client_is_moved_by_a_change_on_purpose(self):
        with self.engine.client() as blocked, self.engine.client() as other:
            blocked.send("BLPOP", "queue", 0)
            wait_until("it blocks", lambda: b"blocked_clients:1" in other.ask("INFO", "clients"))
            self.assertEqual(self.engine.endpoint.ask("POST", "/actions/failover")[0], 200)
            other.ask("RPUSH", "queue", "element")
            self.assertEqual(blocked.reply(), [b"queue", b"element"])

    def test_a_write_that_no_replica_has_is_not_acknowledged(self):
        replicas = [server for server in self.engine.servers if server != self.engine.primary()]
        with self.engine.client() as client:
            client.ask("SET", "safe", "1")
            pids = [server.child() for server in replicas]
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
            try:
                answers = client.pipeline([("GET", "safe"), ("INCR", "safe"), ("GET", "safe"), ("MULTI",),
                                           ("INCR", "safe"), ("EXEC",),
                                           ("EVAL", "return redis.call('incr', 'safe')", 0)])
            finally:
                for pid in pids:
                    os.kill(pid, signal.SIGCONT)
        self.assertEqual(answers[0], b"1")
        self.assertEqual(answers[2], b"2")
        self.assertEqual(answers[3:5], ["OK", "QUEUED"])
        for i in (1, 5, 6):
            self.assertIn("SHORENOTREPLICATED", str(answers[i]))


class FirstSeconds(EngineCase):
    """A store that has never run before."""

    @classmethod
    def setUpClass(cls):
        cls.engine = RedisEngine()

    def test_a_primary_that_is_lost_at_once_is_replaced(self):
        # The order of a start; nothing is waited for but health.
        self.engine.start(self.engine.servers)
        self.engine.start()
        former = self.engine.primary()
        with self.engine.client(seconds=60) as client:
            client.ask("SET", "first", "1")
            former.kill_child()
            begun = time.monotonic()
            self.assertEqual(client.ask("GET", "first"), b"1")  # Sent again; a write would have no known outcome.
            self.assertLess(time.monotonic() - begun, 5)
            self.assertEqual(client.ask("SET", "second", "2"), "OK")
        self.engine.wait_whole()
        self.assertNotEqual(self.engine.primary(), former)


class Astray(HighlyAvailable):
    def test_a_sentinel_that_names_another_primary_learns_anew(self):
        """No change of primary has given the others a newer word that it would take by itself."""
        astray = self.engine.sentinels[0]
        replica = next(server for server in self.engine.servers if server != self.engine.primary())
        with astray.redis() as sentinel:
            sentinel.ask("SENTINEL", "REMOVE", "store")
            sentinel.ask("SENTINEL", "MONITOR", "store", "127.0.0.1", replica.port, 2)
        self.assertNotEqual(len(set(self.engine.named())), 1)

        def has_learnt():
            with open(astray.log) as log:
                return "it learns anew" in log.read()
        wait_until("the sentinel learns anew", has_learnt)
        self.engine.wait_whole()
        self.assertEqual(set(self.engine.named()), {self.engine.primary().port})


class Fast(HighlyAvailable):
    """durability: fast, and a short patience."""
    options = {"replicated": False, "hold_ns": SECOND // 2}

    def test_commands_wait_no_longer_than_they_may(self):
        primary = self.engine.primary()
        with self.engine.client() as client:
            client.ask("SET", "a", "1")
            os.kill(primary.child(), signal.SIGSTOP)
            try:
                wait_until("commands wait", lambda: not self.engine.endpoint.get("/status")["taking_commands"])
                begun = time.monotonic()
                self.fails("SHOREUNAVAILABLE", client, "SET", "a", "2")
                self.assertGreater(time.monotonic() - begun, 0.4)
                wait_until("another primary", lambda: self.engine.endpoint.get("/status")["taking_commands"])
                self.assertEqual(client.ask("GET", "a"), b"1")
            finally:
                os.kill(primary.child(), signal.SIGCONT)

    def test_a_restart_for_a_setting_goes_from_server_to_server(self):
        writer = Writer(self.engine)
        writer.start()
        writer.writes(100)
        self.engine.options["settings"] = {"databases": "9"}
        for server in self.engine.servers:
            server.write_assignment()
            os.kill(server.process.pid, signal.SIGHUP)

        def changed():
            try:
                for server in self.engine.servers:
                    with server.redis() as admin:
                        if admin.ask("CONFIG", "GET", "databases")[1] != b"9":
                            return False
                return True
            except (OSError, RedisError):
                return False
        wait_until("nine databases everywhere", changed, 60)
        writer.writes(100)
        _, lost, twice = writer.finish()
        self.assertEqual((lost, twice), (set(), 0))


if __name__ == "__main__":
    unittest.main()
