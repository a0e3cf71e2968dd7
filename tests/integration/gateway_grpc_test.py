"""HTTP/2 to apps and gRPC from outside: grpcio's server and client (the C core), raw frames where apps misbehave."""
import json
import os
import pathlib
import socket
import subprocess
import threading
import unittest

from gateway_case import SECOND, free_port, listens, wait_until
from gateway_h2_test import (DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PREFACE, RST_STREAM, SETTINGS, Raw, frame,
                             literal, request_block)
from gateway_tls_test import TlsCase
from shore_case import ShoreCase

PYTHON = "/usr/bin/python3"  # Debian's, which has python3-grpcio.
APP = pathlib.Path(__file__).resolve().parents[1] / "support/grpc_app.py"


def steady_client(port):
    """A client that calls until its standard input ends; it has been answered once."""
    client = subprocess.Popen([PYTHON, str(APP), "call", f"localhost:{port}", "steady"], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True)
    client.stdout.readline()
    return client


class Http2AppCase(TlsCase):
    """Every route leads to apps that speak HTTP/2."""
    protocol = "grpc"

    def setUp(self):
        super().setUp()
        self.apps = []

    def snapshot(self, endpoints=None, **options):
        snapshot = super().snapshot(endpoints if endpoints is not None else self.endpoints(), **options)
        snapshot["upstreams"][0]["policy"] = {"protocol": self.protocol}
        return snapshot

    def endpoints(self, draining=()):
        return [{"instance": f"shop/api-{i}", "address": "127.0.0.1", "port": port, "draining": i in draining}
                for i, port in enumerate(self.apps)]


class GrpcCase(Http2AppCase):
    def start_app(self):
        port = free_port()
        process = subprocess.Popen([PYTHON, str(APP), "serve", str(port)])
        self.addCleanup(lambda: (process.kill(), process.wait()))
        wait_until(lambda: listens(port), 20, what="the gRPC server")
        self.apps.append(port)
        return process

    def call(self, name, port=None, ca=None):
        done = subprocess.run([PYTHON, str(APP), "call", f"localhost:{port or self.port}", name], capture_output=True,
                              text=True, timeout=120, check=False,
                              env={**os.environ, **({"CA": str(ca)} if ca else {})})
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)


class Grpc(GrpcCase):
    def setUp(self):
        super().setUp()
        self.start_app()
        self.start()

    def test_a_call_carries_metadata_and_trailers_both_ways(self):
        expected = {"answer": "echo:hello", "initial": "1", "trailing": "why", "binary": "00ff", "code": "OK"}
        self.assertEqual(self.call("unary"), expected)
        self.assertEqual(self.call("unary", self.tls_port, self.authority.pem), expected)
        self.assertEqual(self.call("empty"), {"answer": "echo:"})

    def test_streams_flow_in_either_direction_and_in_both(self):
        for port, ca in ((self.port, None), (self.tls_port, self.authority.pem)):
            self.assertEqual(self.call("server_stream", port, ca), {"in_order": True})
            self.assertEqual(self.call("client_stream", port, ca), {"sum": 2_000_000})
            self.assertEqual(self.call("bidi", port, ca), {"got": [True] * 3, "rest": 0, "code": "OK"})

    def test_large_messages_pass_whole(self):
        self.assertEqual(self.call("large"), {"same": True})

    def test_a_status_comes_with_its_message_and_metadata(self):
        self.assertEqual(self.call("fail"), {"code": "FAILED_PRECONDITION", "details": "sold out: ä",
                                             "reason": "stock"})
        self.assertEqual(self.call("unknown")["code"], "UNIMPLEMENTED")

    def test_a_deadline_and_a_cancellation_reach_the_app(self):
        self.assertEqual(self.call("deadline")["code"], "DEADLINE_EXCEEDED")
        self.assertEqual(self.call("cancel"), {"seen": True})

    def test_many_calls_share_few_connections(self):
        self.assertEqual(self.call("many"), {"failures": []})
        self.assertLessEqual(self.metric("shore_gateway_upstream_connects_total"), 8)

    def test_a_gateway_without_the_app_says_unavailable(self):
        with self.control() as control:
            control.publish(self.snapshot(endpoints=[]))
        got = self.call("fail")
        self.assertEqual(got["code"], "UNAVAILABLE")
        self.assertEqual(got["details"], "No instance of this service is available.")

    def test_a_path_without_a_route_is_a_method_without_an_implementation(self):
        with self.control() as control:
            control.publish(self.snapshot(routes=[self.route("/elsewhere")]))
        got = self.call("fail")
        self.assertEqual((got["code"], got["details"]), ("UNIMPLEMENTED", "There is nothing at this address."))


