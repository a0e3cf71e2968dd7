"""Changes of PostgreSQL and its pool that are interrupted: by a stop, by kill -9. Clients wait and go on; nobody holds
them for ever."""
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from engine_case import Refused, postgres_spec, second, wait_until  # noqa: E402
from engine_postgres_case import PostgresCase  # noqa: E402


class Interrupted(PostgresCase):
    def client(self, pool, statement):
        """A psql through the pool, started."""
        started = subprocess.Popen(
            ["psql", "-X", "-A", "-t", "-q", "-h", "127.0.0.1", "-p", str(pool.port), "-U", "api", "-d", "shop", "-c",
             statement], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.client_environment())
        self.addCleanup(lambda: (started.kill(), started.communicate()))
        return started

    def busy(self, server, pool):
        """A client in a transaction that does not end: who holds the pool's clients waits for it."""
        client = self.client(pool, "SELECT pg_sleep(600)")
        wait_until(lambda: self.admin(server, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%sleep(600)' "
                                              "AND usename = 'api'") == "1", 20, "the transaction")
        return client

    def held(self, pool):
        wait_until(lambda: pool.status()["paused"], 20, "clients that are held")

    def answer(self, client, seconds=20):
        output, words = client.communicate(timeout=seconds)
        self.assertEqual(client.returncode, 0, words)
        return output.strip()

    def ended_within(self, agent, seconds):
        began = time.monotonic()
        self.assertEqual(agent.stop(60), 0)
        self.assertLess(time.monotonic() - began, seconds, agent.tail())

    def asked(self, agent, action):
        """An action under way: join() it for what came of it."""
        outcome = []

        def ask():
            try:
                outcome.append(agent.act(action))
            except (Refused, OSError) as error:
                outcome.append(error)
        thread = threading.Thread(target=ask)
        thread.start()
        self.addCleanup(thread.join)
        return lambda: (thread.join(60), outcome[0])[1]

    def pair(self):
        spec = postgres_spec(replicas=1)
        servers = [self.postgres(spec, slot).start() for slot in (1, 2)]
        pool = self.pool(spec).start()
        for agent in servers + [pool]:
            agent.wait_ready(90)
        servers[0].wait_user("api")
        wait_until(lambda: pool.status()["readers"] == [2], 30, "the reader")
        return *servers, pool


class Stops(Interrupted):
    def test_a_stop_ends_a_restart_that_waits_for_transactions_and_its_clients_go_on_at_the_next_start(self):
        server, pool = self.start_both(postgres_spec())
        self.busy(server, pool)
        server.change(lambda spec: spec["postgres"]["settings"].update(max_locks_per_transaction="96"))
        self.held(pool)
        waiting = self.client(pool, "SHOW max_locks_per_transaction")
        # The pool waits ten seconds for the transaction.
        self.ended_within(server, 9)
        server.start().wait_ready()
        self.assertEqual(self.answer(waiting), "96")

    def test_a_stop_of_a_replica_gives_up_its_promotion_and_the_primary_goes_on(self):
        primary, replica, pool = self.pair()
        self.busy(primary, pool)
        outcome = self.asked(replica, "promote")
        self.held(pool)
        waiting = self.client(pool, "SELECT 7")
        self.ended_within(replica, 9)
        self.assertIsInstance(outcome(), Exception)
        self.assertEqual(self.answer(waiting, 5), "7")
        self.assertEqual(primary.status()["role"], "primary")

    def test_a_primary_that_had_handed_over_takes_back_when_the_other_is_stopped(self):
        primary, replica, pool = self.pair()
        self.admin(replica, "SELECT pg_wal_replay_pause()")
        self.sql(primary.port, "CREATE TABLE t AS SELECT 1 AS a")
        outcome = self.asked(replica, "promote")
        wait_until(lambda: primary.health()["detail"] == "handed over", 20, "the hand-over")
        wait_until(lambda: "shut down" in self.as_server_user(
            "/usr/lib/postgresql/15/bin/pg_controldata", str(self.data(primary))).stdout, 20, "the primary's end")
        waiting = self.client(pool, "SELECT a FROM t")
        self.ended_within(replica, 9)
        self.assertIsInstance(outcome(), Exception)
        # By itself it would wait twenty seconds.
        try:
            self.assertEqual(self.answer(waiting, 12), "1")
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{primary.tail()}\n---\n{replica.tail()}\n---\n{pool.tail()}") from None
        self.assertEqual(primary.status()["role"], "primary")

    def test_a_stop_of_the_pool_does_not_wait_for_a_change_of_its_settings(self):
        server, pool = self.start_both(postgres_spec())
        self.busy(server, pool)
        self.asked(pool, "pause")
        self.held(pool)
        pool.change(lambda spec: spec["pool"].update(size=9))
        self.ended_within(pool, 8)

    def test_a_stop_of_a_replica_that_is_being_copied_leaves_nothing_running(self):
        spec = postgres_spec(replicas=1)
        replica = self.postgres(spec, 2).start()
        wait_until(lambda: replica.health()["detail"].startswith("waiting for the primary"), 20, "the wait")
        self.ended_within(replica, 3)


class Kills(Interrupted):
    def test_a_replica_killed_in_its_promotion_holds_nobody(self):
        primary, replica, pool = self.pair()
        self.busy(primary, pool)
        self.asked(replica, "promote")
        self.held(pool)
        waiting = self.client(pool, "SELECT 7")
        replica.kill_all()
        self.assertEqual(self.answer(waiting, 5), "7")

    def test_a_server_killed_in_a_held_restart_lets_its_clients_go_on_when_it_is_back(self):
        server, pool = self.start_both(postgres_spec())
        self.busy(server, pool)
        self.asked(server, "restart")
        self.held(pool)
        waiting = self.client(pool, "SELECT 7")
        server.kill_all()
        server.start().wait_ready()
        self.assertEqual(self.answer(waiting, 5), "7")

    def test_an_agent_killed_in_a_held_restart_lets_the_clients_go_on_when_it_is_back(self):
        server, pool = self.start_both(postgres_spec())
        self.busy(server, pool)
        self.asked(server, "restart")
        self.held(pool)
        waiting = self.client(pool, "SELECT 7")
        server.process.kill()
        server.process.wait(10)
        server.start().wait_ready()
        self.assertEqual(self.answer(waiting, 5), "7")

    def test_a_pool_killed_while_it_held_its_clients_serves_when_it_is_back(self):
        server, pool = self.start_both(postgres_spec())
        self.busy(server, pool)
        outcome = self.asked(server, "restart")
        self.held(pool)
        pool.kill_all()
        pool.start().wait_ready()
        outcome()
        self.assertEqual(self.answer(self.client(pool, "SELECT 7"), 10), "7")
        self.assertFalse(pool.status()["paused"])

    def test_a_pool_whose_server_process_is_killed_while_held_serves_when_it_is_back(self):
        server, pool = self.start_both(postgres_spec(pool={"wait_ns": 20 * second()}))
        self.busy(server, pool)
        self.asked(server, "restart")
        self.held(pool)
        children = pathlib.Path(f"/proc/{pool.process.pid}/task/{pool.process.pid}/children").read_text().split()
        os.kill(int(children[0]), signal.SIGKILL)
        self.assertEqual(pool.wait_ended(10), 1)
        pool.start().wait_ready()
        self.assertEqual(self.answer(self.client(pool, "SELECT 7"), 20), "7")


if __name__ == "__main__":
    unittest.main()
