"""`shore down` leaves no process, no cgroup, no socket and no port."""
import glob
import os
import socket
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from shore_under_test import ShoreTest, command_line, is_alive, service, wait_until  # noqa: E402


def cgroups():
    return {path for path in glob.glob("/sys/fs/cgroup/**/", recursive=True) if "shore" in path or "proof" in path}


def can_listen(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


class Down(ShoreTest):
    STUBBORN = ("  stubborn:\n    command: [\"sh\", \"-c\", \"trap '' TERM; sleep 987 & while :; do sleep 1; done\"]\n"
                "    stop_grace_period: 1s\n")

    def test_leaves_nothing(self):
        before = cgroups()
        limited = service("limited", {}).replace("deploy: {replicas: 1}",
                                                 "deploy: {resources: {limits: {cpus: '0.5', memory: 128M}}}")
        self.shore.write(service("api", {}, replicas=2) + limited + self.STUBBORN)
        self.shore.up()
        names = ("api", "limited", "stubborn")
        ports = [one["port"] for name in ("api", "limited") for one in self.shore.instances(name)]
        pids = [pid for name in names for pid in self.shore.pids(name).values()]
        self.assertEqual(len(ports), 3)
        self.assertEqual(len(pids), 4)
        self.assertFalse(can_listen(self.shore.port))
        self.shore.run("down", "-f", self.shore.manifest)
        self.assertEqual([pid for pid in pids if is_alive(pid)], [])
        # Shore's own daemon and gateway serve other stacks of the state directory too; without any they leave.
        own = os.path.join(self.shore.state, "run", "_shore")
        left = [command_line(pid) for pid in self.shore.leftovers()]
        self.assertEqual([line for line in left if line and own not in line
                          and not {"daemon", "gateway"} & set(line.split()[:4])], [])
        wait_until("the gateway and its shim have left",
                   lambda: not any(own in command_line(pid) for pid in self.shore.leftovers()), 20)
        for port in [*ports, self.shore.port]:
            wait_until(f"port {port} is free", lambda p=port: can_listen(p), 10)
        self.assertEqual(glob.glob(os.path.join(self.shore.state, "run", "proof", "*")), [])
        self.assertEqual(cgroups() - before, set())
        self.assertIsNone(self.shore.stack())


if __name__ == "__main__":
    unittest.main()
