"""Raw TCP through the gateway: bytes both ways, held while no instance is there, drained, limited, over TLS, told of by
the PROXY protocol; and psql against a real PostgreSQL that is restarted under its clients."""
import hashlib
import os
import pathlib
import re
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
import unittest

from gateway_case import SECOND, SHORE, GatewayCase, free_port, listens, wait_until

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from shore_under_test import ShoreTest, wait_until as eventually  # noqa: E402


class Instance:
    """A TCP server on a thread: calls `serve(socket)` for each connection."""

    def __init__(self, name, serve):
        self.name, self.serve = name, serve
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.listening.getsockname()[1]
        self.open = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listening.accept()
            except OSError:
                return
            self.open.append(client)
            threading.Thread(target=self.run, args=(client,), daemon=True).start()

    def run(self, client):
        try:
            self.serve(client)
        except OSError:
            pass
        self.open.remove(client)
        client.close()

    def endpoint(self, draining=False):
        return {"instance": self.name, "address": "127.0.0.1", "port": self.port, "draining": draining}

    def stop(self):
        self.listening.close()


def echo(client):
    while piece := client.recv(65536):
        client.sendall(piece)


def answer_at_the_end(client):
    """Speaks only when the client has ended its side."""
    digest = hashlib.sha256()
    size = 0
    while piece := client.recv(1 << 20):
        digest.update(piece)
        size += len(piece)
    client.sendall(f"{size} {digest.hexdigest()}".encode())


def read_all(client):
    return b"".join(iter(lambda: client.recv(1 << 20), b""))


class TcpCase(GatewayCase):
    hold, idle, proxy_protocol, tls = 5, 60, 0, False

    def setUp(self):
        super().setUp()
        self.raw_port = free_port()

    def instance(self, serve=echo, name="shop/db-1"):
        instance = Instance(name, serve)
        self.addCleanup(instance.stop)
        return instance

    def tcp_snapshot(self, endpoints):
        snapshot = self.snapshot(endpoints=endpoints,
                                 listeners=[{"address": "127.0.0.1", "port": self.port},
                                            {"address": "127.0.0.1", "port": self.raw_port, "tls": self.tls,
                                             "raw": True}])
        snapshot["tcp"] = [{"name": "shop/db", "stack": "shop", "service": "db", "listener": 1, "upstream": 0,
                            "hold_ns": int(self.hold * SECOND), "idle_ns": int(self.idle * SECOND),
                            "proxy_protocol": self.proxy_protocol}]
        return snapshot

    def connect(self, **options):
        client = socket.create_connection(("127.0.0.1", self.raw_port), 20, **options)
        self.addCleanup(client.close)
        return client

    def publish(self, endpoints):
        with self.control() as control:
            return control.publish(self.tcp_snapshot(endpoints))

    def metric(self, name):
        with self.control() as control:
            control.send({"metrics": True})
            text = control.receive("metrics")["metrics"]
        return next((float(line.split()[-1]) for line in text.splitlines()
                     if line.startswith(name + '{route="shop/db"')), 0)


