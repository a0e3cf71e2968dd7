"""The main job by the real binary: up, status, a request through the gateway, scale, deploy, rollback, down."""

import json
import unittest

from shore_case import ShoreCase, wait_until


class Lifecycle(ShoreCase):
    def test_up_serves_and_down_leaves_nothing(self):
        self.write_web_stack()
        first = self.shore("up")
        self.assertIn(f":{self.port}", first.stdout + first.stderr)
        status, body = self.get("/anything")
        self.assertEqual(status, 200)
        self.assertRegex(body, r"^api-\d+ one")
        api = self.service("api")
        self.assertEqual((api["desired"], api["ready"]), (2, 2))
        self.shore("down")
        self.assertFalse((self.state / "run" / "web").exists())

    def test_up_right_after_down_starts_the_next_daemon(self):
        self.write_web_stack(replicas=1)
        for _ in range(5):
            self.shore("up")
            self.assertEqual(self.get("/")[0], 200)
            self.shore("down")

    def test_up_again_changes_nothing(self):
        self.write_web_stack()
        self.shore("up")
        before = self.status()
        self.shore("up")
        self.assertEqual(before["stacks"][0]["release"], self.status()["stacks"][0]["release"])
        self.assertEqual(
            [instance["pid"] for instance in before["stacks"][0]["services"][0]["instances"]],
            [instance["pid"] for instance in self.service("api")["instances"]])

    def test_deploy_replaces_and_rollback_returns(self):
        self.write_web_stack("one")
        self.shore("up")
        self.write_web_stack("two")
        self.shore("deploy")
        self.assertIn("two", self.get("/")[1])
        self.shore("rollback")
        self.assertIn("one", self.get("/")[1])
        releases = json.loads(self.shore("releases", "--json").stdout)
        self.assertGreaterEqual(len(releases["releases"]), 3)

    def test_scale_starts_and_stops_instances(self):
        self.write_web_stack()
        self.shore("up")
        self.shore("scale", "api=4")
        self.assertEqual(self.service("api")["ready"], 4)
        self.shore("scale", "api=1")
        wait_until(lambda: len(self.service("api")["instances"]) == 1, what="one instance")

    def test_a_release_that_never_gets_healthy_is_rolled_back(self):
        self.write_web_stack("one")
        self.shore("up")
        manifest = self.project / "compose.yaml"
        manifest.write_text(manifest.read_text().replace('"app.py"]', '"missing.py"]'))
        failed = self.shore("deploy", check=False)
        self.assertEqual(failed.returncode, 1)
        self.assertIn("missing.py", failed.stdout + failed.stderr)
        self.assertIn("one", self.get("/")[1])


if __name__ == "__main__":
    unittest.main()