class Draining(GrpcCase):
    def test_apps_come_and_go_without_a_failed_call(self):
        self.start_app()
        self.start_app()
        self.start()
        client = steady_client(self.port)
        pause = threading.Event()
        with self.control() as control:
            for turn in range(20):
                pause.wait(0.1)
                control.publish(self.snapshot(self.endpoints(draining=(turn % 2,))))
            control.send({"watch_drain": "shop/api-1"})
            self.assertEqual(control.receive("drained")["drained"], "shop/api-1")
        got = json.loads(client.communicate("", timeout=60)[0])
        self.assertEqual(got["failures"], [])
        self.assertGreater(got["count"], 100)


class Deploying(ShoreCase):
    """`shore up` with `protocol: grpc`: health by grpc.health.v1, deploys under load."""

    def write_stack(self, label):
        self.write("compose.yaml", f"""
name: shop
x-shore: {{gateway: {{listen: ["http://127.0.0.1:{self.port}"], threads: 1}}}}
services:
  echo:
    command: ["{PYTHON}", "{APP}", "serve", "$$PORT"]
    environment: {{SICK: "{self.project}/sick", LABEL: {label}}}
    x-shore: {{http: {{protocol: grpc, health: /shop.Echo}}}}
    healthcheck: {{interval: 200ms, start_interval: 100ms, start_period: 30s, timeout: 2s, retries: 2}}
    deploy: {{replicas: 2}}
""")

    def test_a_deploy_fails_no_call_and_health_is_asked_by_grpc(self):
        self.write_stack("one")
        self.shore("up")
        client = steady_client(self.port)
        self.write_stack("two")
        self.shore("deploy")
        got = json.loads(client.communicate("", timeout=60)[0])
        self.assertEqual(got["failures"], [])
        self.assertGreater(got["count"], 20)
        self.write("sick", "")
        wait_until(lambda: "not serving" in json.dumps(self.status()), 20, what="the failed health check")


class RawApp:
    """An app that speaks HTTP/2 as `behave(app, connection, number, stream)` says for each request."""

    def __init__(self, behave):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.behave, self.requests, self.connections, self.bodies = behave, 0, 0, {}
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection = self.listener.accept()[0]
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        connection.sendall(frame(SETTINGS))
        reader = connection.makefile("rb")
        if reader.read(len(PREFACE)) != PREFACE:
            return  # A probe.
        while len(head := reader.read(9)) == 9:
            payload = reader.read(int.from_bytes(head[:3], "big"))
            kind, flags, stream = head[3], head[4], int.from_bytes(head[5:9], "big")
            if kind == SETTINGS and not flags & 1:
                connection.sendall(frame(SETTINGS, 1))
            if kind in (DATA, HEADERS):
                self.bodies.setdefault(stream, []).append((kind, flags, payload))
            if kind in (DATA, HEADERS) and flags & END_STREAM:
                self.requests += 1
                self.behave(self, connection, self.requests, stream)
        connection.close()


def answer(connection, stream, body=b"fine"):
    connection.sendall(frame(HEADERS, END_HEADERS, stream, b"\x88") + frame(DATA, END_STREAM, stream, body))


