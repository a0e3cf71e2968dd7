"""Rolling deploys under load: no request fails, and no socket of a service that did not change is closed."""
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from load import HttpLoad, WebSockets  # noqa: E402
from shore_under_test import ShoreTest, service  # noqa: E402


class Deploy(ShoreTest):
    def write(self, version):
        self.shore.write(service("api", {"VERSION": version}, replicas=2) + service("chat", {}))

    def test_under_load_fails_no_request_and_closes_no_other_socket(self):
        self.write("v1")
        self.shore.up()
        chat_before = self.shore.pids("chat")
        api_before = self.shore.pids("api")
        sockets = WebSockets(self.shore.port, "/chat/ws", count=50).start()
        load = HttpLoad(self.shore.port, "/api/", rate=250, connections=40).start()
        try:
            for version in ("v2", "v3"):
                self.write(version)
                self.shore.deploy()
            # On a quick machine two deploys take less than a second: too little for a rate, or to hear every socket.
            load.reach(lambda: load.succeeded >= 500)
            sockets.reach(lambda: sockets.echoes >= 150)
        finally:
            load.stop()
            sockets.stop()
        self.measured(load.summary())
        self.measured(sockets.summary())
        self.assertEqual(load.failures[:5], [])
        self.assertEqual(load.closed_between, 0)
        self.assertGreaterEqual(load.achieved_rate, 200)
        self.assertEqual(sockets.broken[:5], [])
        self.assertEqual(sockets.opened, 50)
        self.assertGreater(sockets.echoes, 100)
        # The load did see every release, and the other service was left alone.
        self.assertEqual({body.split()[0] for body in load.bodies}, {"v1", "v2", "v3"})
        self.assertEqual(self.shore.pids("chat"), chat_before)
        self.assertFalse(set(self.shore.pids("api").values()) & set(api_before.values()))
        self.assertEqual(len(self.shore.running("api")), 2)

    def test_scaling_up_and_down_under_load_fails_no_request(self):
        self.write("v1")
        self.shore.up()
        load = HttpLoad(self.shore.port, "/api/", rate=250, connections=40).start()
        try:
            for replicas in (4, 1, 2):
                self.shore.run("scale", f"api={replicas}", "-f", self.shore.manifest)
                seen = load.succeeded
                load.reach(lambda least=seen + 50: load.succeeded >= least)
        finally:
            load.stop()
        self.measured(load.summary())
        self.assertEqual(load.failures[:5], [])
        self.assertEqual(load.closed_between, 0)
        self.assertGreater(len(load.bodies), 2, "requests reached the instances that were added")

    def test_restarting_a_service_under_load_fails_no_request(self):
        self.write("v1")
        self.shore.up()
        before = self.shore.pids("api")
        load = HttpLoad(self.shore.port, "/api/", rate=250, connections=40).start()
        try:
            self.shore.run("restart", "-f", self.shore.manifest, "api")
            load.reach(lambda: load.succeeded >= 250)
        finally:
            load.stop()
        self.measured(load.summary())
        self.assertEqual(load.failures[:5], [])
        self.assertFalse(set(self.shore.pids("api").values()) & set(before.values()))


if __name__ == "__main__":
    unittest.main()
