"""kill -9 while requests are on their way: of an instance, of the daemon, of the gateway."""
import os
import re
import signal
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from load import HttpLoad, WebSockets  # noqa: E402
from shore_under_test import ShoreTest, is_alive, service, wait_until  # noqa: E402


class InstanceCrash(ShoreTest):
    def two_running(self):
        running = [one for one in self.shore.running("api") if one["state"] == "running"]
        return running if len(running) == 2 else None

    def test_fails_no_get_and_the_instance_is_started_again(self):
        self.shore.write(service("api", {"VERSION": "v1"}, replicas=2))
        self.shore.up()
        load = HttpLoad(self.shore.port, "/api/", rate=250, connections=20).start()
        killed = 0
        try:
            for _ in range(3):
                victim = wait_until("two instances run", self.two_running)[0]["pid"]
                os.kill(victim, signal.SIGKILL)
                killed += 1
                wait_until("the killed process is replaced",
                           lambda gone=victim: gone not in self.shore.pids("api").values() and self.two_running())
        finally:
            load.stop()
        self.measured(f"{killed} instances killed: {load.summary()}")
        self.assertEqual(load.failures[:5], [])
        self.assertEqual(load.closed_between, 0)
        self.assertEqual(sum(one["restarts"] for one in self.shore.instances("api")), killed)

    def test_in_the_middle_of_an_answer_breaks_only_that_answer(self):
        self.shore.write(service("api", {"VERSION": "v1"}, replicas=2))
        self.shore.up()
        load = HttpLoad(self.shore.port, "/api/die", rate=1, connections=1).start()
        wait_until("the half answer has arrived", lambda: load.failures, 20)
        load.stop()
        # Half an answer cannot be taken back: the client sees that it is broken, never a wrong whole.
        self.assertEqual(load.succeeded, 0)
        after = HttpLoad(self.shore.port, "/api/", rate=50, connections=2).start()
        after.reach(lambda: after.succeeded > 5)
        after.stop()
        self.assertEqual(after.failures[:5], [])
        self.assertGreater(after.succeeded, 5)


class DaemonCrash(ShoreTest):
    LINE = re.compile(r"line (\d+) of (\d+)$")

    def lines_of(self, service_name):
        """Numbers per process, in the order in which they stand in the logs."""
        numbers = {}
        for record in self.shore.log_lines(service_name):
            match = self.LINE.match(record["message"])
            if match:
                numbers.setdefault(int(match[2]), []).append(int(match[1]))
        return numbers

    def restart_counts(self):
        return {one["id"]: one["restarts"] for one in self.shore.instances("api")}

    def test_fails_nothing_restarts_nothing_and_loses_no_line(self):
        self.shore.write(service("api", {"VERSION": "v1", "LINES": "0.01"}, replicas=2) + service("chat", {}))
        self.shore.up()
        # One restart before, to see that its count is kept.
        os.kill(self.shore.running("api")[0]["pid"], signal.SIGKILL)
        wait_until("the instance has been restarted",
                   lambda: sum(self.restart_counts().values()) == 1 and len(self.shore.running("api")) == 2
                   and all(one["state"] == "running" for one in self.shore.running("api")))
        before = {name: self.shore.pids(name) for name in ("api", "chat")}
        restarts = self.restart_counts()
        sockets = WebSockets(self.shore.port, "/chat/ws", count=20).start()
        load = HttpLoad(self.shore.port, "/api/", rate=250, connections=20).start()
        gaps = []
        try:
            for _ in range(3):
                daemon = self.shore.daemon_pid()
                os.kill(daemon, signal.SIGKILL)
                wait_until("the daemon is gone", lambda gone=daemon: not is_alive(gone))
                time.sleep(0.5)  # Apps and gateway serve alone for a while; the load runs on.
                began = time.monotonic()
                self.shore.up()  # Nothing changed: starts a daemon, which adopts.
                gaps.append(time.monotonic() - began)
                self.assertNotEqual(self.shore.daemon_pid(), daemon)
                self.assertEqual({name: self.shore.pids(name) for name in ("api", "chat")}, before)
            load.reach(lambda: load.succeeded >= 500)
        finally:
            load.stop()
            sockets.stop()
        self.measured(f"3 daemons killed; `shore up` with a new one took {', '.join(f'{gap:.2f} s' for gap in gaps)}")
        self.measured(load.summary())
        self.measured(sockets.summary())
        self.assertEqual(load.failures[:5], [])
        self.assertEqual(load.closed_between, 0)
        self.assertEqual(sockets.broken[:5], [])
        self.assertEqual(self.restart_counts(), restarts)
        self.assertEqual(self.shore.stack()["release"], 1)
        self.shore.run("down", "-f", self.shore.manifest)
        lines = self.lines_of("api")
        self.assertEqual(len(lines), 3, "two instances and the one that was restarted")
        for pid, numbers in lines.items():
            self.assertEqual(numbers, list(range(1, len(numbers) + 1)), f"lines of process {pid}")
            if pid in before["api"].values():
                self.assertGreater(len(numbers), 100)
        self.measured(f"{sum(map(len, lines.values()))} numbered lines, none missing, none twice")

    def test_during_a_deploy_ends_with_one_whole_release(self):
        self.shore.write(service("api", {"VERSION": "v1"}, replicas=2))
        self.shore.up()
        load = HttpLoad(self.shore.port, "/api/", rate=250, connections=20).start()
        try:
            self.shore.write(service("api", {"VERSION": "v2"}, replicas=2))
            self.shore.run("deploy", "--no-wait", "-f", self.shore.manifest)
            time.sleep(0.2)  # In the middle of the rollout.
            os.kill(self.shore.daemon_pid(), signal.SIGKILL)
            time.sleep(0.2)  # In the middle of the rollout.
            self.shore.up()
            wait_until("two healthy instances of one release run", self.is_settled, 60)
        finally:
            load.stop()
        self.measured(load.summary())
        self.assertEqual(load.failures[:5], [])

    def is_settled(self):
        instances = self.shore.instances("api")
        return (len(instances) == 2 and all(one["state"] == "running" for one in instances)
                and len({one["release"] for one in instances}) == 1)


class GatewayCrash(ShoreTest):
    def answers(self):
        load = HttpLoad(self.shore.port, "/api/", rate=20, connections=1, timeout=2).start()
        time.sleep(0.1)  # Two requests or so.
        load.stop()
        return load.succeeded > 0 and not load.failures

    def test_is_followed_by_a_new_gateway_at_once(self):
        self.shore.write(service("api", {"VERSION": "v1"}))
        self.shore.up()
        before = self.shore.pids("api")
        gateway = self.shore.gateway_pid()
        self.assertIsNotNone(gateway)
        os.kill(gateway, signal.SIGKILL)
        began = time.monotonic()
        wait_until("the gateway answers again", self.answers, 10, pause=0.01)
        self.measured(f"gateway back {time.monotonic() - began:.2f} s after kill -9")
        self.assertEqual(self.shore.pids("api"), before)

    def test_while_no_daemon_runs_is_mended_by_the_next_daemon(self):
        self.shore.write(service("api", {"VERSION": "v1"}))
        self.shore.up()
        before = self.shore.pids("api")
        os.kill(self.shore.daemon_pid(), signal.SIGKILL)
        os.kill(self.shore.gateway_pid(), signal.SIGKILL)
        self.shore.up()
        wait_until("the gateway answers again", self.answers, 10)
        self.assertEqual(self.shore.pids("api"), before)


if __name__ == "__main__":
    unittest.main()
