"""What the gateway tests share: the real `shore gateway` with a hand-written snapshot, its control socket, backends."""
import copy
import http.client
import http.server
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

SHORE = os.environ.get("SHORE", "build/release/shore")
SECOND = 1_000_000_000
LIMITS = {"connections_max": 1000, "header_bytes": 16384, "headers_max": 100, "body_bytes": 64 << 20,
          "header_timeout_ns": 10 * SECOND, "body_timeout_ns": 30 * SECOND, "idle_timeout_ns": 75 * SECOND,
          "connect_timeout_ns": 2 * SECOND}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def read_answer(client):
    """One answer with a Content-Length from a keep-alive connection."""
    received = b""
    while b"\r\n\r\n" not in received:
        piece = client.recv(65536)
        if not piece:
            return received
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    length = int(re.search(rb"(?i)content-length: (\d+)", head).group(1))
    while len(body) < length:
        piece = client.recv(65536)
        if not piece:
            break
        body += piece
    return head + b"\r\n\r\n" + body


def wait_until(condition, seconds=10, what="it"):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.02)  # tidy-allow(test-sleep): the pause between two looks
    raise AssertionError(f"{what} did not happen within {seconds} s")


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


class App(http.server.BaseHTTPRequestHandler):
    """A backend that says what it received. The path chooses what it does."""
    protocol_version = "HTTP/1.1"

    def answer(self, status, body, headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def read_body(self):
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            body = bytearray()
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.trailers = []
            while (line := self.rfile.readline().strip()):
                self.trailers.append(line.decode())
            return body
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def any_method(self):
        self.server.seen.append((self.command, self.path))
        self.trailers = []
        body = self.read_body()
        path = self.path.partition("?")[0]
        time.sleep(self.server.delay)  # tidy-allow(test-sleep): a slow app is the fixture
        if path == "/slow":
            time.sleep(float(self.path.partition("?")[2] or 1))  # tidy-allow(test-sleep): a slow app is the fixture
        elif path == "/abort":
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return
        elif path == "/chunked":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.send_header("Trailer", "X-Sum")
            self.end_headers()
            self.wfile.write(b"5\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 11\r\n\r\n")
            return
        elif path == "/until-close":
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n" + b"y" * 100_000)
            self.close_connection = True
            return
        elif path == "/large":
            self.send_response(200)
            self.send_header("Content-Length", str(self.server.large_bytes))
            self.end_headers()
            for _ in range(self.server.large_bytes // 65536):
                self.wfile.write(b"z" * 65536)
            return
        elif path == "/hop":
            self.answer(200, b"ok", [("Connection", "X-Secret"), ("X-Secret", "1"), ("Keep-Alive", "timeout=5"),
                                     ("Server", "app/1"), ("X-Kept", "yes")])
            return
        reply = {"instance": self.server.name, "method": self.command, "target": self.path, "body": len(body),
                 "headers": [[name.lower(), value] for name, value in self.headers.items()],
                 "trailers": self.trailers}
        self.answer(200, json.dumps(reply).encode(), [("Content-Type", "application/json")])

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = do_PATCH = any_method

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    large_bytes = 32 << 20
    delay = 0

    def get_request(self):
        connection, address = super().get_request()
        self.connections.append(connection)
        return connection, address

    def handle_error(self, request, client_address):
        pass


class Backend:
    def __init__(self, name="shop/api-1", port=0):
        self.name = name
        self.server = Server(("127.0.0.1", port), App)
        self.server.name = name
        self.server.seen = []
        self.server.connections = []
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    @property
    def seen(self):
        return self.server.seen

    def endpoint(self, draining=False):
        return {"instance": self.name, "address": "127.0.0.1", "port": self.port, "draining": draining}

    def stop(self):
        """As a killed process: the port refuses, open connections end."""
        self.server.shutdown()
        self.server.server_close()
        for connection in self.server.connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class GatewayCase(unittest.TestCase):
    """Starts backends and a gateway that routes everything to them, on free ports, in a temporary state directory."""
    threads = 1

    def setUp(self):
        self.state = pathlib.Path(tempfile.mkdtemp(prefix="shore-gw-"))
        self.addCleanup(shutil.rmtree, self.state, True)
        (self.state / "run").mkdir()
        self.process = None
        self.backends = []
        self.port = free_port()
        self.version = 0
        self.limits = dict(LIMITS)
        self.drain_timeout = 10 * SECOND
        self.trusted = []
        self.addCleanup(self.stop_everything)

    def stop_everything(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            self.process.wait()
        for backend in self.backends:
            backend.stop()

    def backend(self, name="shop/api-1", port=0):
        backend = Backend(name, port)
        self.backends.append(backend)
        return backend

    def route(self, prefix="/", upstream=0, hosts=(), strip=False, root="", fallback="", name="shop/api", timeout=5):
        return {"name": name, "stack": "shop", "service": name.partition("/")[2], "listeners": [0],
                "hosts": list(hosts), "path_prefix": prefix, "strip_prefix": strip,
                "timeout_ns": int(timeout * SECOND), "upstream": upstream, "root": str(root), "index": "index.html",
                "fallback": fallback}

    def snapshot(self, endpoints=None, routes=None, listeners=None):
        self.version += 1
        if endpoints is None:
            endpoints = [backend.endpoint() for backend in self.backends]
        return {"version": self.version, "threads": self.threads, "access_log": True,
                "drain_timeout_ns": self.drain_timeout, "trusted_proxies": self.trusted,
                "listeners": listeners or [{"address": "127.0.0.1", "port": self.port}],
                "upstreams": [{"name": "shop/api", "health_path": "", "endpoints": copy.deepcopy(endpoints)}],
                "routes": routes or [self.route()], "limits": self.limits}

    def start(self, snapshot=None):
        (self.state / "run/snapshot.json").write_text(json.dumps(snapshot or self.snapshot()) + "\n")
        self.output = open(self.state / "out", "wb")
        self.addCleanup(self.output.close)
        self.process = subprocess.Popen([SHORE, "gateway", "--state", str(self.state)], stdout=self.output,
                                        stderr=self.output)
        said = self.state / "out"  # Once on every listener, not on the first one alone.
        wait_until(lambda: "gateway serves" in said.read_text() or self.process.poll() is not None,
                   what="the gateway's start")
        self.assertIsNone(self.process.poll(), (self.state / "out").read_text())

    def request(self, method="GET", path="/", body=None, headers=None, port=None):
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=20)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            response.content = response.read()
            return response
        finally:
            connection.close()

    def echo(self, *arguments, **options):
        """The backend's view of a request."""
        response = self.request(*arguments, **options)
        self.assertEqual(response.status, 200, response.content)
        return json.loads(response.content)

    def raw(self, data, timeout=10):
        """Sends bytes and returns everything until the gateway closes (or nothing comes for `timeout`)."""
        with socket.create_connection(("127.0.0.1", self.port), timeout) as connection:
            connection.sendall(data)
            received = b""
            try:
                while piece := connection.recv(65536):
                    received += piece
            except (TimeoutError, ConnectionResetError):
                pass
            return received

    def control(self):
        return Control(self.state / "run/gateway.sock")

    def terminate(self, seconds=15):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)


class Control:
    """The control plane's end of run/gateway.sock."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(15)
        self.socket.connect(str(path))
        self.reader = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.reader.close()
        self.socket.close()

    def send(self, message):
        self.socket.sendall(json.dumps(message).encode() + b"\n")

    def receive(self, key):
        """The next message that has `key`."""
        while line := self.reader.readline():
            message = json.loads(line)
            if key in message:
                return message
        raise AssertionError(f"the gateway closed the control socket before it said {key}")

    def publish(self, snapshot):
        self.send({"snapshot": snapshot})
        return self.receive("ack")