class TcpTest(TcpCase):
    def test_bytes_go_both_ways_and_are_counted_and_logged(self):
        instance = self.instance()
        self.start(self.tcp_snapshot([instance.endpoint()]))
        client = self.connect()
        for message in (b"\0\xff", b"hello" * 1000, b"GET / HTTP/1.1\r\n\r\n"):
            client.sendall(message)
            received = b""
            while len(received) < len(message):
                received += client.recv(65536)
            self.assertEqual(received, message)
        self.assertEqual(self.metric("shore_gateway_tcp_connections"), 1)
        client.close()
        wait_until(lambda: self.metric("shore_gateway_tcp_connections") == 0, what="the end")
        self.assertEqual(self.metric("shore_gateway_tcp_connections_total"), 1)
        self.assertEqual(self.metric("shore_gateway_tcp_received_bytes_total"), 5020)
        self.assertEqual(self.metric("shore_gateway_tcp_sent_bytes_total"), 5020)
        log = self.state / "logs/_shore/gateway/access.log"
        wait_until(lambda: log.exists() and '"protocol":"TCP"' in log.read_text(), what="the log line")

    def test_a_client_that_has_said_all_still_gets_the_answer(self):
        instance = self.instance(answer_at_the_end)
        self.start(self.tcp_snapshot([instance.endpoint()]))
        data = os.urandom(1 << 20) * 48
        client = self.connect()
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        self.assertEqual(read_all(client).decode(), f"{len(data)} {hashlib.sha256(data).hexdigest()}")

    def test_bulk_from_the_instance_arrives_whole_and_no_faster_than_it_is_read(self):
        data = os.urandom(1 << 20) * 64

        def send(client):
            client.recv(1)
            client.sendall(data)
        instance = self.instance(send)
        self.start(self.tcp_snapshot([instance.endpoint()]))
        client = self.connect()
        client.sendall(b"x")
        time.sleep(1)  # tidy-allow(test-sleep): time in which a proxy without back-pressure would take it all
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        resident = int(status.partition("VmRSS:")[2].split()[0]) // 1024
        self.assertLess(resident, 60, "MiB resident")
        self.assertEqual(hashlib.sha256(read_all(client)).digest(), hashlib.sha256(data).digest())

    def test_connections_are_held_until_an_instance_is_there(self):
        self.start(self.tcp_snapshot([]))
        clients = [self.connect() for _ in range(20)]
        for client in clients:
            client.sendall(b"early")
        wait_until(lambda: self.metric("shore_gateway_tcp_held_total") == 20, what="holding")
        instance = self.instance()
        self.publish([instance.endpoint()])
        for client in clients:
            self.assertEqual(client.recv(5), b"early")
        self.assertEqual(self.metric("shore_gateway_tcp_refused_total"), 0)

    def test_an_instance_that_refuses_is_gone_round(self):
        gone = self.instance(name="shop/db-1")
        gone.stop()
        instance = self.instance(name="shop/db-2")
        self.start(self.tcp_snapshot([gone.endpoint(), instance.endpoint()]))
        for _ in range(6):
            client = self.connect()
            client.sendall(b"x")
            self.assertEqual(client.recv(1), b"x")

    def test_the_fewest_connections_decide(self):
        instances = [self.instance(name=f"shop/db-{i}") for i in range(3)]
        self.start(self.tcp_snapshot([one.endpoint() for one in instances]))
        for _ in range(9):
            client = self.connect()
            client.sendall(b"x")
            client.recv(1)
        self.assertEqual([len(one.open) for one in instances], [3, 3, 3])

    def test_a_leaving_instance_keeps_its_connections_and_gets_no_new_ones(self):
        old, new = self.instance(name="shop/db-1"), self.instance(name="shop/db-2")
        self.start(self.tcp_snapshot([old.endpoint()]))
        client = self.connect()
        client.sendall(b"x")
        client.recv(1)
        self.publish([old.endpoint(draining=True), new.endpoint()])
        with self.control() as control:
            control.send({"watch_drain": "shop/db-1"})
            for _ in range(3):
                other = self.connect()
                other.sendall(b"y")
                self.assertEqual(other.recv(1), b"y")
            self.assertEqual((len(old.open), len(new.open)), (1, 3))
            client.sendall(b"still here")
            self.assertEqual(client.recv(64), b"still here")
            client.close()
            self.assertEqual(control.receive("drained"), {"drained": "shop/db-1"})

    def test_an_upgrade_of_the_gateway_closes_and_refuses_no_connection(self):
        instance = self.instance()
        self.start(self.tcp_snapshot([instance.endpoint()]))
        client = self.connect()
        client.sendall(b"x")
        client.recv(1)
        old = self.process
        self.process = subprocess.Popen([SHORE, "gateway", "--take-over", "--state", str(self.state)],
                                        stdout=self.output, stderr=self.output)
        for _ in range(200):
            other = self.connect()
            other.sendall(b"y")
            self.assertEqual(other.recv(1), b"y")
            other.close()
            time.sleep(0.002)  # tidy-allow(test-sleep): connections spread over the hand-over
        wait_until(lambda: len(list((self.state / "run").glob("gateway.*.sock"))) == 1, what="the hand-over")
        client.sendall(b"still here")
        self.assertEqual(client.recv(64), b"still here")
        self.assertIsNone(old.poll())
        # What the old one still has is seen at the new one.
        self.assertEqual(self.predecessors(), ["1", "1"])
        client.close()
        self.assertEqual(old.wait(10), 0)
        self.assertEqual(self.predecessors(), ["0", "0"])

    def predecessors(self):
        with self.control() as control:
            control.send({"metrics": True})
            text = control.receive("metrics")["metrics"]
        return re.findall(r"^shore_gateway_predecessor(?:s|_connections) (\d+)$", text, re.MULTILINE)


