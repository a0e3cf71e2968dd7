"""HTTP/2 at the gateway from outside: curl, nghttp and h2load as judges, raw frames where a client must misbehave."""
import hashlib
import json
import os
import pathlib
import re
import socket
import subprocess
import threading
import time
import unittest

from gateway_case import SECOND, GatewayCase, wait_until

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, _, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS = 1, 1, 4


def frame(kind, flags=0, stream=0, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def literal(name, value):
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


def request_block(method=b"GET", path=b"/", extra=()):
    fields = [(b":method", method), (b":scheme", b"http"), (b":authority", b"a"), (b":path", path), *extra]
    return b"".join(literal(*field) for field in fields)


def setting(key, value):
    return key.to_bytes(2, "big") + value.to_bytes(4, "big")


class Raw:
    """A client that sends what it likes."""

    def __init__(self, port, settings=b"", timeout=15):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.received = b""
        self.socket.sendall(PREFACE + frame(SETTINGS, payload=settings))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, *frames):
        self.socket.sendall(b"".join(frames))

    def next(self):
        """(kind, flags, stream, payload), or None at the end of the connection."""
        try:
            while len(self.received) < 9 or len(self.received) < 9 + int.from_bytes(self.received[:3], "big"):
                piece = self.socket.recv(65536)
                if not piece:
                    return None
                self.received += piece
        except ConnectionError:
            return None
        size = int.from_bytes(self.received[:3], "big")
        head, payload = self.received[:9], self.received[9:9 + size]
        self.received = self.received[9 + size:]
        return head[3], head[4], int.from_bytes(head[5:9], "big") & 0x7fffffff, payload

    def until(self, kind, stream=None):
        while (got := self.next()) is not None:
            if got[0] == kind and (stream is None or got[2] == stream):
                return got
        raise AssertionError(f"the connection ended before a frame of type {kind}")

    def flood(self, make, count):
        """Sends make(i) until the gateway hangs up; how many went out."""
        for i in range(count):
            try:
                self.send(make(i))
            except OSError:
                return i
        return count

    def goaway_code(self):
        return int.from_bytes(self.until(GOAWAY)[3][4:8], "big")


class Http2Case(GatewayCase):
    def setUp(self):
        super().setUp()
        self.app = self.backend()

    def curl(self, *arguments, path="/"):
        return subprocess.run(["curl", "-sS", "--max-time", "60", "--http2-prior-knowledge", *arguments,
                               f"http://127.0.0.1:{self.port}{path}"], capture_output=True, check=True).stdout

    def h2load(self, *arguments, path="/"):
        output = subprocess.run(["h2load", *arguments, f"http://127.0.0.1:{self.port}{path}"], capture_output=True,
                                text=True, timeout=120).stdout
        counts = re.search(r"requests: (\d+) total, .* (\d+) succeeded, (\d+) failed, (\d+) errored", output)
        self.assertIsNotNone(counts, output)
        return tuple(int(count) for count in counts.groups()) + (output,)

    def metric(self, name):
        with self.control() as control:
            control.send({"metrics": True})
            text = control.receive("metrics")["metrics"]
        found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.M)
        return float(found.group(1)) if found else None

    def cut(self, reason):
        return self.metric(f'shore_gateway_http2_cut_total{{reason="{reason}"}}')

    def memory(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) * 1024


