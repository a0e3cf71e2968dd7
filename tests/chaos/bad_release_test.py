"""Releases that cannot serve: the old one keeps serving, and Shore says why it went back."""
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from load import HttpLoad  # noqa: E402
from shore_under_test import ShoreTest, service  # noqa: E402


class BadRelease(ShoreTest):
    POLICY = "      update_config: {parallelism: 1, order: start-first, failure_action: rollback, monitor: MONITOR}\n"

    def write(self, environment, monitor="1s", command=None):
        text = service("api", environment, replicas=2).replace(
            "    deploy: {replicas: 2}\n",
            "    deploy:\n      replicas: 2\n" + self.POLICY.replace("MONITOR", monitor))
        text = text.replace("start_period: 20s", "start_period: 3s")
        if command:
            lines = text.splitlines(keepends=True)
            text = "".join(f"    command: {command}\n" if line.startswith("    command:") else line for line in lines)
        self.shore.write(text)

    def is_rolled_back(self, reasons, **change):
        self.write({"VERSION": "good"})
        self.shore.up()
        before = self.shore.pids("api")
        load = HttpLoad(self.shore.port, "/api/", rate=250, connections=20).start()
        try:
            self.write(**change)
            failed = self.shore.deploy(check=False)
        finally:
            load.stop()
        said = failed.stdout + failed.stderr
        self.measured(load.summary())
        self.measured("it said: " + " | ".join(said.strip().splitlines()[-3:]))
        self.assertEqual(failed.returncode, 1, said)
        for reason in ["roll", *reasons]:
            self.assertIn(reason.lower(), said.lower())
        self.assertEqual(load.failures[:5], [])
        self.assertEqual(load.closed_between, 0)
        self.assertEqual(len(self.shore.running("api")), 2)
        self.assertTrue(set(before.values()) & set(self.shore.pids("api").values()), "old instances kept running")
        again = HttpLoad(self.shore.port, "/api/", rate=200, connections=4).start()
        again.reach(lambda: again.succeeded + len(again.failures) >= 40)
        again.stop()
        self.assertTrue(again.bodies and all(body.startswith("good ") for body in again.bodies), again.bodies)

    def test_that_never_becomes_healthy(self):
        self.is_rolled_back(["503"], environment={"VERSION": "bad", "MODE": "never-healthy"})

    def test_that_crashes_after_five_seconds(self):
        self.is_rolled_back(["exit code 3", "the application gives up"],
                            environment={"VERSION": "bad", "MODE": "crash-after"}, monitor="8s")

    def test_with_a_missing_executable(self):
        self.is_rolled_back(["/no/such/program"], environment={"VERSION": "bad"}, command='["/no/such/program"]')

    def test_that_never_opens_its_port(self):
        self.is_rolled_back(["port"], environment={"VERSION": "bad", "MODE": "no-port"})


class Rollback(ShoreTest):
    def test_returns_to_the_release_before_under_load(self):
        self.shore.write(service("api", {"VERSION": "one"}, replicas=2))
        self.shore.up()
        self.shore.write(service("api", {"VERSION": "two"}, replicas=2))
        self.shore.deploy()
        load = HttpLoad(self.shore.port, "/api/", rate=250, connections=20).start()
        try:
            self.shore.run("rollback", "-f", self.shore.manifest)
        finally:
            load.stop()
        self.measured(load.summary())
        self.assertEqual(load.failures[:5], [])
        after = HttpLoad(self.shore.port, "/api/", rate=200, connections=4).start()
        after.reach(lambda: after.succeeded + len(after.failures) >= 40)
        after.stop()
        self.assertTrue(after.bodies and all(body.startswith("one ") for body in after.bodies), after.bodies)


if __name__ == "__main__":
    unittest.main()
