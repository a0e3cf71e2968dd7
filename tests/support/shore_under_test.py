"""Shore: the real binary on a temporary state directory, driven from outside as a user would."""
import glob
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

SUPPORT = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.environ.get("SHORE_SOURCE", os.path.dirname(os.path.dirname(SUPPORT)))
BINARY = os.environ.get("SHORE", os.path.join(SOURCE, "build", "shore"))
APP = os.path.join(SUPPORT, "app.py")
PYTHON = sys.executable


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(what, condition, seconds=30, pause=0.05):
    """Returns the first true value of condition(); fails with `what` when it stays false."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(pause)


def process_environment(pid):
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read()
    except OSError:
        return b""


def is_alive(pid):
    """False for a process that has ended, also when nobody has collected it yet."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] != b"Z"
    except OSError:
        return False


def command_line(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def working_directory(pid):
    try:
        return os.readlink(f"/proc/{pid}/cwd")
    except OSError:
        return ""


def processes_with(text):
    """Numbers of processes whose command line or environment contains `text`."""
    found = []
    for entry in glob.glob("/proc/[0-9]*"):
        pid = int(os.path.basename(entry))
        if pid != os.getpid() and is_alive(pid) and text.encode() in (
                command_line(pid).encode() + process_environment(pid)):
            found.append(pid)
    return found


def resident_bytes(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def proportional_bytes(pid):
    """Memory with shared pages divided among those who share them."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("Pss:"))
    except (OSError, StopIteration):
        return 0


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        words = file.read().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


class Shore:
    """One state directory with its daemon. `close()` ends everything that it started."""

    def __init__(self):
        self.root = tempfile.mkdtemp(prefix="shore-test-")
        os.chmod(self.root, 0o755)
        self.state = os.path.join(self.root, "state")
        self.manifest = os.path.join(self.root, "compose.yaml")
        self.port = free_port()
        self.range_first = 20000 + (os.getpid() * 7 + time.monotonic_ns() // 1000) % 90 * 100

    def write(self, services, extra="", tls_port=None):
        """Writes the manifest: `services` is the indented YAML below `services:`."""
        listen = [f"http://127.0.0.1:{self.port}"] + ([f"https://127.0.0.1:{tls_port}"] if tls_port else [])
        text = ("name: proof\nservices:\n" + services + "x-shore:\n"
                f"  gateway: {{listen: {json.dumps(listen)}, drain_timeout: 10s}}\n"
                f"  ports: {{range: \"{self.range_first}-{self.range_first + 899}\"}}\n" + extra)
        with open(self.manifest, "w", encoding="utf-8") as file:
            file.write(text)

    def run(self, *arguments, check=True, timeout=120):
        """Runs a verb; returns the finished process with .stdout and .stderr as text."""
        command = [BINARY, "--state", self.state, *map(str, arguments)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, cwd=self.root,
                                  stdin=subprocess.DEVNULL, check=False)
        except subprocess.TimeoutExpired as late:
            said = "".join(part.decode(errors="replace") for part in (late.stdout, late.stderr) if part)
            raise AssertionError(f"{' '.join(command)} has not ended within {timeout} s\n{said}\n"
                                 f"{self.picture()}\n{self.daemon_log()}") from None
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(command)} ended with {done.returncode}\n{done.stdout}{done.stderr}"
                                 f"\n{self.daemon_log()}")
        return done

    def picture(self):
        """What people would look at: the instances, and what happened last."""
        looks = (["status", "--detailed"], ["events", "--tail", "30"])
        return "\n".join(
            subprocess.run([BINARY, "--state", self.state, *look], capture_output=True, text=True, timeout=30,
                           cwd=self.root, stdin=subprocess.DEVNULL, check=False).stdout for look in looks)

    def up(self, *arguments, **options):
        return self.run("up", "-f", self.manifest, *arguments, **options)

    def deploy(self, *arguments, **options):
        return self.run("deploy", "-f", self.manifest, *arguments, **options)

    def status(self):
        return json.loads(self.run("status", "--json").stdout)

    def stack(self):
        stacks = self.status()["stacks"]
        return next((stack for stack in stacks if stack["name"] == "proof"), None)

    def service(self, name):
        return next(service for service in self.stack()["services"] if service["name"] == name)

    def instances(self, name):
        return self.service(name)["instances"]

    def running(self, name):
        return [one for one in self.instances(name) if one.get("pid")]

    def pids(self, name):
        return {one["id"]: one["pid"] for one in self.running(name)}

    def daemon_pid(self):
        """The process that holds the control socket."""
        path = os.path.join(self.state, "run", "api.sock")
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)
            credentials = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        return int.from_bytes(credentials[:4], sys.byteorder)

    def gateway_pids(self):
        return [pid for pid in processes_with(self.state) if "gateway" in command_line(pid).split()[1:2]]

    def gateway_pid(self):
        return next(iter(self.gateway_pids()), None)

    def log_lines(self, service):
        """Every JSON record of a service's logs, rotated files included, in file order."""
        records = []
        directory = os.path.join(self.state, "logs", "proof", service)
        for name in sorted(os.listdir(directory)):
            path = os.path.join(directory, name)
            if name.endswith(".zst"):
                data = subprocess.run(["zstd", "-dcq", path], capture_output=True, check=True).stdout
            else:
                with open(path, "rb") as file:
                    data = file.read()
            records += [json.loads(line) for line in data.splitlines() if line]
        return records

    def daemon_log(self):
        text = ""
        for path in sorted(glob.glob(os.path.join(self.state, "logs", "_shore", "**", "*.log"), recursive=True)):
            with open(path, encoding="utf-8", errors="replace") as file:
                text += f"--- {path}\n" + "".join(file.readlines()[-30:])
        return text

    def leftovers(self):
        """Processes that belong to this state directory: daemon, gateway, shims, apps (which run in its parent)."""
        inside = [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc")))
                  if is_alive(pid) and working_directory(pid).startswith(self.root)]
        return sorted(set(inside) | set(processes_with(self.root)) - {os.getpid()})

    def close(self):
        try:
            subprocess.run([BINARY, "--state", self.state, "down", "-f", self.manifest], capture_output=True,
                           timeout=60, check=False, cwd=self.root, stdin=subprocess.DEVNULL)
        except (OSError, subprocess.TimeoutExpired):
            pass
        for number in (signal.SIGTERM, signal.SIGKILL):
            for pid in self.leftovers():
                try:
                    os.kill(pid, number)
                except OSError:
                    pass
            end = time.monotonic() + 5
            while self.leftovers() and time.monotonic() < end:
                time.sleep(0.05)
        shutil.rmtree(self.root, ignore_errors=True)


def service(name, environment=None, route=None, replicas=1, extra=""):
    """YAML of one service that runs app.py, as `Shore.write` takes it."""
    variables = "".join(f"      {key}: \"{value}\"\n" for key, value in (environment or {}).items())
    text = f"  {name}:\n    command: [\"{PYTHON}\", \"-u\", \"{APP}\"]\n"
    if variables:
        text += "    environment:\n" + variables
    text += ("    healthcheck: {interval: 500ms, timeout: 2s, retries: 3, start_period: 20s, start_interval: 100ms}\n"
             f"    deploy: {{replicas: {replicas}}}\n"
             f"    x-shore: {{http: {{route: \"{route or '/' + name}\", health: /healthz}}}}\n")
    return text + extra


class ShoreTest(unittest.TestCase):
    """A test with a Shore of its own; shows what the daemon said when it fails."""

    def setUp(self):
        self.shore = Shore()
        self.addCleanup(self.shore.close)

    def measured(self, text):
        """Prints a figure where people and the bench page find it."""
        print(f"    measured: {text}", flush=True)
