"""ShoreCase: a test case that drives the real binary with a state directory of its own.

Each test gets a temporary project and state directory and free ports chosen at run time. At the end everything
it started is stopped, also after a failure, and what it leaves behind (a process) is a failure of the test.
The program under test is $SHORE.
"""

import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

SHORE = os.environ.get("SHORE", "build/release/shore")


def free_port():
    """A TCP port that nothing listens on now, outside the kernel's ephemeral range's reuse."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition, seconds=20, what="the condition"):
    """Asks until condition() gives something true, and returns that."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not come true within {seconds} s")
        time.sleep(0.02)


def processes_with(text):
    """{pid: command line} of the live processes whose command line or environment names `text`."""
    found = {}
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            environment = (entry / "environ").read_bytes().decode(errors="replace")
            state = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
        except OSError:
            continue
        if state != "Z" and (text in command or text in environment):
            found[int(entry.name)] = command.strip()
    return found


# A web service in a few lines: says who it is; /healthz; stops cleanly on SIGTERM after the requests under way.
WEB_APP = r'''
import http.server, os, signal, sys, threading, time

RELEASE = os.environ.get("LABEL", "one")

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        if self.path.startswith("/slow"):
            time.sleep(0.3)  # A request that is under way for a while.
        body = f"{os.environ['SHORE_INSTANCE']} {RELEASE}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        print("request", self.path, flush=True)

class Server(http.server.ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 128

server = Server(("127.0.0.1", int(os.environ["PORT"])), Handler)
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
print("listening", flush=True)
server.serve_forever()
'''


class ShoreCase(unittest.TestCase):
    def setUp(self):
        self.project = pathlib.Path(tempfile.mkdtemp(prefix="shore-test-"))
        self.state = self.project / "state"
        self.port = free_port()
        self.addCleanup(self.clean_up)

    def clean_up(self):
        if self.state.exists():
            self.shore("down", "--all", check=False, timeout=60)
        end = time.monotonic() + 10
        while processes_with(str(self.state)) and time.monotonic() < end:
            time.sleep(0.05)
        left = processes_with(str(self.state))
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        shutil.rmtree(self.project, ignore_errors=True)
        self.assertEqual(left, {}, "processes were left behind")

    def write(self, name, text):
        path = self.project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def shore(self, *arguments, check=True, timeout=90, env=None):
        """Runs the program in the project directory; gives the finished process."""
        environment = dict(os.environ, SHORE_STATE=str(self.state), NO_COLOR="1", **(env or {}))
        done = subprocess.run(
            [SHORE, *arguments], cwd=self.project, env=environment, capture_output=True, text=True,
            stdin=subprocess.DEVNULL, timeout=timeout)
        if check and done.returncode != 0:
            raise AssertionError(
                f"shore {' '.join(arguments)} exited with {done.returncode}\n"
                f"--- stdout\n{done.stdout}--- stderr\n{done.stderr}--- daemon log\n{self.daemon_log()}")
        return done

    def daemon_log(self, lines=40):
        path = self.state / "logs" / "_shore" / "daemon.log"
        return "\n".join(path.read_text().splitlines()[-lines:]) if path.exists() else "(none)"

    def status(self):
        return json.loads(self.shore("status", "--json").stdout)

    def service(self, name):
        """The service's part of status; its stack must be the only one."""
        stacks = self.status()["stacks"]
        self.assertEqual(len(stacks), 1)
        return next(service for service in stacks[0]["services"] if service["name"] == name)

    def get(self, path, port=None, headers=None):
        """(status, body) of a GET through the gateway."""
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=20)
        try:
            connection.request("GET", path, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read().decode(errors="replace")
        finally:
            connection.close()

    def write_web_stack(self, label="one", replicas=2, extra=""):
        """A stack `web` with one service `api` that answers on every path."""
        self.write("app.py", WEB_APP)
        return self.write("compose.yaml", f"""
name: web
services:
  api:
    command: ["python3", "-B", "app.py"]
    environment: {{LABEL: "{label}"}}
    deploy: {{replicas: {replicas}}}
    x-shore:
      http: {{route: "/", health: /healthz}}
{extra}
x-shore:
  gateway: {{listen: ["http://127.0.0.1:{self.port}"], threads: 1}}
""")