class Forwarding(Http2Case):
    def test_passes_method_target_fields_and_body(self):
        self.start()
        seen = json.loads(self.curl("-X", "PUT", "-d", "hello", "-H", "X-A: b", "-b", "a=1; b=2", path="/x/y?z=%20"))
        self.assertEqual((seen["method"], seen["target"], seen["body"]), ("PUT", "/x/y?z=%20", 5))
        headers = dict(seen["headers"])
        self.assertEqual(headers["host"], f"127.0.0.1:{self.port}")
        self.assertEqual((headers["x-a"], headers["cookie"]), ("b", "a=1; b=2"))
        self.assertEqual(headers["content-length"], "5")
        self.assertTrue(headers["x-request-id"])

    def test_answers_without_fields_of_one_hop(self):
        self.start()
        answer = self.curl("-i", path="/hop").decode().lower()
        self.assertTrue(answer.startswith("http/2 200"), answer)
        for name in ("connection:", "keep-alive:", "x-secret:", "transfer-encoding:"):
            self.assertNotIn(name, answer)
        self.assertIn("x-kept: yes", answer)

    def test_head_has_the_length_and_no_body(self):
        self.start()
        self.assertIn("content-length:", self.curl("-I").decode().lower())

    def test_large_bodies_pass_whole_both_ways(self):
        self.start()
        path = self.state / "upload"
        path.write_bytes(os.urandom(20 << 20))
        self.assertEqual(json.loads(self.curl("-T", str(path), path="/up"))["body"], 20 << 20)
        self.assertEqual(json.loads(self.curl("-X", "POST", "-T", "-", "-H", "Expect:", path="/up"))["body"], 0)
        got = self.curl(path="/large")
        self.assertEqual(hashlib.sha256(got).digest(), hashlib.sha256(b"z" * (32 << 20)).digest())
        self.assertEqual(self.curl(path="/until-close"), b"y" * 100_000)

    def test_trailers_pass_to_the_client(self):
        self.start()
        output = subprocess.run(["nghttp", "-v", f"http://127.0.0.1:{self.port}/chunked"], capture_output=True,
                                text=True, timeout=20).stdout
        self.assertRegex(output, r"hello[^\0]* world[^\0]*recv \(stream_id=13\) x-sum: 11")

    def test_static_files_small_and_large(self):
        files = self.state / "files"
        files.mkdir()
        (files / "small.txt").write_bytes(b"s" * 1000)
        (files / "large.bin").write_bytes(os.urandom(3 << 20))
        self.start(self.snapshot(routes=[self.route(upstream=-1, root=files)]))
        self.assertEqual(self.curl(path="/small.txt"), b"s" * 1000)
        self.assertEqual(self.curl(path="/large.bin"), (files / "large.bin").read_bytes())
        self.assertEqual(self.curl("-r", "10-19", path="/large.bin"), (files / "large.bin").read_bytes()[10:20])

    def test_a_page_of_its_own_when_there_is_no_route(self):
        self.start(self.snapshot(routes=[self.route(prefix="/only")]))
        self.assertIn("HTTP/2 404", self.curl("-i", path="/").decode())

    def test_the_log_and_the_metrics_tell_the_protocol(self):
        self.start()
        self.curl()
        self.assertEqual(self.metric("shore_gateway_http2_streams_total"), 1)
        self.assertEqual(self.metric("shore_gateway_http2_connections_total"), 1)
        self.assertEqual(self.metric("shore_gateway_http2_streams"), 0)
        self.terminate()
        lines = "".join(path.read_text() for path in self.state.rglob("access.log*"))
        self.assertIn('"protocol":"HTTP/2.0"', lines)

    def test_a_request_body_in_pieces_reaches_the_app_in_chunks(self):
        self.start()
        with Raw(self.port) as client:
            client.send(frame(HEADERS, END_HEADERS, 1, request_block(b"POST")))
            for _ in range(3):
                client.send(frame(DATA, 0, 1, b"abcd"))
                time.sleep(0.05)  # tidy-allow(test-sleep): pieces that come apart are the subject
            client.send(frame(DATA, END_STREAM, 1, b"e"))
            client.until(HEADERS, 1)
            self.assertEqual(json.loads(client.until(DATA, 1)[3])["body"], 13)


