"""The gateway from outside: the real binary between real clients (curl, node's ws, raw sockets) and real servers."""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import threading
import time
import unittest

from gateway_case import SECOND, GatewayCase, free_port, listens, read_answer, wait_until

SOURCE = pathlib.Path(os.environ.get("SHORE_SOURCE", pathlib.Path(__file__).resolve().parents[2]))


def curl(*arguments):
    return subprocess.run(["curl", "-sS", "--max-time", "20", *arguments], capture_output=True, check=True)


class Forwarding(GatewayCase):
    def setUp(self):
        super().setUp()
        self.app = self.backend()

    def headers_seen(self, headers):
        return self.echo(headers=headers)["headers"]

    def test_passes_method_target_and_body(self):
        self.start()
        for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
            seen = self.echo(method, "/a/b?c=%20d", body=b"x" * 10 if method in ("POST", "PUT", "PATCH") else None)
            self.assertEqual((seen["method"], seen["target"]), (method, "/a/b?c=%20d"))
            self.assertEqual(seen["body"], 10 if method in ("POST", "PUT", "PATCH") else 0)

    def test_head_has_the_length_and_no_body(self):
        self.start()
        response = self.request("HEAD", "/")
        self.assertEqual(response.status, 200)
        self.assertGreater(int(response.getheader("Content-Length")), 0)
        self.assertEqual(response.content, b"")

    def test_tells_the_app_who_the_client_is(self):
        self.start()
        seen = dict(self.headers_seen({"Host": "shop.example:81"}))
        self.assertEqual(seen["host"], "shop.example:81")
        self.assertEqual(seen["x-forwarded-for"], "127.0.0.1")
        self.assertEqual(seen["x-forwarded-proto"], "http")
        self.assertEqual(seen["x-forwarded-host"], "shop.example:81")
        self.assertIn("for=127.0.0.1", seen["forwarded"])
        self.assertTrue(seen["x-request-id"])

    def test_does_not_believe_a_strangers_forwarding_headers(self):
        self.start()
        seen = self.headers_seen({"X-Forwarded-For": "6.6.6.6", "Forwarded": "for=6.6.6.6", "X-Request-Id": "forged",
                                  "X-Forwarded-Proto": "https", "X-Real-IP": "6.6.6.6"})
        self.assertNotIn("6.6.6.6", json.dumps(seen))
        self.assertNotIn("forged", json.dumps(seen))
        self.assertEqual(dict(seen)["x-forwarded-proto"], "http")

    def test_believes_a_trusted_proxy_and_appends(self):
        self.trusted = ["127.0.0.0/8"]
        self.start()
        seen = dict(self.headers_seen({"X-Forwarded-For": "6.6.6.6", "X-Request-Id": "abc-123",
                                       "X-Forwarded-Proto": "https"}))
        self.assertEqual(seen["x-forwarded-for"].replace(" ", ""), "6.6.6.6,127.0.0.1")
        self.assertEqual(seen["x-request-id"], "abc-123")
        self.assertEqual(seen["x-forwarded-proto"], "https")

    def test_keeps_hop_by_hop_fields_to_one_connection(self):
        self.start()
        seen = dict(self.headers_seen({"Connection": "keep-alive, X-Private", "X-Private": "1", "Keep-Alive": "5",
                                       "Proxy-Connection": "keep-alive", "TE": "gzip", "X-Kept": "yes"}))
        for name in ("x-private", "keep-alive", "proxy-connection", "te"):
            self.assertNotIn(name, seen)
        self.assertEqual(seen["x-kept"], "yes")
        response = self.request(path="/hop")
        self.assertIsNone(response.getheader("X-Secret"))
        self.assertIsNone(response.getheader("Keep-Alive"))
        self.assertEqual(response.getheader("X-Kept"), "yes")

    def test_gives_every_answer_one_date_and_one_server(self):
        self.start()
        response = self.request()
        self.assertEqual(len(response.headers.get_all("Date")), 1)
        self.assertEqual(len(response.headers.get_all("Server")), 1)

    def test_streams_chunked_bodies_and_trailers_both_ways(self):
        self.start()
        answer = self.raw(b"GET /chunked HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        head, _, body = answer.partition(b"\r\n\r\n")
        self.assertIn(b"transfer-encoding: chunked", head.lower())
        self.assertTrue(body.endswith(b"0\r\nX-Sum: 11\r\n\r\n"), body)
        answer = self.raw(b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
                          b"5;ext=1\r\nhello\r\n003\r\nabc\r\n0\r\nX-Sum: 8\r\nContent-Length: 3\r\n\r\n")
        seen = json.loads(answer.partition(b"\r\n\r\n")[2])
        self.assertEqual(seen["body"], 8)
        self.assertEqual(seen["trailers"], ["X-Sum: 8"])

    def test_serves_http_1_0_clients_without_chunks(self):
        self.start()
        answer = self.raw(b"GET /chunked HTTP/1.0\r\nHost: a\r\n\r\n")
        head, _, body = answer.partition(b"\r\n\r\n")
        self.assertNotIn(b"chunked", head.lower())
        self.assertEqual(body, b"hello world")

    def test_passes_a_body_that_ends_with_the_connection(self):
        self.start()
        response = self.request(path="/until-close")
        self.assertEqual(response.content, b"y" * 100_000)

    def test_answers_pipelined_requests_in_order(self):
        self.start()
        one = b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n"
        last = b"GET /3 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        answer = self.raw(one % 1 + one % 2 + last).decode()
        self.assertEqual(re.findall(r'"target": "(/\d)"', answer), ["/1", "/2", "/3"])

    def test_uses_one_client_connection_for_many_requests(self):
        self.start()
        done = curl("-w", "%{num_connects}\n", "-o", "/dev/null", *[f"http://127.0.0.1:{self.port}/{i}" for i in range(5)],
                    "-o", "/dev/null", "-o", "/dev/null", "-o", "/dev/null", "-o", "/dev/null")
        self.assertEqual(sum(int(line) for line in done.stdout.split()), 1)

    def test_uploads_and_downloads_large_bodies_whole(self):
        self.start()
        path = self.state / "upload"
        path.write_bytes(os.urandom(20 << 20))
        for extra in ([], ["-H", "Transfer-Encoding: chunked"], ["-H", "Expect: 100-continue"]):
            done = curl("-T", str(path), *extra, f"http://127.0.0.1:{self.port}/up")
            self.assertEqual(json.loads(done.stdout)["body"], 20 << 20)
        done = curl(f"http://127.0.0.1:{self.port}/large")
        self.assertEqual(hashlib.sha256(done.stdout).digest(), hashlib.sha256(b"z" * (32 << 20)).digest())

    def test_asks_for_the_body_when_the_client_waits_for_it(self):
        self.start()
        with socket.create_connection(("127.0.0.1", self.port), 5) as client:
            client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n"
                           b"Connection: close\r\n\r\n")
            self.assertTrue(client.recv(1000).startswith(b"HTTP/1.1 100 "))
            client.sendall(b"hello")
            self.assertTrue(client.recv(1000).startswith(b"HTTP/1.1 200 "))

    def test_a_slow_reader_holds_back_the_server_not_memory(self):
        self.app.server.large_bytes = 256 << 20
        self.start()
        with socket.create_connection(("127.0.0.1", self.port), 5) as client:
            client.sendall(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
            client.recv(1000)
            time.sleep(1)  # tidy-allow(test-sleep): time in which a proxy without back-pressure would take it all
            status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
            self.assertLess(int(re.search(r"VmRSS:\s+(\d+)", status).group(1)), 200 * 1024)

    def test_body_over_the_limit_is_refused(self):
        self.limits["body_bytes"] = 1000
        self.start()
        self.assertEqual(self.request("POST", "/", b"x" * 1001).status, 413)
        self.assertEqual(self.request("POST", "/", b"x" * 1000).status, 200)
        chunk = b"400\r\n" + b"x" * 1024 + b"\r\n"
        answer = self.raw(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk + b"0\r\n\r\n")
        self.assertIn(b" 413 ", answer.split(b"\r\n")[0])

    def test_a_refusal_reaches_a_client_that_sends_everything_before_it_reads(self):
        self.limits["body_bytes"] = 1000
        self.start()
        size = 32 << 20  # More than both sockets hold.
        with socket.create_connection(("127.0.0.1", self.port), 5) as client:
            client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size)
            self.assertTrue(client.recv(1000).startswith(b"HTTP/1.1 413 "))


