"""EngineCase: agents of an engine without a daemon: `shore engine DIRECTORY` on assignments written by hand.

Started by root, agents and clients run as the user `postgres`, as the daemon does it; else as who runs the test.
"""

import http.client
import json
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from shore_case import SHORE, free_port, wait_until  # noqa: E402

PARTS = {"postgres": 1, "pgbouncer": 2, "redis": 3, "redis-sentinel": 4, "redis-endpoint": 5}
AS_ROOT = os.geteuid() == 0
PASSWORD = "0123456789abcdef0123456789abcdef"


def run_as(user):
    """Arguments of subprocess that make a child another user, when this is root."""
    if not AS_ROOT:
        return {}
    entry = pwd.getpwnam(user)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


class Refused(Exception):
    """An agent's answer that is no success."""

    def __init__(self, status, answer):
        super().__init__(f"{status}: {answer}")
        self.status, self.answer = status, answer


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Agent:
    def __init__(self, case, part, slot, assignment):
        self.case, self.part, self.slot = case, part, slot
        self.assignment = assignment
        self.run_directory = case.root / "run" / assignment["instance"]
        self.socket = pathlib.Path(assignment["socket_directory"]) / f"{assignment['instance']}.sock"
        self.log_path = case.root / f"{assignment['instance']}.log"
        self.process = None

    @property
    def port(self):
        return self.assignment["port"]

    def write(self):
        files = self.run_directory / "files"
        files.mkdir(parents=True, exist_ok=True)
        path = files / "assignment.json"
        path.unlink(missing_ok=True)
        path.write_text(json.dumps(self.assignment))
        path.chmod(0o400)
        self.case.give(self.run_directory, files, path)

    def start(self, before=None):
        """`before` is called in the new process, before it becomes the agent."""
        self.write()
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [self.case.shore, "engine", str(self.run_directory)], stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, start_new_session=True, cwd="/", env=self.case.environment, preexec_fn=before,
                **run_as(self.case.user))
        return self

    def request(self, method, target, body=None, timeout=90):
        connection = UnixConnection(self.socket, timeout)
        try:
            connection.request(method, target, body=json.dumps(body) if body is not None else None)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def ask(self, method, target, body=None, timeout=90):
        status, text = self.request(method, target, body, timeout)
        answer = json.loads(text)
        if status != 200:
            raise Refused(status, answer)
        return answer

    def status(self):
        return self.ask("GET", "/status")

    def view(self, name):
        """The rows of a table as dictionaries."""
        table = self.ask("GET", f"/views/{name}")
        names = [column["name"] for column in table["columns"]]
        return [dict(zip(names, row)) for row in table["rows"]]

    def act(self, name, arguments=None, timeout=90):
        return self.ask("POST", f"/actions/{name}", arguments or {}, timeout)

    def health(self):
        try:
            status, text = self.request("GET", "/health", timeout=5)
        except OSError:
            return {"ready": False, "detail": "no answer"}
        return json.loads(text)

    def wait_ready(self, seconds=60):
        def look():
            if self.process.poll() is not None:
                raise AssertionError(f"the agent ended with {self.process.returncode}:\n{self.tail()}")
            return self.health()["ready"]
        try:
            wait_until(look, seconds, f"{self.assignment['instance']} ready")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.health()}\n{self.tail()}") from None
        return self

    def wait_user(self, service, seconds=30):
        wait_until(lambda: self.request("GET", f"/users/{service}")[0] == 200, seconds, f"the role of {service}")

    def wait_ended(self, seconds=60):
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the agent still runs:\n{self.tail()}") from None

    def log_text(self):
        return self.log_path.read_text(errors="replace")

    def tail(self, lines=40):
        return "\n".join(self.log_text().splitlines()[-lines:])

    def change(self, change):
        """Changes the assignment's spec and tells the agent, as the daemon does."""
        change(self.assignment["spec"])
        self.write()
        self.process.send_signal(signal.SIGHUP)

    def stop(self, seconds=40):
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(seconds)
        return self.process and self.process.returncode

    def kill_all(self):
        """As the shim does after an agent's end: nothing of its session is left."""
        if self.process is None:
            return
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                session = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[3])
                if session == self.process.pid:
                    os.kill(int(entry.name), signal.SIGKILL)
            except (OSError, ProcessLookupError):
                continue
        self.process.wait(10)


class EngineCase(unittest.TestCase):
    user = "postgres"

    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="shore-engine-"))
        self.root.chmod(0o755)
        # Root's build directory may be closed to the user that the agents run as.
        self.shore = str(self.root / "shore")
        try:
            os.link(SHORE, self.shore)
        except OSError:  # Another file system, or another's file.
            shutil.copy2(SHORE, self.shore)
        self.environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "HOME": str(self.root)}
        self.sockets = self.root / "s"
        self.sockets.mkdir(mode=0o711)
        self.give(self.sockets)
        self.agents = []
        self.ports = {}
        self.addCleanup(self.clean_up)

    def clean_up(self):
        for agent in reversed(self.agents):
            try:
                agent.stop()
            except subprocess.TimeoutExpired:
                pass
            agent.kill_all()
        shutil.rmtree(self.root, ignore_errors=True)

    def give(self, *paths):
        """To the user that the agents run as."""
        if AS_ROOT:
            entry = pwd.getpwnam(self.user)
            for path in paths:
                os.chown(path, entry.pw_uid, entry.pw_gid)

    def port_of(self, part, slot):
        return self.ports.setdefault((part, slot), free_port())

    def agent(self, part, slot, spec, processes, instance=None, passwords=None):
        """An agent, not started. `processes` is {part: count}: all of the engine."""
        name = spec["service"]
        instance = instance or (f"{name}-{slot}" if part in ("postgres", "redis") else f"{name}-{part}-{slot}")
        data = self.root / f"{name}.{part}-{slot}"
        if not data.exists():
            data.mkdir(mode=0o700)
            self.give(data)
        assignment = {
            "part": PARTS[part], "slot": slot, "stack": "shop", "instance": instance,
            "port": self.port_of(part, slot), "data_directory": str(data), "socket_directory": str(self.sockets),
            "spec": spec,
            "peers": [{"part": PARTS[other], "slot": number, "port": self.port_of(other, number)}
                      for other, count in processes.items() for number in range(1, count + 1)],
            "passwords": passwords or dict({user: PASSWORD[::-1] for user in
                                            ("@admin", "@replication", "@pool", "@monitor")},
                                           **{user["service"]: PASSWORD for user in spec["users"]}),
        }
        agent = Agent(self, part, slot, assignment)
        self.agents.append(agent)
        return agent


def second():
    return 1_000_000_000


def postgres_spec(users=None, replicas=0, pool=None, **postgres):
    """As model::to_json(EngineSpec) writes it."""
    return {
        "engine": 1, "service": "db",
        "postgres": {"database": "shop", "extensions": [], "settings": {}, "replicas": replicas,
                     "lag_max_ns": 10 * second(), "connections_direct": 20, "memory": 256 << 20, **postgres},
        "pool": {"enabled": True, "size": 20, "clients": 1000, "wait_ns": 60 * second(), "statement_timeout_ns": 0,
                 "recycle_ns": 3600 * second(), **(pool or {})},
        "redis": {"replicas": 0, "sentinels": 0, "replicated": False, "evictable": False, "policy": "",
                  "memory": 0, "hold_ns": 0, "lag_max_ns": 0, "tls": False, "commands_disabled": [], "settings": {}},
        "users": users or [{"service": "api", "database": "shop", "access": 1}],
    }
