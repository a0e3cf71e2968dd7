"""Streaming replicas under their agents: made, measured, promoted, rejoined; never two primaries."""
import os
import pathlib
import signal
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from engine_case import Refused, postgres_spec, wait_until  # noqa: E402
from engine_postgres_case import PostgresCase  # noqa: E402


class Replicas(PostgresCase):
    def start_all(self, replicas=1, **more):
        spec = postgres_spec(replicas=replicas, **more)
        servers = [self.postgres(spec, slot).start() for slot in range(1, replicas + 2)]
        pool = self.pool(spec).start()
        for agent in servers + [pool]:
            agent.wait_ready(90)
        servers[0].wait_user("api")
        wait_until(lambda: len(pool.status()["readers"]) == replicas, 30, "the readers")
        return servers, pool

    def fed(self, replica):
        try:
            return wait_until(lambda: self.fed_now(replica), 60, "a replica that is fed")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{replica.status()}") from None

    def fed_now(self, replica):
        try:
            status = replica.status()
        except (OSError, Refused):
            return False
        return status["ready"] and status.get("streaming") and status["lag_seconds"] < 2 and status["behind_bytes"] == 0

    def primaries(self, servers):
        """The slots whose server takes writes, asked of the servers themselves."""
        taking = []
        for agent in servers:
            status, _ = self.sql(agent.port, "CREATE TEMPORARY TABLE x (i int)", check=False)
            if status == 0:
                taking.append(agent.slot)
        return taking

    def test_a_replica_follows_serves_reads_and_leaves_the_read_path_when_it_dies(self):
        (primary, replica), pool = self.start_all()
        self.sql(primary.port, "CREATE TABLE t AS SELECT 1 AS a")
        wait_until(lambda: self.sql(replica.port, "SELECT to_regclass('t')", check=True) == "t", 20, "the table")
        self.fed(replica)
        self.assertEqual(replica.status()["role"], "replica")
        self.assertEqual(primary.view("replicas")[0]["state"], "streaming")
        self.assertEqual(self.primaries([primary, replica]), [1])
        self.assertEqual(self.sql(pool.port, "SELECT pg_is_in_recovery()", database="shop_read"), "t")
        self.assertEqual(self.sql(pool.port, "SELECT pg_is_in_recovery()"), "f")
        replica.stop()
        wait_until(lambda: pool.status()["readers"] == [], 20, "no readers")
        self.assertEqual(self.sql(pool.port, "SELECT pg_is_in_recovery()", database="shop_read"), "f")
        replica.start().wait_ready()
        wait_until(lambda: pool.status()["readers"] == [2], 20, "the reader")

    def test_reads_are_spread_over_replicas(self):
        servers, pool = self.start_all(replicas=2, pool={"size": 12})
        bench = self.bench(pool.port, "SELECT pg_sleep(0.01);\n", "-c", "20", "-T", "3", database="shop_read")

        def busy(agent):
            return int(self.admin(agent, "SELECT count(*) FROM pg_stat_activity WHERE usename = 'api'"))
        wait_until(lambda: busy(servers[1]) > 0 and busy(servers[2]) > 0, 10, "reads on both")
        self.assertEqual(busy(servers[0]), 0)
        self.finish(bench)

    def test_one_that_lags_serves_no_reads_until_it_has_caught_up(self):
        (primary, replica), pool = self.start_all(lag_max_ns=1_000_000_000)
        self.sql(primary.port, "CREATE TABLE t (a int)")
        self.fed(replica)
        self.admin(replica, "SELECT pg_wal_replay_pause()")
        self.sql(primary.port, "INSERT INTO t VALUES (1)")
        wait_until(lambda: pool.status()["readers"] == [], 30, "no readers")
        self.assertGreater(replica.status()["lag_seconds"], 1)
        self.assertGreater(replica.status()["behind_bytes"], 0)
        self.admin(replica, "SELECT pg_wal_replay_resume()")
        wait_until(lambda: pool.status()["readers"] == [2], 30, "the reader")

    def test_promotion_changes_places_and_the_pool_follows_without_an_error(self):
        servers, pool = self.start_all()
        primary, replica = servers
        self.sql(primary.port, "CREATE TABLE done (client int)")
        self.fed(replica)
        bench = self.bench(pool.port, "INSERT INTO done VALUES (:client_id);\n", "-c", "20", "-j", "2", "-T", "8",
                           "--log", f"--log-prefix={self.root}/acknowledged")
        wait_until(lambda: int(self.sql(primary.port, "SELECT count(*) FROM done")) > 100, 20, "rows")
        answer = replica.act("promote")
        print(f"  promoted in {answer['took_seconds']:.2f} s", file=sys.stderr)
        self.assertEqual((answer["primary"], answer["instead_of"]), (2, 1))
        self.finish(bench)
        acknowledged = sum(len(path.read_text().splitlines()) for path in self.root.glob("acknowledged*"))
        self.assertEqual(int(self.sql(replica.port, "SELECT count(*) FROM done")), acknowledged)
        wait_until(lambda: primary.health()["ready"] and primary.status()["role"] == "replica", 60, "the old primary")
        self.fed(primary)
        self.assertEqual(self.primaries(servers), [2])
        self.assertEqual(primary.view("replicas"), [], "slots that keep WAL for nobody")
        wait_until(lambda: pool.status()["primary"] == 2 and pool.status()["readers"] == [1], 20, "the pool")
        with self.assertRaises(Refused):
            replica.act("promote")
        # And back; then all of it once more from the disk.
        primary.act("promote")
        wait_until(lambda: replica.health()["ready"] and replica.status()["role"] == "replica", 60, "a replica")
        for agent in servers:
            agent.stop()
        for agent in reversed(servers):
            agent.start()
        for agent in servers:
            agent.wait_ready()
        self.assertEqual(self.primaries(servers), [1])
        self.assertEqual(self.sql(pool.port, "SELECT count(*) >= 100 FROM done"), "t")

    def test_servers_find_each_other_whatever_their_instances_are_called(self):
        spec = postgres_spec(replicas=1)
        # As after "shore stop db" and "shore start db".
        parts = {"postgres": 2, "pgbouncer": 1}
        servers = [self.agent("postgres", slot, spec, parts, instance=f"db-{slot + 6}").start() for slot in (1, 2)]
        for agent in servers:
            agent.wait_ready(90)
        self.fed(servers[1])
        servers[1].act("promote")
        wait_until(lambda: servers[0].health()["ready"] and servers[0].status()["role"] == "replica", 60, "a replica")
        self.fed(servers[0])
        self.assertEqual(servers[1].status()["role"], "primary")

    def test_a_dead_primary_is_replaced_and_rejoins_without_what_only_it_had(self):
        servers, pool = self.start_all()
        primary, replica = servers
        self.sql(primary.port, "CREATE TABLE t (a int); INSERT INTO t VALUES (1)")
        self.fed(replica)
        # What the replica never saw: its end of the connection stands still.
        receiver = int(self.admin(replica, "SELECT pid FROM pg_stat_wal_receiver"))
        os.kill(receiver, signal.SIGSTOP)
        self.sql(primary.port, "INSERT INTO t VALUES (2)")
        os.kill(self.postmaster(primary), signal.SIGKILL)
        primary.wait_ended(20)
        primary.kill_all()
        os.kill(receiver, signal.SIGKILL)
        # One of its processes has crashed: it ends as a whole, and is started again.
        self.assertEqual(replica.wait_ended(20), 1)
        replica.kill_all()
        replica.start().wait_ready()
        replica.act("promote")
        self.sql(replica.port, "INSERT INTO t VALUES (3)")
        wait_until(lambda: pool.status()["primary"] == 2, 20, "the pool")
        self.assertIn("3", self.sql(pool.port, "SELECT a FROM t").split())
        primary.start().wait_ready(90)
        self.assertEqual(primary.status()["role"], "replica")
        self.fed(primary)
        rows = self.sql(primary.port, "SELECT a FROM t ORDER BY 1").split()
        self.assertEqual(rows, self.sql(replica.port, "SELECT a FROM t ORDER BY 1").split())
        self.assertEqual(self.primaries(servers), [2])

    def test_a_replica_that_cannot_follow_any_more_is_made_anew(self):
        (primary, replica), _ = self.start_all(settings={"max_slot_wal_keep_size": "32MB", "max_wal_size": "32MB",
                                                         "min_wal_size": "32MB"})
        self.sql(primary.port, "CREATE TABLE t (a int)")
        self.fed(replica)
        replica.stop()
        for _ in range(9):
            self.admin(primary, "SELECT pg_switch_wal(); CHECKPOINT")
            self.sql(primary.port, "INSERT INTO t VALUES (1)")
        wait_until(lambda: primary.view("replicas")[0]["wal"] == "lost", 30, "the lost slot")
        replica.start()
        wait_until(lambda: replica.log_text().count("copying the primary") == 2, 90, "a new copy")
        replica.wait_ready(60)
        self.fed(replica)
        self.assertEqual(self.sql(replica.port, "SELECT count(*) FROM t"), "9")

    def test_kill_9_of_a_replica_is_recovered(self):
        (primary, replica), pool = self.start_all()
        os.kill(self.postmaster(replica), signal.SIGKILL)
        self.assertEqual(replica.wait_ended(20), 1)
        replica.kill_all()
        wait_until(lambda: pool.status()["readers"] == [], 20, "no readers")
        replica.start().wait_ready(30)
        self.fed(replica)

    def test_a_primary_without_data_does_not_begin_anew_beside_a_copy(self):
        (primary, replica), _ = self.start_all()
        primary.stop()
        self.data(primary).rename(self.data(primary).with_name("gone"))
        self.assertEqual(primary.start().wait_ended(), 1)
        self.assertIn("server 2 has a copy", primary.tail())
        replica.act("promote")
        primary.start().wait_ready(60)
        self.assertEqual(primary.status()["role"], "replica")

    def test_more_connections_are_taken_by_all(self):
        servers, _ = self.start_all(memory=512 << 20)

        def change(spec):
            spec["postgres"]["connections_direct"] = 40
        for agent in servers:
            agent.change(change)
        for agent in servers:
            wait_until(lambda: self.sql_or_none(agent, "SHOW max_connections") == "66", 60, "the new maximum")
        self.fed(servers[1])

        def back(spec):
            spec["postgres"]["connections_direct"] = 20
        for agent in reversed(servers):
            agent.change(back)
        wait_until(lambda: self.sql_or_none(servers[0], "SHOW max_connections") == "46", 60, "the old maximum")
        self.fed(servers[1])

    def test_a_setting_that_restarts_both_leaves_the_replica_fed_and_ready_to_be_promoted(self):
        servers, _ = self.start_all()
        for agent in servers:
            agent.change(lambda spec: spec["postgres"]["settings"].update(max_locks_per_transaction="96"))
        for agent in servers:
            wait_until(lambda: self.sql_or_none(agent, "SHOW max_locks_per_transaction") == "96", 60, "the restart")
        servers[1].act("promote")
        self.fed(servers[0])

    def test_the_first_server_takes_over_when_the_engine_loses_the_one_that_is_primary(self):
        servers, pool = self.start_all()
        self.sql(servers[0].port, "CREATE TABLE t AS SELECT 1 AS a")
        self.fed(servers[1])
        servers[1].act("promote")
        self.fed(servers[0])
        for agent in (servers[0], pool):
            agent.change(lambda spec: spec["postgres"].update(replicas=0))
        wait_until(lambda: servers[0].status()["role"] == "primary", 60, "the first server as primary")
        servers[1].stop()
        self.assertEqual(self.sql(pool.port, "SELECT a FROM t"), "1")
        self.sql(pool.port, "INSERT INTO t VALUES (2)")
        wait_until(lambda: servers[0].view("replicas") == [], 60, "no slot that keeps WAL")
        servers[0].stop()
        servers[0].start().wait_ready()
        self.assertEqual(self.sql(pool.port, "SELECT count(*) FROM t"), "2")


if __name__ == "__main__":
    unittest.main()