class Strictness(GatewayCase):
    POST = b"POST / HTTP/1.1\r\nHost: a\r\n"
    GET = b"GET / HTTP/1.1\r\nHost: a\r\n"
    CASES = [
        (400, "RFC 9112 2.2 bare LF", b"GET / HTTP/1.1\nHost: a\n\n"),
        (400, "RFC 9112 2.2 bare CR", GET + b"X: a\rb\r\n\r\n"),
        (400, "RFC 9112 3.2 no Host", b"GET / HTTP/1.1\r\n\r\n"),
        (400, "RFC 9112 3.2 two Hosts", GET + b"Host: b\r\n\r\n"),
        (400, "RFC 9112 3.2 bad Host", b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
        (400, "RFC 9112 5.1 space before colon", POST + b"Content-Length : 3\r\n\r\nabc"),
        (400, "RFC 9112 5.2 obs-fold", GET + b"X: a\r\n b\r\n\r\n"),
        (400, "RFC 9110 5.5 NUL", GET + b"X: a\0b\r\n\r\n"),
        (400, "RFC 9112 6.3 two lengths", POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc"),
        (400, "RFC 9112 6.3 two equal lengths", POST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc"),
        (400, "RFC 9112 6.2 signed length", POST + b"Content-Length: +3\r\n\r\nabc"),
        (400, "RFC 9112 6.1 CL and TE", POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        (400, "RFC 9112 6.1 chunked twice", POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
        (400, "RFC 9112 6.1 TE in HTTP/1.0", b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        (501, "RFC 9112 6.1 unknown coding", POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
        (505, "RFC 9112 2.3 version", b"GET / HTTP/2.0\r\nHost: a\r\n\r\n"),
        (400, "RFC 9112 3 HTTP/0.9", b"GET /\r\n\r\n"),
        (400, "RFC 9112 3.2 fragment", b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"),
        (417, "RFC 9110 10.1.1 expectation", POST + b"Expect: magic\r\nContent-Length: 3\r\n\r\nabc"),
        (431, "RFC 6585 5 head too large", GET + b"X: " + b"a" * 20000 + b"\r\n\r\n"),
        (431, "RFC 6585 5 too many fields", GET + b"X: a\r\n" * 200 + b"\r\n"),
        (414, "RFC 9110 15.5.15 target too long", b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\nHost: a\r\n\r\n"),
    ]

    def test_refuses_what_two_readers_could_understand_differently(self):
        app = self.backend()
        self.start()
        for status, what, data in self.CASES:
            with self.subTest(what):
                answer = self.raw(data + b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
                self.assertEqual(answer[9:12], b"%d" % status, answer[:200])
                answers = re.findall(rb"(?m)^HTTP/1\.1 \d", answer)
                self.assertEqual(len(answers), 1, "the connection went on after bad framing")
        self.assertEqual(app.seen, [])

    def test_a_bad_chunk_ends_the_request_and_the_connection(self):
        app = self.backend()
        self.start()
        for body in (b"5\r\nhello!\r\n0\r\n\r\n", b"zz\r\n", b"-1\r\n\r\n", b"5\nhello\r\n0\r\n\r\n"):
            with self.subTest(body):
                answer = self.raw(self.POST + b"Transfer-Encoding: chunked\r\n\r\n" + body +
                                  b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
                self.assertIn(answer[9:12], (b"400", b"502", b""))
        self.assertNotIn(("GET", "/smuggled"), app.seen)

    def test_a_server_with_bad_framing_is_a_bad_gateway(self):
        for response in (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
                         b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                         b"rubbish\r\n\r\n"):
            with self.subTest(response), RawServer(response) as server:
                self.process = None
                self.port = free_port()
                self.start(self.snapshot([server.endpoint()]))
                self.assertEqual(self.request().status, 502)
                self.process.kill()
                self.process.wait()


class RawServer:
    """Answers every connection with fixed bytes once the head has come, then closes."""

    def __init__(self, response, close=True):
        self.response, self.close = response, close
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.requests = []
        threading.Thread(target=self.run, daemon=True).start()

    def endpoint(self):
        return {"instance": "shop/raw-1", "address": "127.0.0.1", "port": self.listener.getsockname()[1],
                "draining": False}

    def run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection:
            received = b""
            while b"\r\n\r\n" not in received:
                piece = connection.recv(65536)
                if not piece:
                    return
                received += piece
            self.requests.append(received)
            connection.sendall(self.response)
            while not self.close and connection.recv(65536):
                pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()


class Routing(GatewayCase):
    def test_chooses_by_host_and_longest_prefix(self):
        app = self.backend()
        files = self.state / "files"
        files.mkdir()
        (files / "index.html").write_text("front")
        self.start(self.snapshot(routes=[
            self.route("/", -1, root=files, name="shop/web"),
            self.route("/api", 0, name="shop/api"),
            self.route("/api/v2", 0, strip=True, name="shop/v2"),
            self.route("/", 0, hosts=["admin.example"], name="shop/admin"),
        ]))
        self.assertEqual(self.request(path="/").content, b"front")
        self.assertEqual(self.echo(path="/api")["target"], "/api")
        self.assertEqual(self.echo(path="/api/x?y")["target"], "/api/x?y")
        self.assertEqual(self.request(path="/apix").status, 404)
        self.assertEqual(self.echo(path="/api/v2/x?y")["target"], "/x?y")
        self.assertEqual(self.echo(path="/api/v2")["target"], "/")
        self.assertEqual(self.echo(path="/z", headers={"Host": "ADMIN.example:8080"})["target"], "/z")
        self.assertEqual(len(app.seen), 5)

    def test_no_route_is_404(self):
        self.backend()
        self.start(self.snapshot(routes=[self.route("/only")]))
        self.assertEqual(self.request(path="/other").status, 404)

    def test_dot_segments_do_not_pass_by_a_route(self):
        app = self.backend()
        files = self.state / "files"
        files.mkdir()
        self.start(self.snapshot(routes=[self.route("/pub", 0), self.route("/", -1, root=files, name="shop/web")]))
        for path in (b"/pub/../../etc/passwd", b"/pub/%2e%2e/%2e%2e/etc/passwd"):
            answer = self.raw(b"GET " + path + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            self.assertEqual(answer[9:12], b"400", path)
        self.assertEqual(app.seen, [])


class Files(GatewayCase):
    def setUp(self):
        super().setUp()
        self.files = self.state / "files"
        (self.files / "sub").mkdir(parents=True)
        (self.files / "index.html").write_text("<h1>front</h1>")
        (self.files / "sub/index.html").write_text("sub")
        (self.files / "hello.txt").write_bytes(b"0123456789")
        self.large = os.urandom(3 << 20)
        (self.files / "large.bin").write_bytes(self.large)
        (self.state / "secret").write_text("secret")
        (self.files / "out").symlink_to(self.state / "secret")
        (self.files / "in").symlink_to("hello.txt")
        self.fallback = ""

    def start_files(self, **options):
        self.start(self.snapshot([], [self.route("/", -1, root=self.files, name="shop/web", **options)]))

    def test_serves_a_file_with_its_type_length_and_validators(self):
        self.start_files()
        response = self.request(path="/hello.txt")
        self.assertEqual((response.status, response.content), (200, b"0123456789"))
        self.assertTrue(response.getheader("Content-Type").startswith("text/plain"))
        self.assertEqual(response.getheader("Accept-Ranges"), "bytes")
        self.assertTrue(response.getheader("ETag") and response.getheader("Last-Modified"))
        self.assertEqual(self.request(path="/large.bin").content, self.large)
        self.assertEqual(self.request("HEAD", "/hello.txt").getheader("Content-Length"), "10")

    def test_answers_conditional_requests(self):
        self.start_files()
        response = self.request(path="/hello.txt")
        tag, modified = response.getheader("ETag"), response.getheader("Last-Modified")
        for headers, status in (({"If-None-Match": tag}, 304), ({"If-None-Match": "*"}, 304),
                                ({"If-None-Match": f'"x", W/{tag.removeprefix("W/")}'}, 304),
                                ({"If-None-Match": '"x"'}, 200), ({"If-Modified-Since": modified}, 304),
                                ({"If-Modified-Since": "Sun, 06 Nov 1994 08:49:37 GMT"}, 200),
                                ({"If-Match": '"x"'}, 412)):
            with self.subTest(headers):
                self.assertEqual(self.request(path="/hello.txt", headers=headers).status, status)

    def test_serves_ranges(self):
        self.start_files()
        for spec, body, where in (("bytes=2-4", b"234", "bytes 2-4/10"), ("bytes=7-", b"789", "bytes 7-9/10"),
                                  ("bytes=-3", b"789", "bytes 7-9/10"), ("bytes=5-100", b"56789", "bytes 5-9/10")):
            response = self.request(path="/hello.txt", headers={"Range": spec})
            self.assertEqual((response.status, response.content, response.getheader("Content-Range")),
                             (206, body, where), spec)
        response = self.request(path="/hello.txt", headers={"Range": "bytes=10-"})
        self.assertEqual((response.status, response.getheader("Content-Range")), (416, "bytes */10"))
        response = self.request(path="/large.bin", headers={"Range": "bytes=1000000-2999999"})
        self.assertEqual(response.content, self.large[1000000:3000000])
        response = self.request(path="/hello.txt", headers={"Range": "bytes=1-2", "If-Range": '"old"'})
        self.assertEqual((response.status, response.content), (200, b"0123456789"))

    def test_curl_resumes_a_download(self):
        self.start_files()
        part = self.state / "part"
        part.write_bytes(self.large[:1 << 20])
        curl("-C", "-", "-o", str(part), f"http://127.0.0.1:{self.port}/large.bin")
        self.assertEqual(part.read_bytes(), self.large)

    def test_serves_the_index_of_a_directory(self):
        self.start_files()
        self.assertEqual(self.request(path="/").content, b"<h1>front</h1>")
        self.assertEqual(self.request(path="/sub/").content, b"sub")
        response = self.request(path="/sub?x=1")
        self.assertIn(response.status, (301, 302, 307, 308))
        self.assertEqual(response.getheader("Location"), "/sub/?x=1")

    def test_unknown_paths_are_404_or_the_fallback(self):
        self.start_files()
        self.assertEqual(self.request(path="/nothing").status, 404)
        self.process.kill()
        self.process.wait()
        self.port = free_port()
        self.start_files(fallback="index.html")
        response = self.request(path="/deep/link")
        self.assertEqual((response.status, response.content), (200, b"<h1>front</h1>"))

    def test_never_leaves_its_root(self):
        self.start_files()
        self.assertEqual(self.request(path="/in").content, b"0123456789")
        for path in (b"/out", b"/../secret", b"/%2e%2e/secret", b"/sub/../../secret", b"//../secret", b"/hello.txt%00",
                     b"/sub/%2e%2e%2f%2e%2e/secret", b"/..%5csecret", b"/./../secret"):
            answer = self.raw(b"GET " + path + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            self.assertIn(answer[9:12], (b"400", b"403", b"404"), path)
            self.assertNotIn(b"secret\n", answer)
            self.assertFalse(answer.endswith(b"secret"), path)

    def test_only_reads(self):
        self.start_files()
        response = self.request("POST", "/hello.txt", b"x")
        self.assertEqual(response.status, 405)
        self.assertIn("GET", response.getheader("Allow"))


class Failures(GatewayCase):
    def test_a_dead_endpoint_fails_no_get(self):
        one, two = self.backend("shop/api-1"), self.backend("shop/api-2")
        self.start()
        for _ in range(10):
            self.assertEqual(self.request().status, 200)
        one.stop()
        self.backends.remove(one)
        for _ in range(50):
            self.assertEqual(self.echo()["instance"], "shop/api-2")
        del two

    def test_a_get_whose_connection_died_goes_elsewhere(self):
        good = self.backend("shop/api-2")
        with RawServer(b"") as dead:
            self.start(self.snapshot([dead.endpoint(), good.endpoint()]))
            for _ in range(10):
                self.assertEqual(self.request().status, 200)

    def test_a_post_that_was_sent_is_not_sent_again(self):
        good = self.backend("shop/api-2")
        with RawServer(b"") as dead:
            self.start(self.snapshot([dead.endpoint(), good.endpoint()]))
            statuses = [self.request("POST", "/order", b"one").status for _ in range(8)]
            self.assertIn(502, statuses)
            self.assertEqual(len(dead.requests) + len(good.seen), 8)

    def test_a_request_waits_while_its_only_endpoint_restarts(self):
        app = self.backend()
        self.start()
        self.assertEqual(self.request().status, 200)
        app.stop()
        self.backends.remove(app)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            waiting = [pool.submit(self.request, "GET", f"/{i}") for i in range(5)]
            waiting.append(pool.submit(self.request, "POST", "/", b"x"))
            time.sleep(0.7)  # tidy-allow(test-sleep): the length of the outage
            self.backend(port=app.port)
            self.assertEqual([one.result().status for one in waiting], [200] * 6)

    def test_no_endpoint_is_503_after_a_while_and_says_so_kindly(self):
        self.start(self.snapshot([]))
        page = self.request(headers={"Accept": "text/html"})
        self.assertEqual(page.status, 503)
        self.assertIn("text/html", page.getheader("Content-Type"))
        self.assertIn(page.getheader("X-Request-Id"), page.content.decode())
        problem = self.request(headers={"Accept": "application/json"})
        self.assertIn("json", problem.getheader("Content-Type"))
        self.assertEqual(json.loads(problem.content)["status"], 503)

    def test_an_endpoint_that_comes_back_gets_requests_again(self):
        one, two = self.backend("shop/api-1"), self.backend("shop/api-2")
        self.start()
        port = one.port
        one.stop()
        self.backends.remove(one)
        for _ in range(20):
            self.assertEqual(self.request().status, 200)
        self.backend("shop/api-1", port)
        wait_until(lambda: self.echo()["instance"] == "shop/api-1", what="the return of shop/api-1")
        del two

    def test_a_server_that_does_not_answer_is_504(self):
        self.backend()
        self.start(self.snapshot(routes=[self.route(timeout=0.5)]))
        begun = time.monotonic()
        self.assertEqual(self.request(path="/slow?3").status, 504)
        self.assertLess(time.monotonic() - begun, 2.5)

    def test_the_time_for_an_answer_begins_behind_the_request(self):
        self.backend()
        self.start(self.snapshot(routes=[self.route(timeout=0.5)]))
        with socket.create_connection(("127.0.0.1", self.port), 5) as client:
            client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n")
            for _ in range(10):
                time.sleep(0.15)  # tidy-allow(test-sleep): the slowness of the client
                client.sendall(b"x")
            self.assertTrue(read_answer(client).startswith(b"HTTP/1.1 200"))

    def test_a_client_that_was_asked_for_its_body_still_hears_of_a_failure(self):
        self.backend()
        self.start(self.snapshot(routes=[self.route(timeout=0.5)]))
        with socket.create_connection(("127.0.0.1", self.port), 5) as client:
            client.sendall(b"POST /slow?3 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n")
            received = client.recv(1000)
            self.assertTrue(received.startswith(b"HTTP/1.1 100 "), received)
            client.sendall(b"x")
            self.assertTrue(read_answer(client).startswith(b"HTTP/1.1 504"))

    def test_a_client_that_left_holds_no_endpoint(self):
        app = self.backend()
        self.start()
        with socket.create_connection(("127.0.0.1", self.port)) as client:
            client.sendall(b"GET /slow?1 HTTP/1.1\r\nHost: a\r\n\r\n")
            wait_until(lambda: app.seen)
        with self.control() as control:
            control.publish(self.snapshot([app.endpoint(draining=True)]))
            control.send({"watch_drain": "shop/api-1"})
            self.assertEqual(control.receive("drained")["drained"], "shop/api-1")


class Protection(GatewayCase):
    def test_a_head_that_never_ends_is_cut_off(self):
        self.backend()
        self.limits["header_timeout_ns"] = SECOND
        self.start()
        with socket.create_connection(("127.0.0.1", self.port), 10) as client:
            begun = time.monotonic()
            received = b""
            try:
                for byte in b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X" * 1000:
                    client.sendall(bytes([byte]))
                    time.sleep(0.05)  # tidy-allow(test-sleep): the slowness of the client
                    if time.monotonic() - begun > 6:
                        break
            except OSError:
                pass
            try:
                received = client.recv(1000)
            except OSError:
                pass
            self.assertLess(time.monotonic() - begun, 4)
            self.assertIn(received[9:12], (b"408", b""))

    def test_an_idle_connection_is_closed(self):
        self.backend()
        self.limits["idle_timeout_ns"] = SECOND
        self.start()
        with socket.create_connection(("127.0.0.1", self.port), 10) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            self.assertTrue(read_answer(client))
            begun = time.monotonic()
            self.assertEqual(client.recv(1000), b"")
            self.assertLess(time.monotonic() - begun, 4)

    def test_a_body_that_stops_is_cut_off(self):
        self.backend()
        self.limits["body_timeout_ns"] = SECOND
        self.start()
        begun = time.monotonic()
        answer = self.raw(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nx")
        self.assertIn(answer[9:12], (b"408", b""))
        self.assertLess(time.monotonic() - begun, 5)

    def test_connections_over_the_limit_wait_or_are_refused(self):
        self.backend()
        self.limits["connections_max"] = 5
        self.start()
        held = [socket.create_connection(("127.0.0.1", self.port), 3) for _ in range(5)]
        for client in held:
            client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            self.assertTrue(read_answer(client).startswith(b"HTTP/1.1 200"))
        with socket.create_connection(("127.0.0.1", self.port), 1) as extra:
            try:
                extra.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                answer = extra.recv(1000)
            except OSError:
                answer = b""
            self.assertFalse(answer.startswith(b"HTTP/1.1 200"), answer)
        for client in held:
            client.close()
        wait_until(lambda: self.request_works(), what="a free place")

    def request_works(self):
        try:
            return self.request().status == 200
        except OSError:
            return False


class Upgrades(GatewayCase):
    ECHO = (b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nready")

    def open_tunnel(self):
        client = socket.create_connection(("127.0.0.1", self.port), 10)
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
        received = b""
        while not received.endswith(b"ready"):
            piece = client.recv(1000)
            self.assertTrue(piece, received)
            received += piece
        self.assertTrue(received.startswith(b"HTTP/1.1 101 "))
        return client

    def test_an_upgraded_connection_counts_until_it_ends(self):
        with RawServer(self.ECHO, close=False) as server:
            self.start(self.snapshot([server.endpoint()]))
            client = self.open_tunnel()
            draining = dict(server.endpoint(), draining=True)
            with self.control() as control:
                control.publish(self.snapshot([draining]))
                control.send({"watch_drain": "shop/raw-1"})
                control.socket.settimeout(0.7)
                with self.assertRaises(TimeoutError):
                    control.receive("drained")
            client.close()
            with self.control() as control:
                control.send({"watch_drain": "shop/raw-1"})
                control.receive("drained")
            log = self.state / "logs/_shore/gateway/access.log"
            wait_until(lambda: log.exists() and '"status":101' in log.read_text(), what="the line of the log")
            line = next(line for line in map(json.loads, log.read_text().splitlines()) if line["status"] == 101)
            self.assertEqual((line["method"], line["protocol"], line["host"], line["path"]),
                             ("GET", "HTTP/1.1", "a", "/"))
            self.assertEqual(list(line)[:3], ["time", "client", "method"])

    def test_nodes_ws_talks_through_it(self):
        modules = SOURCE / "tests/clients/node_modules"
        if not (modules / "ws").exists():
            self.skipTest("tests/clients: npm ci has not run")  # tidy-allow(unfinished): make deps brings them
        port = free_port()
        server = subprocess.Popen(["node", "-e", f"""
            const {{WebSocketServer}} = require('ws');
            new WebSocketServer({{port: {port}, host: '127.0.0.1'}}).on('connection', s => {{
              s.on('message', (m, binary) => s.send(m, {{binary}}));
            }});"""], env={**os.environ, "NODE_PATH": str(modules)})
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        wait_until(lambda: listens(port), what="the WebSocket server")
        self.start(self.snapshot([{"instance": "shop/ws-1", "address": "127.0.0.1", "port": port, "draining": False}]))
        done = subprocess.run(["node", "-e", f"""
            const WebSocket = require('ws');
            let open = 20;
            for (let i = 0; i < 20; i++) {{
              const s = new WebSocket('ws://127.0.0.1:{self.port}/chat');
              const sizes = [1, 1000, 200000]; let at = 0;
              s.on('open', () => s.send(Buffer.alloc(sizes[0], i)));
              s.on('message', m => {{
                if (m.length !== sizes[at] || m[0] !== i) process.exit(3);
                if (++at < sizes.length) s.send(Buffer.alloc(sizes[at], i)); else s.close();
              }});
              s.on('close', () => {{ if (--open === 0) {{ console.log('all'); process.exit(0); }} }});
              s.on('error', e => {{ console.error(e); process.exit(4); }});
            }}"""], env={**os.environ, "NODE_PATH": str(modules)}, capture_output=True, text=True, timeout=30)
        self.assertEqual(done.stdout.strip(), "all", done.stderr)


class Snapshots(GatewayCase):
    threads = 2

    def test_a_swap_touches_no_connection_and_is_acknowledged(self):
        one = self.backend("shop/api-1")
        self.start()
        with socket.create_connection(("127.0.0.1", self.port), 5) as client, self.control() as control:
            for version in range(5):
                client.sendall(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % version)
                self.assertTrue(read_answer(client).startswith(b"HTTP/1.1 200"))
                answer = control.publish(self.snapshot())
                self.assertEqual((answer["ack"], answer["errors"]), (self.version, []))
        del one

    def test_a_draining_endpoint_gets_nothing_new_and_ends_what_it_has(self):
        one, two = self.backend("shop/api-1"), self.backend("shop/api-2")
        self.start(self.snapshot([one.endpoint()]))
        with concurrent.futures.ThreadPoolExecutor() as pool, self.control() as control:
            slow = pool.submit(self.request, "GET", "/slow?1")
            wait_until(lambda: one.seen)
            control.publish(self.snapshot([one.endpoint(draining=True), two.endpoint()]))
            for _ in range(20):
                self.assertEqual(self.echo()["instance"], "shop/api-2")
            control.send({"watch_drain": "shop/api-1"})
            self.assertEqual(control.receive("drained")["drained"], "shop/api-1")
            self.assertEqual(slow.result(1).status, 200)
        self.assertEqual(len(one.seen), 1)

    def test_listeners_open_and_close_with_the_snapshot(self):
        self.backend()
        self.start()
        second = free_port()
        both = [{"address": "127.0.0.1", "port": self.port}, {"address": "127.0.0.1", "port": second}]
        route = dict(self.route(), listeners=[0, 1])
        with self.control() as control:
            self.assertEqual(control.publish(self.snapshot(listeners=both, routes=[route]))["errors"], [])
            self.assertEqual(self.request(port=second).status, 200)
            control.publish(self.snapshot())
            wait_until(lambda: not listens(second), what="the close of the second listener")
            self.assertEqual(self.request().status, 200)

    def test_a_port_in_use_is_reported_and_the_rest_works(self):
        self.backend()
        self.start()
        with socket.create_server(("127.0.0.1", 0)) as taken, self.control() as control:
            port = taken.getsockname()[1]
            both = [{"address": "127.0.0.1", "port": self.port}, {"address": "127.0.0.1", "port": port}]
            answer = control.publish(self.snapshot(listeners=both))
            self.assertEqual(len(answer["errors"]), 1)
            self.assertIn(str(port), answer["errors"][0]["listen"])
            self.assertEqual(self.request().status, 200)

    def test_rubbish_on_the_control_socket_harms_nothing(self):
        self.backend()
        self.start()
        self.assertEqual((self.state / "run/gateway.sock").stat().st_mode & 0o777, 0o600)
        with self.control() as control:
            for line in (b"rubbish\n", b"{}\n", b'{"snapshot": {"version": 99}}\n', b"[1,2]\n", b"\n"):
                control.socket.sendall(line)
            self.assertEqual(control.publish(self.snapshot())["ack"], self.version)
        self.assertEqual(self.request().status, 200)

    def test_rolling_change_under_load_fails_nothing(self):
        apps = [self.backend("shop/api-1")]
        self.start()
        stop = threading.Event()
        failures, requests = [], [0]

        def client():
            while not stop.is_set():
                with socket.create_connection(("127.0.0.1", self.port), 10) as connection:
                    for _ in range(50):
                        connection.sendall(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
                        answer = read_answer(connection)
                        requests[0] += 1
                        if not answer.startswith(b"HTTP/1.1 200"):
                            failures.append(answer[:200])

        threads = [threading.Thread(target=client) for _ in range(8)]
        for thread in threads:
            thread.start()
        with self.control() as control:
            for generation in range(2, 7):
                fresh = self.backend(f"shop/api-{generation}")
                control.publish(self.snapshot([fresh.endpoint(), apps[-1].endpoint(draining=True)]))
                control.send({"watch_drain": apps[-1].name})
                control.receive("drained")
                apps[-1].stop()
                self.backends.remove(apps[-1])
                apps.append(fresh)
                control.publish(self.snapshot([fresh.endpoint()]))
        stop.set()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        self.assertGreater(requests[0], 100)


class Running(GatewayCase):
    def test_sigterm_ends_requests_first(self):
        app = self.backend()
        self.start()
        with concurrent.futures.ThreadPoolExecutor() as pool:
            slow = pool.submit(self.request, "GET", "/slow?1")
            wait_until(lambda: app.seen)
            self.assertEqual(self.terminate(), 0)
            self.assertEqual(slow.result().status, 200)
        self.assertFalse(listens(self.port))

    def test_metrics_are_what_prometheus_reads(self):
        self.backend()
        self.start()
        for _ in range(3):
            self.request()
        with self.control() as control:
            control.send({"metrics": True})
            text = control.receive("metrics")["metrics"]
        self.assertIn('route="shop/api"', text)
        if shutil.which("promtool"):
            done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

    def test_the_access_log_has_one_json_line_per_request(self):
        self.backend()
        self.start()
        self.request(path='/a"b?c', headers={"User-Agent": 'x"\\y'})
        self.request("POST", "/d", b"12345")
        log = self.state / "logs/_shore/gateway/access.log"
        wait_until(lambda: log.exists() and log.read_text().count("\n") >= 2, what="two lines of the access log")
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        self.assertEqual(len(lines), 2)
        self.assertTrue(all(200 in line.values() for line in lines), lines)
        self.assertIn("shop/api-1", json.dumps(lines))


if __name__ == "__main__":
    unittest.main()