class Misbehaving(Http2AppCase):
    protocol = "h2"

    def serve(self, behave):
        app = RawApp(behave)
        self.addCleanup(app.listener.close)
        self.apps = [app.port]
        self.start()
        return app

    def post(self):
        """A POST whose body comes with its head, so that it can be sent again."""
        return self.raw(b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody")

    def test_a_refused_request_is_sent_again_even_a_post(self):
        def refuse_first(_, connection, number, stream):
            if number == 1:
                connection.sendall(frame(RST_STREAM, 0, stream, b"\0\0\0\7"))
            else:
                answer(connection, stream)
        app = self.serve(refuse_first)
        self.assertIn(b"\r\nfine\r\n", self.post())
        self.assertEqual((app.requests, app.connections), (2, 1))

    def test_refusals_without_end_come_to_an_end(self):
        app = self.serve(lambda _, connection, number, stream:
                         connection.sendall(frame(RST_STREAM, 0, stream, b"\0\0\0\7")))
        self.assertTrue(self.post().startswith(b"HTTP/1.1 502"))
        self.assertEqual(app.requests, 5)

    def test_what_a_goaway_leaves_out_goes_to_a_new_connection(self):
        def go_away_first(_, connection, number, stream):
            if number == 1:
                connection.sendall(frame(GOAWAY, payload=b"\0" * 8))
            else:
                answer(connection, stream)
        app = self.serve(go_away_first)
        self.assertIn(b"\r\nfine\r\n", self.post())
        self.assertEqual((app.requests, app.connections), (2, 2))

    def test_what_may_have_been_done_is_not_done_twice(self):
        app = self.serve(lambda app, connection, *_: connection.shutdown(socket.SHUT_RDWR))
        self.assertTrue(self.post().startswith(b"HTTP/1.1 502"))
        self.assertEqual(app.requests, 1)

    def test_the_reason_of_a_broken_answer_reaches_the_client(self):
        def break_off(_, connection, number, stream):
            connection.sendall(frame(HEADERS, END_HEADERS, stream, b"\x88") + frame(DATA, 0, stream, b"begin") +
                               frame(RST_STREAM, 0, stream, (8, 11, 1)[number - 1].to_bytes(4, "big")))
        self.serve(break_off)
        for told in (8, 11, 2):  # CANCEL and ENHANCE_YOUR_CALM as they are, others as INTERNAL_ERROR.
            with Raw(self.port) as client:
                client.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, request_block()))
                self.assertEqual(int.from_bytes(client.until(RST_STREAM, 1)[3], "big"), told)

    def test_a_refusal_behind_a_streamed_body_lets_the_client_ask_again(self):
        self.serve(lambda _, connection, number, stream:
                   connection.sendall(frame(RST_STREAM, 0, stream, b"\0\0\0\7")))
        with Raw(self.port) as client:
            client.send(frame(HEADERS, END_HEADERS, 1, request_block(b"POST")))
            client.until(SETTINGS)
            client.send(frame(DATA, END_STREAM, 1, b"late"))
            kind, _, _, payload = client.until(RST_STREAM, 1)
            self.assertEqual((kind, int.from_bytes(payload, "big")), (RST_STREAM, 7))

    def test_trailers_of_a_request_reach_the_app(self):
        app = self.serve(lambda _, connection, number, stream: answer(connection, stream))
        with Raw(self.port) as client:
            client.send(frame(HEADERS, END_HEADERS, 1, request_block(b"POST")), frame(DATA, 0, 1, b"abc"),
                        frame(HEADERS, END_HEADERS | END_STREAM, 1, literal(b"x-sum", b"3")))
            client.until(DATA, 1)
        self.assertEqual([kind for kind, _, _ in app.bodies[1]][-1], HEADERS)
        self.assertEqual(b"".join(payload for kind, _, payload in app.bodies[1] if kind == DATA), b"abc")
        # An HTTP/1.1 client's, too.
        self.raw(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
                 b"3\r\nabc\r\n0\r\nX-Sum: 3\r\n\r\n")
        self.assertEqual([kind for kind, _, _ in app.bodies[3]][-1], HEADERS)

    def test_a_client_that_reads_slowly_does_not_hold_back_others(self):
        def large(_, connection, number, stream):
            if number > 1:
                return answer(connection, stream)
            connection.sendall(frame(HEADERS, END_HEADERS, stream, b"\x88") +
                               b"".join(frame(DATA, 0, stream, b"z" * 8192) for _ in range(3)))
        self.serve(large)
        with Raw(self.port, b"\0\4\0\0\0\0") as slow:  # A window of nothing.
            slow.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, request_block()))
            slow.until(HEADERS, 1)
            self.assertEqual(self.request().content, b"fine")

    def test_an_app_that_is_silent_costs_the_timeout_and_its_connection_no_more(self):
        def silent_first(app, connection, number, stream):
            if app.connections > 1:
                answer(connection, stream)
        app = self.serve(silent_first)
        with self.control() as control:
            control.publish(self.snapshot(routes=[self.route(timeout=0.5)]))
        self.assertEqual(self.request("POST", "/", b"x").status, 504)
        self.assertEqual(self.request("POST", "/", b"x").content, b"fine")
        self.assertEqual(app.connections, 2)


class Nghttpd(Http2AppCase):
    """A web server that speaks HTTP/2 alone, of nghttp2."""
    protocol = "h2"

    def setUp(self):
        super().setUp()
        self.root = self.state / "files"
        self.root.mkdir()
        port = free_port()
        process = subprocess.Popen(["nghttpd", "--no-tls", "-d", str(self.root), "--echo-upload", str(port)])
        self.addCleanup(lambda: (process.kill(), process.wait()))
        wait_until(lambda: listens(port), what="nghttpd")
        self.apps = [port]

    def test_bodies_pass_whole_to_clients_of_either_protocol(self):
        (self.root / "large").write_bytes(os.urandom(24 << 20))
        self.start()
        for protocol in ("--http1.1", "--http2"):
            self.assertEqual(self.curl(protocol, path="/large").stdout, (self.root / "large").read_bytes())
            self.assertEqual(self.curl(protocol, "-T", self.root / "large", path="/up").stdout,
                             (self.root / "large").read_bytes())
            self.assertIn(b"200", self.curl(protocol, "-I", path="/large").stdout)

    def test_load_fails_nothing(self):
        (self.root / "small").write_bytes(b"x" * 256)
        self.start()
        output = subprocess.run(["h2load", "-n5000", "-c8", "-m32", f"http://127.0.0.1:{self.port}/small"],
                                capture_output=True, text=True, timeout=120, check=True).stdout
        self.assertIn("5000 succeeded, 0 failed, 0 errored", output)


if __name__ == "__main__":
    unittest.main()