class EchoAfterUpgrade:
    """An app that upgrades every request and sends back what comes."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.heads = []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.echo, args=(connection,), daemon=True).start()

    def echo(self, connection):
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(65536)
        self.heads.append(head.lower())
        connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
                           b"Sec-WebSocket-Accept: x\r\nSec-WebSocket-Protocol: chat\r\n\r\n")
        while piece := connection.recv(65536):
            connection.sendall(piece)
        connection.close()


class WebSocket(Http2Case):
    def test_an_extended_connect_becomes_an_upgrade_at_the_app(self):
        app = EchoAfterUpgrade()
        self.addCleanup(app.listener.close)
        endpoint = {"instance": "shop/ws-1", "address": "127.0.0.1", "port": app.listener.getsockname()[1],
                    "draining": False}
        self.start(self.snapshot(endpoints=[endpoint]))
        with Raw(self.port) as client:
            settings = client.until(SETTINGS)[3]
            self.assertIn(setting(8, 1), [settings[i:i + 6] for i in range(0, len(settings), 6)])  # RFC 8441 section 3
            client.send(frame(HEADERS, END_HEADERS, 1, request_block(
                b"CONNECT", b"/chat", [(b":protocol", b"websocket"), (b"sec-websocket-version", b"13")])))
            client.until(HEADERS, 1)
            client.send(frame(DATA, 0, 1, b"\x81\x05hello"))
            self.assertEqual(client.until(DATA, 1)[3], b"\x81\x05hello")
            client.send(frame(DATA, 0, 1, b"x" * 16000), frame(DATA, END_STREAM, 1))
            received = b""
            while True:
                _, flags, _, payload = client.until(DATA, 1)
                received += payload
                if flags & END_STREAM:
                    break
            self.assertEqual(received, b"x" * 16000)
        self.assertTrue(app.heads[0].startswith(b"get /chat http/1.1\r\n"), app.heads[0])
        for line in (b"upgrade: websocket", b"connection: upgrade", b"sec-websocket-version: 13",
                     b"sec-websocket-key: "):
            self.assertIn(line, app.heads[0])


class Load(Http2Case):
    def test_many_streams_without_a_failure(self):
        self.start()
        total, succeeded, failed, errored, output = self.h2load("-n3000", "-c3", "-m32")
        self.assertEqual((succeeded, failed, errored), (total, 0, 0), output)

    def test_what_a_burst_needed_goes_back_to_the_machine(self):
        if os.environ.get("SHORE_SANITIZE"):
            return  # A sanitizer keeps what is freed.

        def resident():
            status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
            return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) << 10
        self.start()
        self.h2load("-n100", "-c1", "-m1")
        before = resident()
        total, succeeded, failed, errored, output = self.h2load("-n4000", "-c16", "-m32")
        self.assertEqual((succeeded, failed, errored), (total, 0, 0), output)
        burst = resident() - before
        self.assertGreater(burst, 4 << 20)
        wait_until(lambda: resident() - before < burst // 2, 90, "memory of the burst given back")

    def test_new_snapshots_under_load_fail_nothing(self):
        self.start()
        done = threading.Event()
        results = []

        def work():
            results.append(self.h2load("-n4000", "-c4", "-m16"))
            done.set()
        thread = threading.Thread(target=work)
        thread.start()
        second = self.backend("shop/api-2")
        with self.control() as control:
            for turn in range(200):
                if done.wait(0.05):
                    break
                both = [self.app.endpoint(draining=turn % 2 == 1), second.endpoint(draining=turn % 2 == 0)]
                control.publish(self.snapshot(endpoints=both))
        thread.join()
        total, succeeded, failed, errored, output = results[0]
        self.assertEqual((succeeded, failed, errored), (total, 0, 0), output)

    def test_a_slow_reader_holds_back_the_server_not_memory(self):
        self.app.server.large_bytes = 64 << 20
        self.start()
        self.curl()
        before = self.memory()
        with Raw(self.port, setting(4, 1 << 20)) as client:
            client.send(*(frame(HEADERS, END_HEADERS | END_STREAM, 1 + 2 * i, request_block(path=b"/large"))
                          for i in range(50)))
            client.send(frame(WINDOW_UPDATE, payload=(1 << 30).to_bytes(4, "big")))
            time.sleep(2)  # tidy-allow(test-sleep): time in which memory could grow
            self.assertLess(self.memory() - before, 32 << 20)

    def test_a_stopped_reader_is_cut_off(self):
        self.app.server.large_bytes = 64 << 20
        self.limits["body_timeout_ns"] = SECOND
        self.start()
        with Raw(self.port) as client:  # Never opens a window.
            client.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, request_block(path=b"/large")))
            self.assertEqual(int.from_bytes(client.until(RST_STREAM, 1)[3], "big"), 8)
        self.assertEqual(self.cut("slow_reader"), 1)

    def test_a_stop_lets_streams_end_and_says_goaway(self):
        self.start()
        with Raw(self.port) as client:
            client.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, request_block(path=b"/slow?1")))
            wait_until(lambda: ("GET", "/slow?1") in self.app.seen, what="the request")
            stopped = threading.Thread(target=self.terminate)
            stopped.start()
            ping = client.until(PING)[3]
            self.assertEqual(client.until(GOAWAY)[3][:4], b"\x7f\xff\xff\xff")
            client.send(frame(PING, ACK, 0, ping))
            self.assertEqual(client.until(GOAWAY)[3][:8], b"\0\0\0\1\0\0\0\0")
            self.assertTrue(client.until(HEADERS, 1))
            self.assertTrue(client.until(DATA, 1)[1] & END_STREAM)
            self.assertIsNone(client.next())
            stopped.join()


class Attacks(Http2Case):
    def test_rapid_resets_are_cut_off(self):
        self.start()
        with Raw(self.port) as client:
            client.flood(lambda i: frame(HEADERS, END_HEADERS | END_STREAM, 1 + 2 * i, request_block()) +
                         frame(RST_STREAM, 0, 1 + 2 * i, b"\0\0\0\x08"), 2000)
        wait_until(lambda: self.cut("rapid_reset") == 1, what="the cut")
        self.assertLess(len(self.app.seen), 1000)
        self.assertEqual(json.loads(self.curl())["method"], "GET")

    def test_floods_of_control_frames_are_cut_off(self):
        self.start()
        for one in (frame(PING, payload=b"12345678"), frame(SETTINGS), frame(PRIORITY, 0, 3, b"\0\0\0\0\1")):
            with Raw(self.port) as client:
                client.flood(lambda i: one * 100, 200)
        wait_until(lambda: self.cut("control_flood") == 3, what="the cuts")

    def test_a_head_without_end_is_cut_off(self):
        self.start()
        with Raw(self.port) as client:
            client.send(frame(HEADERS, END_STREAM, 1, request_block()))
            client.flood(lambda i: frame(CONTINUATION, 0, 1, literal(b"x", b"y")) * 10, 100)
            while client.next() is not None:
                pass  # All of it fits into the socket: closing now could reset the connection unread.
        wait_until(lambda: self.cut("continuations") == 1, what="the cut")

    def test_a_head_that_stops_half_way_is_cut_off(self):
        self.limits["header_timeout_ns"] = SECOND // 2
        self.start()
        with Raw(self.port) as client:
            client.send(frame(HEADERS, END_STREAM, 1, request_block()))
            self.assertEqual(client.goaway_code(), 11)
        self.assertEqual(self.cut("slow_head"), 1)

    def test_tiny_windows_are_cut_off(self):
        self.app.server.large_bytes = 1 << 20
        self.start()
        with Raw(self.port, setting(4, 1)) as client:
            client.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, request_block(path=b"/large")))
            client.until(HEADERS, 1)
            for _ in range(3000):
                if (client.flood(lambda i: frame(WINDOW_UPDATE, 0, 1, b"\0\0\0\1"), 1) == 0 or
                        (client.next() or (GOAWAY,))[0] == GOAWAY):
                    break
        wait_until(lambda: self.cut("tiny_windows") == 1, what="the cut")

    def test_a_broken_protocol_ends_the_connection(self):
        self.start()
        with Raw(self.port) as client:
            client.send(frame(DATA, 0, 5, b"x"))
            self.assertEqual(client.goaway_code(), 1)
        wait_until(lambda: self.cut("protocol") == 1, what="the cut")

    def test_a_head_larger_than_allowed_is_answered(self):
        self.start()
        answer = self.curl("-i", "-H", "X-Long: " + "x" * 20000).decode()
        self.assertIn("HTTP/2 431", answer)

    def test_a_reset_ends_the_request_at_the_app(self):
        self.app.server.large_bytes = 1 << 30
        self.start()
        with Raw(self.port) as client:
            client.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, request_block(path=b"/large")))
            client.until(DATA, 1)
            client.send(frame(RST_STREAM, 0, 1, b"\0\0\0\x08"))
            client.send(frame(HEADERS, END_HEADERS | END_STREAM, 3, request_block()))
            client.send(frame(WINDOW_UPDATE, payload=(1 << 20).to_bytes(4, "big")))
            self.assertTrue(client.until(DATA, 3))
        wait_until(lambda: self.metric("shore_gateway_http2_streams") == 0, what="the streams' end")


if __name__ == "__main__":
    unittest.main()
