"""A Redis engine as its agents run it (`shore engine DIRECTORY`), without a daemon: assignments written by hand, the
agents as child processes, started again when they end, as the supervisor does."""
import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time

SUPPORT = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.environ.get("SHORE_SOURCE", os.path.dirname(os.path.dirname(SUPPORT)))
SHORE = os.environ.get("SHORE", os.path.join(SOURCE, "build", "shore"))
SECOND = 1_000_000_000
SERVER, SENTINEL, ENDPOINT = 3, 4, 5
NAMES = {SERVER: "server", SENTINEL: "sentinel", ENDPOINT: "endpoint"}
ADMIN, PASSWORD = "shore_admin", "admin" + "0" * 27
APP, APP_PASSWORD = "web", "web" + "0" * 29
READER, READER_PASSWORD = "report", "report" + "0" * 26


def free_ports(count):
    """Distinct ports that nobody listens on now, below the range the kernel takes for outgoing connections: a server
    that is down for a moment must find its own free again."""
    with open("/proc/sys/net/ipv4/ip_local_port_range") as file:
        first = int(file.read().split()[0])
    found = []
    candidate = 15000 + (os.getpid() * 37 + int(time.time() * 1000)) % (first - 16000)
    while len(found) < count:
        candidate += 1
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", candidate))
            except OSError:
                continue
        found.append(candidate)
    return found


def wait_until(what, condition, seconds=30, pause=0.02):
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(pause)  # tidy-allow(test-sleep): the pause between two looks


class RedisError(Exception):
    pass


