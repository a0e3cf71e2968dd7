"""Upgrades of Shore itself under load: no request fails, no connection is closed, WebSockets live on."""
import os
import signal
import socket
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from load import HttpLoad, WebSockets  # noqa: E402
from shore_under_test import ShoreTest, is_alive, service, wait_until  # noqa: E402


class Upgrade(ShoreTest):
    def test_of_daemon_and_gateway_under_load_fails_nothing_and_restarts_nothing(self):
        self.shore.write(service("api", {"VERSION": "v1"}, replicas=2) + service("chat", {}))
        self.shore.up()
        before = {name: self.shore.pids(name) for name in ("api", "chat")}
        daemon, gateway = self.shore.daemon_pid(), self.shore.gateway_pid()
        sockets = WebSockets(self.shore.port, "/chat/ws", count=20).start()
        load = HttpLoad(self.shore.port, "/api/", rate=250, connections=20).start()
        try:
            sockets.reach(lambda: sockets.opened == 20)
            done = self.shore.run("upgrade")
            self.assertIn("gateway: replaced", done.stderr)
            seen, heard = load.succeeded, sockets.echoes
            load.reach(lambda: load.succeeded >= seen + 200)
            sockets.reach(lambda: sockets.echoes >= heard + 20)
        finally:
            load.stop()
            sockets.stop()
        self.measured(load.summary())
        self.measured(sockets.summary())
        self.assertEqual(load.failures[:5], [])
        self.assertEqual(load.closed_between, 0)
        self.assertEqual(sockets.broken[:5], [])
        self.assertEqual({name: self.shore.pids(name) for name in ("api", "chat")}, before)
        self.assertEqual(self.shore.daemon_pid(), daemon, "the same process, another program")
        wait_until("the old gateway has left", lambda: not is_alive(gateway), 30)


class GatewayUpgrade(ShoreTest):
    def gateways(self):
        return self.shore.gateway_pids()

    def test_under_load_fails_no_request_and_closes_no_socket(self):
        self.shore.write(service("api", {"VERSION": "v1"}, replicas=2) + service("chat", {}))
        self.shore.up()
        first = self.shore.gateway_pid()
        sockets = WebSockets(self.shore.port, "/chat/ws", count=50).start()
        load = HttpLoad(self.shore.port, "/api/", rate=250, connections=40).start()
        try:
            sockets.reach(lambda: sockets.opened == 50)
            for _ in range(3):
                done = self.shore.run("gateway", "upgrade")
                self.assertIn("replaced", done.stderr)
                seen, heard = load.succeeded, sockets.echoes
                load.reach(lambda least=seen + 200: load.succeeded >= least)
                sockets.reach(lambda least=heard + 60: sockets.echoes >= least)
            # The first one still carries the WebSockets; a deploy knows of them.
            self.assertTrue(is_alive(first), "it waits for its WebSockets")
            self.shore.write(service("api", {"VERSION": "v2"}, replicas=2) + service("chat", {}))
            self.shore.deploy()
            load.reach(lambda: any(body.startswith("v2") for body in load.bodies))
        finally:
            load.stop()
            sockets.stop()
        self.measured(load.summary())
        self.measured(sockets.summary())
        self.assertEqual(load.failures[:5], [])
        self.assertEqual(load.closed_between, 0)
        self.assertEqual(sockets.broken[:5], [])
        self.assertEqual(sockets.opened, 50)
        wait_until("the replaced gateways have left", lambda: len(self.gateways()) == 1, 30)
        self.assertNotEqual(self.gateways(), [first])

    def test_an_instance_is_not_stopped_while_a_replaced_gateway_needs_it(self):
        self.shore.write(service("chat", {"VERSION": "v1"}))
        self.shore.up()
        sockets = WebSockets(self.shore.port, "/chat/ws", count=5).start()
        try:
            sockets.reach(lambda: sockets.opened == 5)
            old = list(self.shore.pids("chat").values())
            self.shore.run("gateway", "upgrade")
            self.shore.write(service("chat", {"VERSION": "v2"}))
            self.shore.run("deploy", "--no-wait", "-f", self.shore.manifest)
            wait_until("the new release runs", lambda: set(self.shore.pids("chat").values()) - set(old))
            heard = sockets.echoes
            sockets.reach(lambda: sockets.echoes >= heard + 10)
            self.assertTrue(is_alive(old[0]), "its WebSockets are under way in the replaced gateway")
        finally:
            sockets.stop()
        self.assertEqual(sockets.broken, [])
        wait_until("the old instance is stopped once they have ended", lambda: not is_alive(old[0]), 30)

    def test_a_new_gateway_that_cannot_start_leaves_the_old_one_serving(self):
        self.shore.write(service("api", {"VERSION": "v1"}))
        self.shore.up()
        first = self.shore.gateway_pid()
        snapshot = os.path.join(self.shore.state, "run", "snapshot.json")
        with open(snapshot, encoding="utf-8") as file:
            good = file.read()
        with open(snapshot, "w", encoding="utf-8") as file:
            file.write("{")
        failed = self.shore.run("gateway", "upgrade", check=False)
        self.assertEqual(failed.returncode, 1)
        self.assertIn("the old one serves on", failed.stderr)
        self.assertIn("snapshot.json", failed.stderr)
        self.assertEqual(self.gateways(), [first])
        load = HttpLoad(self.shore.port, "/api/", rate=100, connections=2).start()
        load.reach(lambda: load.succeeded >= 20)
        load.stop()
        self.assertEqual(load.failures, [])
        with open(snapshot, "w", encoding="utf-8") as file:
            file.write(good)
        self.shore.run("gateway", "upgrade")
        wait_until("the first gateway has left", lambda: not is_alive(first), 30)

    def test_a_gateway_killed_after_an_upgrade_is_started_again(self):
        self.shore.write(service("api", {"VERSION": "v1"}))
        self.shore.up()
        self.shore.run("gateway", "upgrade")
        second = wait_until("one gateway", lambda: len(self.gateways()) == 1 and self.gateways()[0])
        os.kill(second, signal.SIGKILL)
        wait_until("another one", lambda: self.gateways() not in ([], [second]))
        load = HttpLoad(self.shore.port, "/api/", rate=100, connections=2, timeout=5).start()
        load.reach(lambda: load.succeeded >= 20)
        load.stop()
        self.assertGreaterEqual(load.succeeded, 20)

    def test_a_successor_that_dies_in_the_middle_changes_nothing(self):
        self.shore.write(service("api", {"VERSION": "v1"}))
        self.shore.up()
        path = os.path.join(self.shore.state, "run", "gateway.sock")
        with socket.socket(socket.AF_UNIX) as successor:
            successor.connect(path)
            successor.sendall(b'{"hand_over": true}\n')
            message, descriptors, _, _ = socket.recv_fds(successor, 65536, 64)
            self.assertIn(str(self.shore.port).encode(), message)
            self.assertTrue(descriptors)
            for descriptor in descriptors:
                os.close(descriptor)
            self.assertFalse(os.path.exists(path))
        wait_until("the control socket has its name again", lambda: os.path.exists(path))
        load = HttpLoad(self.shore.port, "/api/", rate=100, connections=4).start()
        load.reach(lambda: load.succeeded >= 50)
        load.stop()
        self.assertEqual(load.failures, [])
        self.shore.run("gateway", "upgrade")

    def test_without_a_daemon_says_so(self):
        failed = self.shore.run("gateway", "upgrade", check=False)
        self.assertEqual(failed.returncode, 1)
        self.assertIn("the daemon does not answer", failed.stderr)


if __name__ == "__main__":
    unittest.main()
