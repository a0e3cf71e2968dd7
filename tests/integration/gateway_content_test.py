#!/usr/bin/env python3
"""What the gateway does to the content of answers, judged by others' clients: curl, zstd, brotli, gzip, node."""
import http.server
import json
import os
import subprocess
import threading
import unittest

from gateway_case import GatewayCase, Server, wait_until

TEXT = b"".join(b'{"id": %d, "name": "item %d"},\n' % (i, i * 7919 % 1000) for i in range(4000))
DECODERS = {"gzip": ["gzip", "-dc"], "br": ["brotli", "-dc"], "zstd": ["zstd", "-dcq"]}
BROWSER = "gzip, deflate, br, zstd"


def decoded(coding, body):
    done = subprocess.run(DECODERS[coding], input=body, capture_output=True, check=False)
    assert done.returncode == 0, f"{coding}: {done.stderr.decode()} of {len(body)} bytes, {body[:16].hex()}"
    return done.stdout


class ContentApp(http.server.BaseHTTPRequestHandler):
    """Answers with what the query says: type, size, header fields; /stream sends an event whenever it is told to."""
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.seen.append(dict(self.headers.items()))
        path, _, query = self.path.partition("?")
        options = json.loads(bytes.fromhex(query)) if query else {}
        body = (TEXT * 20)[:options.get("size", len(TEXT))]
        self.send_response(options.get("status", 200))
        for name, value in options.get("fields", {"Content-Type": "application/json"}).items():
            self.send_header(name, value)
        if path == "/stream":
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for word in self.server.words:
                self.server.told.acquire()
                self.wfile.write(b"%x\r\n%s\r\n" % (len(word), word))
            self.wfile.write(b"0\r\n\r\n")
        elif path == "/chunked":
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for at in range(0, len(body), 10000):
                piece = body[at:at + 10000]
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n")
        elif path == "/until-close":
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = True
        elif path == "/broken":
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[:len(body) // 2])
            self.close_connection = True
        else:
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD" and self.server.seen:
                self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *_):
        pass


class ContentCase(GatewayCase):
    content = {}

    def setUp(self):
        super().setUp()
        self.app = Server(("127.0.0.1", 0), ContentApp)
        self.app.seen, self.app.connections, self.app.name = [], [], "shop/api-1"
        self.app.told, self.app.words = threading.Semaphore(0), []
        threading.Thread(target=self.app.serve_forever, args=(0.05,), daemon=True).start()
        self.addCleanup(self.app.server_close)
        self.addCleanup(self.app.shutdown)
        self.files = self.state / "files"
        self.files.mkdir()
        self.start(self.make_snapshot())

    def make_snapshot(self):
        endpoint = {"instance": "shop/api-1", "address": "127.0.0.1", "port": self.app.server_address[1],
                    "draining": False}
        snapshot = self.snapshot([endpoint], [
            self.route(), {**self.route("/static", -1, strip=True, root=self.files, name="shop/files"), **self.static},
            {**self.route("/plain", 0, name="shop/plain"), "compress": False}])
        if self.content:
            snapshot["content"] = self.content
        return snapshot

    static = {}

    def get(self, path="/", method="GET", accept=BROWSER, headers=None, **options):
        query = "?" + json.dumps(options).encode().hex() if options else ""
        fields = dict(headers or {})
        if accept is not None:
            fields["Accept-Encoding"] = accept
        return self.request(method, path + query, headers=fields)