class Redis:
    """A small client: commands out, replies in. reply() returns errors as RedisError values, ask() raises them."""

    def __init__(self, port=None, user=ADMIN, password=PASSWORD, seconds=20, path=None, ca=None):
        if path:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(seconds)
            self.socket.connect(path)
        else:
            self.socket = socket.create_connection(("127.0.0.1", port), seconds)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if ca:
            plain = self.socket
            try:
                self.socket = ssl.create_default_context(cafile=ca).wrap_socket(plain, server_hostname="127.0.0.1")
            finally:
                plain.close()  # Its descriptor is the other's by now, unless that failed.
        self.file = self.socket.makefile("rb")
        if user:
            self.ask("AUTH", user, password)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.file.close()
        self.socket.close()

    @staticmethod
    def encode(*parts):
        out = [b"*%d\r\n" % len(parts)]
        for part in parts:
            part = part if isinstance(part, bytes) else str(part).encode()
            out.append(b"$%d\r\n%b\r\n" % (len(part), part))
        return b"".join(out)

    def send(self, *parts):
        self.socket.sendall(self.encode(*parts))

    def reply(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the connection has ended")
        kind, text = line[:1], line[1:-2]
        if kind in b"+":
            return text.decode()
        if kind in b"-":
            return RedisError(text.decode())
        if kind in b":":
            return int(text)
        if kind in b"_":
            return None
        if kind in b"#,(":
            return text.decode()
        count = int(text)
        if kind in b"$=!":
            if count < 0:
                return None
            value = self.file.read(count + 2)
            if len(value) != count + 2:
                raise ConnectionError("the connection has ended")
            return value[:-2]
        if count < 0:
            return None
        items = [self.reply() for _ in range(count * (2 if kind in b"%|" else 1))]
        return self.reply() if kind == b"|" else items

    def ask(self, *parts):
        self.send(*parts)
        value = self.reply()
        if isinstance(value, RedisError):
            raise value
        return value

    def pipeline(self, commands):
        self.socket.sendall(b"".join(self.encode(*command) for command in commands))
        return [self.reply() for _ in commands]


class UnixHttp(http.client.HTTPConnection):
    def __init__(self, path, seconds):
        super().__init__("localhost", timeout=seconds)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Agent:
    """One process of the engine. While `kept`, it is started again when it ends."""

    def __init__(self, engine, part, slot, port):
        self.engine, self.part, self.slot, self.port = engine, part, slot, port
        self.name = f"store-{NAMES[part]}-{slot}" if part != ENDPOINT else "store-1"
        self.directory = os.path.join(engine.directory, self.name)
        self.data = os.path.join(self.directory, "data")
        self.log = os.path.join(self.directory, "log")
        self.process = None
        self.kept = False
        self.lock = threading.Lock()
        os.makedirs(os.path.join(self.directory, "files"))
        os.makedirs(self.data)

    def write_assignment(self):
        path = os.path.join(self.directory, "files", "assignment.json")
        assignment = dict(self.engine.common(), part=self.part, slot=self.slot, instance=self.name, port=self.port,
                          data_directory=self.data)
        with open(path + ".new", "w") as file:
            json.dump(assignment, file)
        os.chmod(path + ".new", 0o400)
        self.engine.own(path + ".new")
        os.rename(path + ".new", path)

    def start(self):
        with self.lock:
            self.kept = True
            if self.process is None or self.process.poll() is not None:
                self._start()

    def _start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([SHORE, "engine", self.directory], stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL, cwd="/", start_new_session=True,
                                            env={"PATH": os.environ["PATH"]}, **self.engine.identity())

    def keep(self):
        """Called again and again: starts it when it has ended."""
        with self.lock:
            if self.kept and self.process.poll() is not None:
                self._start()

    def child(self):
        """The server's pid; None when there is none."""
        try:
            with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as file:
                pids = file.read().split()
        except OSError:
            return None
        return int(pids[0]) if pids else None

    def ask(self, method, path, body=None, seconds=20):
        """(status, JSON or text); None while it does not answer."""
        connection = UnixHttp(os.path.join(self.engine.sockets, self.name + ".sock"), seconds)
        try:
            connection.request(method, path, body=json.dumps(body) if body is not None else None)
            answer = connection.getresponse()
            text = answer.read().decode()
            kind = answer.headers.get("Content-Type", "")
            return answer.status, json.loads(text) if "json" in kind else text
        except OSError:
            return None
        finally:
            connection.close()

    def get(self, path):
        answer = self.ask("GET", path)
        if answer is None or answer[0] != 200:
            raise AssertionError(f"{self.name} GET {path}: {answer}")
        return answer[1]

    def is_ready(self):
        answer = self.ask("GET", "/health")
        return answer is not None and answer[0] == 200

    def stop(self):
        with self.lock:
            self.kept = False
            if self.process and self.process.poll() is None:
                self.process.terminate()
        if self.process:
            self.process.wait(30)

    def kill(self, keep=False):
        """kill -9 of the agent and its server, as when the machine's power fails."""
        with self.lock:
            self.kept = keep
            child = self.child()
            self.process.kill()
            if child:
                try:
                    os.kill(child, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            self.process.wait(30)

    def kill_child(self):
        os.kill(self.child(), signal.SIGKILL)

    def redis(self, **options):
        return Redis(self.port, ca=self.engine.ca, **options)


def make_certificate(directory):
    """(authority's PEM file, certificate's with key, chain) as Shore's private authority makes them."""
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True)
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=authority")
    openssl("req", *key, "-keyout", "own.key", "-out", "own.csr", "-subj", "/CN=Shore",
            "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-addext", "extendedKeyUsage=serverAuth")
    openssl("x509", "-req", "-in", "own.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
            "-copy_extensions", "copyall", "-out", "own.pem")

    def read(name):
        with open(os.path.join(directory, name)) as file:
            return file.read()
    return os.path.join(directory, "ca.pem"), read("own.pem") + read("ca.pem") + read("own.key")


class RedisEngine:
    """replicas=0: one server alone. tls=True: its addresses speak TLS, as `ca` (a file) has signed."""

    def __init__(self, replicas=2, sentinels=3, **redis):
        self.directory = tempfile.mkdtemp(prefix="shore-redis-")
        self.ca, self.tls = None, {"certificate": "", "authority": ""}
        if redis.get("tls"):
            self.renew()
        self.sockets = os.path.join(self.directory, "s")
        os.mkdir(self.sockets)
        os.chmod(self.directory, 0o711)
        self.options = {"replicas": replicas, "sentinels": sentinels if replicas else 0, "replicated": replicas > 0,
                        "evictable": False, "policy": "", "memory": 256 << 20, "hold_ns": 10 * SECOND,
                        "lag_max_ns": 10 * SECOND, "tls": False, "commands_disabled": [], "settings": {}}
        self.options.update(redis)
        self.users = [{"service": APP, "database": "", "access": 1}, {"service": READER, "database": "", "access": 2}]
        count = replicas + 1 + self.options["sentinels"] + (2 if replicas else 0)
        ports = free_ports(count)
        self.servers = [Agent(self, SERVER, i + 1, ports.pop(0)) for i in range(replicas + 1)]
        self.sentinels = [Agent(self, SENTINEL, i + 1, ports.pop(0)) for i in range(self.options["sentinels"])]
        self.endpoint = Agent(self, ENDPOINT, 1, ports.pop(0)) if replicas else None
        self.read_port = ports.pop(0) if replicas else 0
        self.agents = self.servers + self.sentinels + ([self.endpoint] if self.endpoint else [])
        self.passwords = {"@admin": PASSWORD, "@replication": "replication" + "0" * 21,
                          "@monitor": "monitor" + "0" * 25, APP: APP_PASSWORD, READER: READER_PASSWORD}
        for agent in self.agents:
            agent.write_assignment()
        for path, directories, files in os.walk(self.directory):
            for name in directories + files:
                self.own(os.path.join(path, name))
        self.own(self.directory)
        os.chmod(self.sockets, 0o711)
        self.running = True
        self.keeper = threading.Thread(target=self.keep, daemon=True)
        self.keeper.start()

    def renew(self):
        """Another certificate, of another authority; a client that connects must know that one."""
        directory = tempfile.mkdtemp(dir=self.directory)
        self.ca, certificate = make_certificate(directory)
        with open(self.ca) as file:
            self.tls = {"certificate": certificate, "authority": file.read()}

    def identity(self):
        return {"user": "redis", "group": "redis", "extra_groups": []} if os.geteuid() == 0 else {}

    def own(self, path):
        if os.geteuid() == 0:
            shutil.chown(path, "redis", "redis")

    def common(self):
        peers = [{"part": agent.part, "slot": agent.slot, "port": agent.port} for agent in self.agents]
        if self.read_port:
            peers.append({"part": ENDPOINT, "slot": 2, "port": self.read_port})
        spec = {"engine": 2, "service": "store", "users": self.users, "redis": self.options,
                "postgres": {"database": "", "extensions": [], "settings": {}, "replicas": 0, "lag_max_ns": 0,
                             "connections_direct": 0, "memory": 0},
                "pool": {"enabled": False, "size": 0, "clients": 0, "wait_ns": 0, "statement_timeout_ns": 0,
                         "recycle_ns": 0}}
        return {"stack": "shop", "socket_directory": self.sockets, "spec": spec, "peers": peers,
                "passwords": self.passwords, "identity": "0123456789abcdef" * 2, "tls": self.tls}

    def keep(self):
        while self.running:
            for agent in self.agents:
                if agent.kept:
                    agent.keep()
            time.sleep(0.1)  # tidy-allow(test-sleep): the supervisor's pause before it starts one again

    def start(self, agents=None, seconds=60):
        agents = agents or self.agents
        for agent in agents:
            agent.start()
        for agent in agents:
            wait_until(f"{agent.name} is ready", agent.is_ready, seconds)
        return self

    def start_whole(self):
        """Everything ready, replicas in step, the sentinels aware of each other."""
        self.start()
        self.wait_whole()
        return self

    def wait_whole(self, seconds=60):
        wait_until("one primary with all its replicas", self.is_whole, seconds)
        for sentinel in self.sentinels:
            wait_until(f"{sentinel.name} knows the others", lambda s=sentinel: self.knows_all(s), seconds)

    def knows_all(self, sentinel):
        try:
            with sentinel.redis() as client:
                row = client.ask("SENTINEL", "MASTER", "store")
        except (OSError, RedisError):
            return False
        facts = dict(zip(row[::2], row[1::2]))
        return (int(facts[b"num-other-sentinels"]) == len(self.sentinels) - 1
                and int(facts[b"num-slaves"]) >= len(self.servers) - 1 and facts[b"flags"] == b"master")

    def roles(self):
        """By server: "primary", "replica", "alone" (a replica without its primary) or "gone"."""
        roles = []
        for server in self.servers:
            try:
                with server.redis(seconds=1) as client:
                    role = client.ask("ROLE")
                roles.append("primary" if role[0] == b"master" else "replica" if role[3] == b"connected" else "alone")
            except (OSError, RedisError):
                roles.append("gone")
        return roles

    def is_whole(self):
        return sorted(self.roles()) == ["primary"] + ["replica"] * (len(self.servers) - 1)

    def primary(self):
        return self.servers[self.roles().index("primary")]

    def named(self):
        """The port that each sentinel says is the primary's."""
        ports = []
        for sentinel in self.sentinels:
            with sentinel.redis() as client:
                ports.append(int(client.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "store")[1]))
        return ports

    def client(self, **options):
        """A client of the endpoint (of the server, when there is one alone), as the service `web`."""
        port = self.endpoint.port if self.endpoint else self.servers[0].port
        return Redis(port, user=options.pop("user", APP), password=options.pop("password", APP_PASSWORD), ca=self.ca,
                     **options)

    def reader(self, **options):
        return Redis(self.read_port, user=APP, password=APP_PASSWORD, ca=self.ca, **options)

    def stop(self):
        self.running = False
        for agent in reversed(self.agents):
            agent.kept = False
        for agent in reversed(self.agents):
            if agent.process and agent.process.poll() is None:
                child = agent.child()
                if child:
                    try:
                        os.kill(child, signal.SIGCONT)
                    except ProcessLookupError:
                        pass
                agent.stop()
        self.keeper.join()
        shutil.rmtree(self.directory, ignore_errors=True)

    def logs(self):
        text = ""
        for agent in filter(lambda each: os.path.exists(each.log), self.agents):
            with open(agent.log, errors="replace") as file:
                text += f"--- {agent.name}\n" + "".join(file.readlines()[-40:])
        return text