class TcpLimitsTest(TcpCase):
    hold, idle = 0.5, 1

    def test_who_waits_too_long_is_closed_and_counted(self):
        self.start(self.tcp_snapshot([]))
        begun = time.monotonic()
        self.assertEqual(self.connect().recv(1), b"")
        self.assertGreater(time.monotonic() - begun, 0.45)
        self.assertEqual(self.metric("shore_gateway_tcp_refused_total"), 1)

    def test_who_is_silent_too_long_is_closed_on_both_sides(self):
        instance = self.instance()
        self.start(self.tcp_snapshot([instance.endpoint()]))
        client = self.connect()
        for _ in range(3):
            client.sendall(b"x")
            self.assertEqual(client.recv(1), b"x")
            time.sleep(0.5)  # tidy-allow(test-sleep): not silent for as long as the limit
        self.assertEqual(client.recv(1), b"")
        wait_until(lambda: not instance.open, what="the instance's end")


class TcpProxyTest(TcpCase):
    proxy_protocol = 1

    def test_an_instance_is_told_who_the_client_is(self):
        instance = self.instance()
        self.start(self.tcp_snapshot([instance.endpoint()]))
        client = self.connect(source_address=("127.0.0.9", 0))
        own = client.getsockname()[1]
        client.shutdown(socket.SHUT_WR)
        self.assertEqual(read_all(client).decode(), f"PROXY TCP4 127.0.0.9 127.0.0.1 {own} {self.raw_port}\r\n")

    def test_what_a_balancer_says_is_passed_on(self):
        instance = self.instance()
        snapshot = self.tcp_snapshot([instance.endpoint()])
        snapshot["proxy_protocol"] = [{"listener": 1, "from": ["127.0.0.0/8"], "timeout_ns": SECOND}]
        self.start(snapshot)
        client = self.connect()
        client.sendall(b"PROXY TCP4 198.51.100.7 192.0.2.1 4711 5432\r\nhello")
        client.shutdown(socket.SHUT_WR)
        self.assertEqual(read_all(client).decode(),
                         f"PROXY TCP4 198.51.100.7 127.0.0.1 4711 {self.raw_port}\r\nhello")