class CompressionTest(ContentCase):
    def test_each_coding_is_read_by_its_own_tool(self):
        for coding in DECODERS:
            for path in ("/", "/chunked", "/until-close"):
                with self.subTest(coding=coding, path=path):
                    answer = self.get(path, accept=coding)
                    self.assertEqual(answer.headers["Content-Encoding"], coding)
                    self.assertIsNone(answer.headers["Content-Length"])
                    self.assertEqual(answer.headers["Vary"], "Accept-Encoding")
                    self.assertLess(len(answer.content), len(TEXT) // 2)
                    self.assertEqual(decoded(coding, answer.content), TEXT)

    def test_a_large_answer_arrives_whole(self):
        for coding in DECODERS:
            answer = self.get(accept=coding, size=2_000_000)
            self.assertEqual(decoded(coding, answer.content), (TEXT * 20)[:2_000_000])

    def test_the_clients_weights_decide(self):
        for accept, expected in (("gzip, deflate, br, zstd", "zstd"), ("gzip, deflate, br", "br"), ("gzip", "gzip"),
                                 ("zstd;q=0.1, gzip;q=0.9", "gzip"), ("gzip;q=0", None), ("identity", None),
                                 ("deflate", None), (None, None), ("*", "zstd"), ("br;q=nonsense", None)):
            with self.subTest(accept=accept):
                answer = self.get(accept=accept)
                self.assertEqual(answer.headers["Content-Encoding"], expected)
                self.assertEqual(answer.headers["Vary"], "Accept-Encoding")

    def test_what_must_stay_as_it_is_does(self):
        json_type = {"Content-Type": "application/json"}
        for why, options in {
                "type": {"fields": {"Content-Type": "image/png"}}, "no type": {"fields": {}},
                "short": {"size": 1000}, "encoded": {"fields": {**json_type, "Content-Encoding": "br"}},
                "no-transform": {"fields": {**json_type, "Cache-Control": "public, no-transform"}},
                "part": {"status": 206, "fields": {**json_type, "Content-Range": "bytes 0-99/1000"}},
                "events": {"fields": {"Content-Type": "text/event-stream"}}}.items():
            with self.subTest(why=why):
                answer = self.get(**options)
                self.assertEqual(answer.headers["Content-Encoding"], options.get("fields", {}).get("Content-Encoding"))
                self.assertIsNone(answer.headers["Vary"])
                self.assertEqual(answer.content, TEXT[:options.get("size", len(TEXT))])
        self.assertIsNone(self.get("/plain").headers["Content-Encoding"])

    def test_the_head_says_what_the_body_is(self):
        fields = {"Content-Type": "text/html", "ETag": '"v1"', "Accept-Ranges": "bytes", "Vary": "Cookie"}
        answer = self.get(fields=fields)
        self.assertEqual(answer.headers["ETag"], 'W/"v1"')
        self.assertIsNone(answer.headers["Accept-Ranges"])
        self.assertEqual(answer.headers.get_all("Vary"), ["Cookie", "Accept-Encoding"])
        plain = self.get(accept=None, fields=fields)
        self.assertEqual((plain.headers["ETag"], plain.headers["Accept-Ranges"]), ('"v1"', "bytes"))
        head = self.get(method="HEAD", fields=fields)
        self.assertEqual(head.headers["Content-Encoding"], "zstd")
        self.assertIsNone(head.headers["Content-Length"])
        self.assertEqual(head.content, b"")
        named = self.get(fields={**fields, "Vary": "Origin, accept-encoding"})
        self.assertEqual(named.headers.get_all("Vary"), ["Origin, accept-encoding"])

    def test_secrets_and_foreign_input_are_not_compressed_together(self):
        for headers, options, expected in (
                ({"Cookie": "s=1"}, {}, None), ({"Authorization": "Basic eDp5"}, {}, None),
                ({"Cookie": "s=1", "Sec-Fetch-Site": "cross-site"}, {}, None),
                ({"Cookie": "s=1", "Sec-Fetch-Site": "same-origin"}, {}, "zstd"),
                ({"Cookie": "s=1", "Sec-Fetch-Site": "none"}, {}, "zstd"),
                ({"Authorization": "Bearer token"}, {}, "zstd"),
                ({"Cookie": "s=1"}, {"fields": {"Content-Type": "text/css"}}, "zstd"),
                ({"Cookie": "s=1"}, {"fields": {"Content-Type": "text/html", "Cache-Control": "public, max-age=9"}},
                 "zstd")):
            with self.subTest(headers=headers, options=options):
                self.assertEqual(self.get(headers=headers, **options).headers["Content-Encoding"], expected)

    def test_curl_reads_it(self):
        result = subprocess.run(["curl", "-sS", "--compressed", "-D", "-", f"http://127.0.0.1:{self.port}/"],
                                capture_output=True, check=True)
        head, _, body = result.stdout.partition(b"\r\n\r\n")
        self.assertIn(b"Content-Encoding:", head)
        self.assertEqual(body, TEXT)

    def test_http2_carries_the_same_content(self):
        (self.files / "small.css").write_bytes(TEXT)
        (self.files / "large.css").write_bytes(TEXT * 20)
        (self.files / "large.png").write_bytes(TEXT * 20)
        for path, content in (("/", TEXT), ("/chunked", TEXT), ("/static/small.css", TEXT),
                              ("/static/large.css", TEXT * 20), ("/static/large.png", TEXT * 20)):
            result = subprocess.run(["curl", "-sS", "--http2-prior-knowledge", "--compressed",
                                     f"http://127.0.0.1:{self.port}{path}"], capture_output=True, check=True)
            self.assertTrue(result.stdout == content, path)

    def test_nodes_fetch_reads_it(self):
        script = ("const r = await fetch(process.argv[1]); const t = await r.text();"
                  "console.log(r.headers.get('content-encoding'), t.length)")
        result = subprocess.run(["node", "--input-type=module", "-e", script, f"http://127.0.0.1:{self.port}/"],
                                capture_output=True, text=True, check=True)
        coding, length = result.stdout.split()
        self.assertIn(coding, ("br", "gzip"))
        self.assertEqual(int(length), len(TEXT))

    def test_a_stream_is_never_held_back(self):
        self.app.words = [b'{"event": %d}\n' % i for i in range(5)]
        client = subprocess.Popen(["curl", "-sSN", "--compressed", f"http://127.0.0.1:{self.port}/stream"],
                                  stdout=subprocess.PIPE)
        self.addCleanup(client.stdout.close)
        self.addCleanup(client.wait)
        os.set_blocking(client.stdout.fileno(), False)
        seen = b""
        for i, word in enumerate(self.app.words):
            self.app.told.release()

            def arrived():
                nonlocal seen
                seen += client.stdout.read() or b""
                return seen == b"".join(self.app.words[:i + 1])
            wait_until(arrived, what=f"event {i}")

    def test_a_broken_body_is_seen_to_be_broken(self):
        for coding in DECODERS:
            result = subprocess.run(["curl", "-sS", "-H", f"Accept-Encoding: {coding}", "-o", os.devnull,
                                     f"http://127.0.0.1:{self.port}/broken"], capture_output=True)
            self.assertNotEqual(result.returncode, 0)

    def test_old_clients_get_plain_bodies(self):
        answer = self.raw(b"GET / HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n")
        head, _, body = answer.partition(b"\r\n\r\n")
        self.assertNotIn(b"Content-Encoding", head)
        self.assertEqual(body, TEXT)

    def test_the_connection_stays_for_the_next_request(self):
        request = b"GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n"
        last = request.replace(b"Host: a\r\n", b"Host: a\r\nConnection: close\r\n")
        self.assertEqual(self.raw(request * 3 + last).count(b"Content-Encoding: gzip"), 4)


class SecurityHeaderTest(ContentCase):
    def test_html_gets_what_it_lacks(self):
        answer = self.get(fields={"Content-Type": "text/html; charset=utf-8"}, size=10)
        self.assertEqual(answer.headers["X-Content-Type-Options"], "nosniff")
        self.assertEqual(answer.headers["X-Frame-Options"], "SAMEORIGIN")
        self.assertEqual(answer.headers["Referrer-Policy"], "strict-origin-when-cross-origin")

    def test_what_the_app_says_stays(self):
        own = {"Content-Type": "text/html", "X-Content-Type-Options": "custom", "Referrer-Policy": "no-referrer",
               "Content-Security-Policy": "default-src 'self'; frame-ancestors https://partner.example"}
        answer = self.get(fields=own, size=10)
        self.assertEqual(answer.headers.get_all("X-Content-Type-Options"), ["custom"])
        self.assertEqual(answer.headers.get_all("Referrer-Policy"), ["no-referrer"])
        self.assertIsNone(answer.headers["X-Frame-Options"])

    def test_other_types_get_nosniff_alone(self):
        answer = self.get(size=10)
        self.assertEqual(answer.headers["X-Content-Type-Options"], "nosniff")
        self.assertIsNone(answer.headers["X-Frame-Options"])
        self.assertIsNone(answer.headers["Referrer-Policy"])


class StaticFileTest(ContentCase):
    def write(self, name, content):
        path = self.files / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def test_a_hot_file_is_answered_without_a_look_at_the_disk(self):
        self.write("hot.png", b"x" * 1024)
        self.assertEqual(self.get("/static/hot.png").content, b"x" * 1024)
        (self.files / "hot.png").unlink()
        self.assertEqual(self.get("/static/hot.png").status, 200)
        wait_until(lambda: self.get("/static/hot.png").status == 404, 3, "the look at the disk")

    def test_a_change_is_seen_within_a_second(self):
        self.write("page.html", b"one")
        self.assertEqual(self.get("/static/page.html").content, b"one")
        self.write("page.html", b"two")
        wait_until(lambda: self.get("/static/page.html").content == b"two", 3, "the change")

    def test_a_file_that_is_cut_short_under_a_request_arrives_as_it_was(self):
        name = self.files / "cut.png"
        name.write_bytes(b"x" * 100_000)
        self.assertEqual(self.get("/static/cut.png").content, b"x" * 100_000)
        for left in (60_000, 0):
            os.truncate(name, left)
            answer = self.get("/static/cut.png")
            if len(answer.content) == left:
                continue  # This machine took a second: the loop has looked again.
            self.assertEqual(answer.content, b"x" * 100_000)

    def test_sizes_around_every_limit_arrive_whole(self):
        for size in (0, 1, 16 << 10, (16 << 10) + 1, 60_000, 256 << 10, (256 << 10) + 1, 3_000_000):
            self.write(f"{size}.bin", os.urandom(size))
            for _ in range(2):
                answer = self.get(f"/static/{size}.bin")
                self.assertEqual(answer.headers["Content-Length"], str(size))
                self.assertEqual(answer.content, (self.files / f"{size}.bin").read_bytes())
            if size > 100:
                part = self.get(f"/static/{size}.bin", headers={"Range": "bytes=10-99"})
                self.assertEqual(part.status, 206)
                self.assertEqual(part.content, (self.files / f"{size}.bin").read_bytes()[10:100])

    def test_text_is_compressed_once_or_on_its_way(self):
        for name, content in (("small.js", TEXT), ("large.js", TEXT * 20)):
            self.write(name, content)
            for coding in DECODERS:
                for _ in range(2):
                    answer = self.get(f"/static/{name}", accept=coding)
                    self.assertEqual(answer.headers["Content-Encoding"], coding)
                    self.assertEqual(answer.headers["Vary"], "Accept-Encoding")
                    self.assertTrue(answer.headers["ETag"].startswith('W/"'))
                    self.assertEqual(decoded(coding, answer.content), content)
                again = self.get(f"/static/{name}", accept=coding, headers={"If-None-Match": answer.headers["ETag"]})
                self.assertEqual((again.status, again.content), (304, b""))
            part = self.get(f"/static/{name}", headers={"Range": "bytes=0-9"})
            self.assertEqual((part.status, part.content), (206, content[:10]))
            self.assertIsNone(part.headers["Content-Encoding"])

    def test_files_that_were_compressed_before_are_sent(self):
        self.write("app.3f2a9c1b.js", TEXT)
        for ending, tool in (("gz", ["gzip", "-9c"]), ("br", ["brotli", "-c"]), ("zst", ["zstd", "-19qc"])):
            self.write(f"app.3f2a9c1b.js.{ending}", subprocess.run(tool, input=TEXT, capture_output=True,
                                                                   check=True).stdout)
        for coding, ending in (("gzip", "gz"), ("br", "br"), ("zstd", "zst")):
            answer = self.get("/static/app.3f2a9c1b.js", accept=coding)
            self.assertEqual(answer.content, (self.files / f"app.3f2a9c1b.js.{ending}").read_bytes())
            self.assertEqual(answer.headers["Content-Encoding"], coding)
            self.assertEqual(answer.headers["Content-Type"], "text/javascript; charset=utf-8")
            self.assertEqual(answer.headers["Cache-Control"], "public, max-age=31536000, immutable")
        self.assertEqual(self.get("/static/app.3f2a9c1b.js").headers["Content-Encoding"], "br")
        self.assertEqual(self.get("/static/app.3f2a9c1b.js", accept=None).content, TEXT)

    def test_nothing_outside_the_root_is_served(self):
        (self.state / "secret").write_bytes(b"secret")
        self.write("in.txt", b"in")
        (self.files / "out.txt").symlink_to("../secret")
        (self.files / "absolute.txt").symlink_to(self.state / "secret")
        (self.files / "around").symlink_to("..")
        (self.files / "app.js").write_bytes(TEXT)
        (self.files / "app.js.br").symlink_to("../secret")
        self.assertEqual(self.get("/static/in.txt").content, b"in")
        for path in ("/out.txt", "/absolute.txt", "/around/secret", "/%2e%2e/secret", "/..%2fsecret", "/../secret",
                     "/%2e%2e%2fsecret", "/..%5csecret", "/in.txt/../../secret", "/in.txt%00", "/%252e%252e/secret"):
            answer = self.raw(f"GET /static{path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
            # Where a path climbs out of the route, the app answers.
            self.assertFalse(answer.endswith(b"\r\n\r\nsecret"), path)
        self.assertEqual(decoded("br", self.get("/static/app.js", accept="br").content), TEXT)

    def test_pages_carry_security_headers(self):
        self.write("index.html", b"<!doctype html>")
        answer = self.get("/static/")
        self.assertEqual(answer.headers["X-Frame-Options"], "SAMEORIGIN")
        self.assertEqual(answer.headers["X-Content-Type-Options"], "nosniff")
        self.assertEqual(answer.headers["Cache-Control"], "no-cache")


class SwitchedOffTest(ContentCase):
    content = {"compress": {"enabled": False, "codings": ["gzip"], "types": ["text/*"], "size_min": 0, "level": 2,
                            "with_credentials": False},
               "security": {"enabled": False, "nosniff": True, "frame_options": "DENY", "referrer_policy": ""},
               "file_cache": 0}

    def test_nothing_is_changed(self):
        answer = self.get(fields={"Content-Type": "text/html"})
        for name in ("Content-Encoding", "Vary", "X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy"):
            self.assertIsNone(answer.headers[name])
        self.assertEqual(answer.content, TEXT)
        (self.files / "app.css").write_bytes(TEXT)
        for _ in range(2):
            answer = self.get("/static/app.css")
            self.assertIsNone(answer.headers["Content-Encoding"])
            self.assertIsNone(answer.headers["X-Content-Type-Options"])
            self.assertEqual(answer.content, TEXT)


if __name__ == "__main__":
    unittest.main()