class TcpTlsTest(TcpCase):
    tls = True

    def test_tls_ends_at_the_gateway(self):
        certificate, key = self.state / "c.pem", self.state / "k.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2", "-keyout",
                        str(key), "-out", str(certificate)], check=True, capture_output=True)
        data = os.urandom(1 << 20) * 8

        def answer_to_all(client):
            digest, size = hashlib.sha256(), 0
            while size < len(data) and (piece := client.recv(1 << 20)):
                digest.update(piece)
                size += len(piece)
            client.sendall(f"{size} {digest.hexdigest()}".encode())
        instance = self.instance(answer_to_all)
        snapshot = self.tcp_snapshot([instance.endpoint()])
        snapshot["certificates"] = [{"certificate_file": str(certificate), "key_file": str(key), "digest": "1"}]
        snapshot["tls"] = [{"listener": 1, "client_ca": "", "client_ca_digest": "", "version_min": 12}]
        self.start(snapshot)
        answer = subprocess.run(["openssl", "s_client", "-quiet", "-verify_return_error", "-CAfile", str(certificate),
                                 "-alpn", "postgresql", "-connect", f"127.0.0.1:{self.raw_port}", "-servername",
                                 "localhost", "-nocommands"], input=data, capture_output=True, timeout=60)
        expected = f"{len(data)} {hashlib.sha256(data).hexdigest()}"
        self.assertEqual(answer.stdout.decode(), expected, answer.stderr)
        context = ssl.create_default_context(cafile=str(certificate))
        with context.wrap_socket(self.connect(), server_hostname="localhost") as client:
            client.sendall(b"abc")
            # close_notify ends the client's direction only. Python cannot read on, but it sees that the answer comes.
            with self.assertRaisesRegex(ssl.SSLError, "APPLICATION_DATA_AFTER_CLOSE_NOTIFY"):
                client.unwrap()


def postgres_directory():
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    return found[-1].parent


class PostgresTest(ShoreTest):
    """`x-shore: {tcp: PORT}` from the manifest on."""

    def test_psql_is_refused_nothing_while_the_server_is_restarted(self):
        shore, bin_directory, port = self.shore, postgres_directory(), free_port()
        data = pathlib.Path(shore.root) / "data"
        data.mkdir()
        as_user = []
        user = ""
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root.
            shutil.chown(data, "nobody")
            as_user, user = ["setpriv", "--reuid=nobody", "--clear-groups"], "    user: nobody\n"
        subprocess.run(as_user + [str(bin_directory / "initdb"), "-D", str(data), "-U", "shop", "-A", "trust", "-N"],
                       check=True, capture_output=True)
        shore.write(f"  db:\n    command: [\"/bin/sh\", \"-c\", \"exec {bin_directory}/postgres -D {data} -p $$PORT "
                    f"-h 127.0.0.1 -k '' -c fsync=off\"]\n{user}    stop_signal: SIGINT\n"
                    f"    healthcheck: {{test: \"{bin_directory}/pg_isready -q -h 127.0.0.1 -p $$PORT\", "
                    "interval: 1s, start_interval: 100ms}\n"
                    "    deploy: {update_config: {order: stop-first}}\n"
                    f"    x-shore: {{tcp: {{port: {port}, hold: 60s}}}}\n")
        shore.up()
        self.assertIn(f"tcp://localhost:{port}", shore.run("status").stdout + str(shore.status()))
        failures, done, stop = [], [], threading.Event()

        def client():
            while not stop.is_set():
                # One query needs a connection; PostgreSQL may end those it has (SIGINT), never refuse new ones.
                answer = subprocess.run(["psql", "-h", "127.0.0.1", "-p", str(port), "-U", "shop", "-d", "postgres",
                                         "-AtX", "-c", "select 6*7"], capture_output=True, text=True, timeout=60)
                if answer.stdout.strip() == "42":
                    done.append(time.monotonic())
                else:
                    failures.append(answer.stderr)
        threads = [threading.Thread(target=client) for _ in range(4)]
        for thread in threads:
            thread.start()
        eventually("first answers", lambda: len(done) > 8)
        before = len(done)
        shore.run("restart", "-f", shore.manifest, "db")
        eventually("answers of the new server", lambda: len(done) > before + 8)
        stop.set()
        for thread in threads:
            thread.join()
        # What was cut in the middle of its query by the server's own shutdown is the server's answer, not a refusal.
        refused = [text for text in failures if "administrator command" not in text and "shutting down" not in text]
        self.assertEqual(refused, [])
        self.measured(f"{len(done)} psql sessions over a restart of PostgreSQL, {len(refused)} refused")


if __name__ == "__main__":
    unittest.main()
