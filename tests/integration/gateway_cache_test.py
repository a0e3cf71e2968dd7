#!/usr/bin/env python3
"""The gateway's response cache, judged by curl and by an app that counts what reaches it."""
import http.server
import json
import re
import shutil
import subprocess
import threading
import unittest

from gateway_case import SHORE, GatewayCase, wait_until
from gateway_tls_test import TlsCase
from shore_case import ShoreCase

CONTENT = {"compress": {"enabled": True, "codings": ["zstd", "br", "gzip"], "types": ["text/*"], "size_min": 1024,
                        "level": 2, "with_credentials": False},
           "security": {"enabled": False, "nosniff": False, "frame_options": "", "referrer_policy": ""},
           "file_cache": 0}


class CountingApp(http.server.BaseHTTPRequestHandler):
    """Answers GET with what was set for the path: status, fields, body; keeps what it was asked."""
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.seen.append((self.command, self.path, dict(self.headers.items())))
        answer = self.server.answers[self.path.partition("?")[0]]
        gate = answer.get("gate")
        if gate:
            gate.wait(20)
        status, body = answer.get("status", 200), answer.get("body", b"hello")
        tag = answer.get("fields", {}).get("ETag")
        if status == 200 and tag and self.headers.get("If-None-Match") == tag:
            status, body = 304, b""
        self.send_response(status)
        for name, value in answer.get("fields", {}).items():
            self.send_header(name, value)
        if answer.get("chunked"):
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for at in range(0, len(body), 1000):
                piece = body[at:at + 1000]
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n")
            return
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_POST = do_GET

    def log_message(self, *_):
        pass


class CacheTest(GatewayCase):
    threads = 2

    def setUp(self):
        super().setUp()
        app = self.backend()
        self.app = app.server
        self.app.RequestHandlerClass = CountingApp
        self.app.answers = {}
        self.start(self.cached_snapshot())

    def cached_snapshot(self, **policy):
        return self.snapshot(routes=[self.route() | {"cache": {"enabled": True} | policy}])

    def serve(self, path, control="max-age=60", body=b"hello", fields=None, **more):
        self.app.answers[path] = {"fields": {"Cache-Control": control} | (fields or {}), "body": body} | more

    def curl(self, path, *arguments):
        """Status, fields in lower case, body."""
        done = subprocess.run(["curl", "-sS", "-i", *arguments, f"http://127.0.0.1:{self.port}{path}"],
                              capture_output=True, timeout=30, check=True)
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        fields = {}
        for line in lines[1:]:
            name, _, value = line.partition(": ")
            fields[name.lower()] = value
        return int(lines[0].split()[1]), fields, body

    def ask(self, control, question, what=None):
        control.send({"ask": question, "id": 1, "with": what or {}})
        return control.receive("id")["answer"]

    def asked(self, path):
        return [seen for seen in self.app.seen if len(seen) == 3 and seen[1] == path]

    def test_a_second_request_is_answered_from_memory(self):
        for path, chunked, size in (("/a", False, 5), ("/b", True, 200_000), ("/c", False, 300_000)):
            body = (b"0123456789" * 30_000)[:size]
            self.serve(path, body=body, chunked=chunked, fields={"X-App": "yes"})
            _, first, got = self.curl(path)
            self.assertEqual(got, body, path)
            self.assertIn("fwd=miss; stored", first["cache-status"])
            status, fields, got = self.curl(path)
            self.assertEqual((status, got, fields["x-app"]), (200, body, "yes"), fields)
            self.assertRegex(fields["cache-status"], r"^shore; hit; ttl=\d+$")
            self.assertEqual(int(fields["content-length"]), len(body))
            self.assertLessEqual(int(fields["age"]), 5)
            self.assertEqual(len(self.asked(path)), 1)

    def test_what_must_not_be_shared_is_not_stored(self):
        self.serve("/private", "private, max-age=60")
        self.serve("/no-store", "no-store")
        self.serve("/silent", "x=1")
        self.serve("/cookie", fields={"Set-Cookie": "a=1"})
        for path in ("/private", "/no-store", "/silent", "/cookie"):
            for _ in range(2):
                self.assertEqual(self.curl(path)[1]["cache-status"], "shore; fwd=miss", path)
            self.assertEqual(len(self.asked(path)), 2, path)
        self.serve("/login", "max-age=60")
        for _ in range(2):
            self.curl("/login", "-u", "me:secret")
        self.assertEqual(len(self.asked("/login")), 2)

    def test_query_host_and_vary_keep_answers_apart(self):
        self.serve("/q")
        for path in ("/q?a=1", "/q?a=2", "/q?a=1"):
            self.curl(path)
        self.curl("/q?a=1", "-H", "Host: other")
        self.assertEqual(len(self.asked("/q?a=1")), 2)
        self.serve("/v", fields={"Vary": "X-Mode"})
        for mode in ("a", "b", "a", "b"):
            self.curl("/v", "-H", f"X-Mode: {mode}")
        self.assertEqual(len(self.asked("/v")), 2)

    def test_head_ranges_and_conditions_are_answered_from_the_full_copy(self):
        self.serve("/r", body=b"0123456789", fields={"ETag": '"v1"'})
        self.curl("/r")
        status, fields, body = self.curl("/r", "-r", "2-4")
        self.assertEqual((status, body, fields["content-range"]), (206, b"234", "bytes 2-4/10"))
        status, fields, body = self.curl("/r", "-H", 'If-None-Match: "v1"')
        self.assertEqual((status, body, fields["etag"]), (304, b"", '"v1"'))
        status, fields, body = self.curl("/r", "-I")
        self.assertEqual((status, body, fields["content-length"]), (200, b"", "10"))
        self.assertEqual(len(self.asked("/r")), 1)

    def test_what_is_too_old_is_asked_about_once(self):
        self.serve("/old", "no-cache", fields={"ETag": '"v1"'})
        self.curl("/old")
        status, fields, body = self.curl("/old")
        self.assertEqual((status, body), (200, b"hello"))
        self.assertIn("fwd=stale; fwd-status=304", fields["cache-status"])
        self.assertEqual([seen[2].get("If-None-Match") for seen in self.asked("/old")], [None, '"v1"'])

    def test_many_requests_make_one_fetch(self):
        gate = threading.Event()
        self.serve("/once", gate=gate)
        results = []
        threads = [threading.Thread(target=lambda: results.append(self.curl("/once"))) for _ in range(20)]
        for thread in threads:
            thread.start()
        wait_until(lambda: self.asked("/once"), what="the fetch")
        gate.set()
        for thread in threads:
            thread.join()
        self.assertEqual([result[2] for result in results], [b"hello"] * 20)
        self.assertEqual(len(self.asked("/once")), 1)

    def test_stale_while_revalidate_answers_at_once_and_refreshes(self):
        self.serve("/swr", "max-age=0, stale-while-revalidate=60", body=b"one")
        self.curl("/swr")
        gate = threading.Event()
        self.serve("/swr", "max-age=60, stale-while-revalidate=60", body=b"two", gate=gate)
        _, fields, body = self.curl("/swr")
        self.assertEqual(body, b"one", "the app has not answered yet")
        self.assertIn("hit; detail=stale", fields["cache-status"])
        gate.set()
        wait_until(lambda: self.curl("/swr")[2] == b"two", what="the newer answer")
        self.assertEqual(len(self.asked("/swr")), 2)

    def test_stale_if_error_covers_for_a_broken_app(self):
        self.serve("/sie", "max-age=0, stale-if-error=60", body=b"good")
        self.curl("/sie")
        self.app.answers["/sie"] = {"status": 503, "body": b"broken"}
        status, fields, body = self.curl("/sie")
        self.assertEqual((status, body), (200, b"good"))
        self.assertIn("detail=stale-if-error", fields["cache-status"])

    def test_a_change_drops_what_is_stored(self):
        self.serve("/thing")
        self.curl("/thing")
        self.curl("/thing", "-d", "x=1")
        self.curl("/thing")
        self.assertEqual([seen[0] for seen in self.asked("/thing")], ["GET", "POST", "GET"])

    def test_missing_pages_stay_for_as_long_as_the_route_says(self):
        with self.control() as control:
            control.publish(self.cached_snapshot(negative_ns=60 * 10**9))
        self.app.answers["/gone"] = {"status": 404, "body": b"no"}
        self.assertEqual([self.curl("/gone")[0] for _ in range(3)], [404] * 3)
        self.assertEqual(len(self.asked("/gone")), 1)

    def test_a_route_that_does_not_ask_for_it_is_not_cached(self):
        with self.control() as control:
            control.publish(self.snapshot())
        self.serve("/plain")
        for _ in range(2):
            self.assertNotIn("cache-status", self.curl("/plain")[1])
        self.assertEqual(len(self.asked("/plain")), 2)

    def test_purge_by_url_prefix_and_tag_and_numbers(self):
        for path, tag in (("/p/1", "a"), ("/p/2", "b"), ("/p/3", "b")):
            self.serve(path, fields={"Surrogate-Key": tag})
            self.curl(path)
        base = f"http://127.0.0.1:{self.port}"
        with self.control() as control:
            self.assertEqual(self.ask(control, "cache_status")["tiers"][0]["entries"], 3)
            for purge, dropped in (({"url": base + "/p/1"}, 1), ({"tag": "b"}, 2), ({"prefix": base}, 0)):
                self.assertEqual(self.ask(control, "cache_purge", purge)["purged"], dropped, purge)
            control.send({"ask": "cache_purge", "id": 2, "with": {"url": "/p/1"}})
            self.assertIn('"/p/1" does not begin with http:// or https://', control.receive("id")["error"])
            self.curl("/p/1")
            self.assertEqual(len(self.asked("/p/1")), 2)
            self.curl("/p/1")
            control.send({"metrics": True})
            metrics = control.receive("metrics")["metrics"]
        self.assertIn('shore_gateway_cache_requests_total{route="shop/api",tier="memory",result="hit"} 1', metrics)
        self.assertIn('shore_gateway_cache_entries{tier="memory"} 1', metrics)


    def test_encoded_answers_are_kept_apart_and_renewed_by_the_apps_own_tag(self):
        text = b"the same words again and again " * 400
        self.serve("/text", "max-age=0, no-cache", body=text, fields={"Content-Type": "text/plain", "ETag": '"v1"'})
        for _ in range(2):
            for coding in ("gzip", "br"):
                _, fields, body = self.curl("/text", "-H", f"Accept-Encoding: {coding}")
                self.assertEqual(fields["content-encoding"], coding)
                self.assertEqual(fields["etag"], 'W/"v1"')
                self.assertLess(len(body), len(text) // 4)
                self.assertEqual(self.curl("/text", "--compressed", "-H", f"Accept-Encoding: {coding}")[2], text)
            status, fields, body = self.curl("/text")
            self.assertEqual((body, fields["etag"], fields["vary"]), (text, '"v1"', "Accept-Encoding"))
            self.assertNotIn("content-encoding", fields)
        asked = [seen[2].get("If-None-Match") for seen in self.asked("/text")]
        self.assertEqual(asked.count(None), 3, "one full answer for each coding and for none")
        self.assertEqual(set(asked), {None, '"v1"'})

    def test_http2_clients_get_it_from_memory(self):
        for path, size in (("/h2/small", 5), ("/h2/large", 400_000)):
            body = (b"0123456789" * 40_000)[:size]
            self.serve(path, body=body)
            self.curl(path)
            for _ in range(2):
                status, fields, got = self.curl(path, "--http2-prior-knowledge")
                self.assertEqual((status, got), (200, body))
                self.assertTrue(fields["cache-status"].startswith("shore; hit"), fields)
            self.assertEqual(len(self.asked(path)), 1)
        self.serve("/h2/first", body=b"fetched over HTTP/2")
        self.curl("/h2/first", "--http2-prior-knowledge")
        self.assertEqual(self.curl("/h2/first")[2], b"fetched over HTTP/2")
        self.assertEqual(len(self.asked("/h2/first")), 1)
        status, fields, body = self.curl("/h2/first", "--http2-prior-knowledge", "-r", "0-6")
        self.assertEqual((status, body), (206, b"fetched"))

    def test_services_routes_and_shares_of_a_split_do_not_share_answers(self):
        other = self.backend("shop/next-1").server
        other.RequestHandlerClass, other.answers = CountingApp, {}
        cached = {"cache": {"enabled": True}}
        snapshot = self.snapshot(endpoints=[self.backends[0].endpoint()], routes=[
            self.route() | cached,
            self.route("/old", strip=True) | cached,
            self.route("/beta") | cached | {"upstream": 1},
            self.route("/x") | cached | {"conditions": {"headers": [{"name": "x-beta", "value": "1"}]},
                                         "actions": {"rewrite": "/y"}},
            self.route("/x") | cached,
            self.route("/split") | cached | {"targets": [{"upstream": 0, "weight": 1}, {"upstream": 1, "weight": 1}]}])
        snapshot["upstreams"].append({"name": "shop/next", "health_path": "",
                                      "endpoints": [self.backends[1].endpoint()]})
        with self.control() as control:
            control.publish(snapshot)
        self.serve("/a", body=b"stripped")
        self.serve("/x", body=b"plain")
        self.serve("/y", body=b"rewritten")
        for _ in range(2):
            self.assertEqual(self.curl("/old/a")[2], b"stripped")
            self.assertEqual(self.curl("/x")[2], b"plain")
            self.assertEqual(self.curl("/x", "-H", "X-Beta: 1")[2], b"rewritten")
        self.assertEqual([len(self.asked(path)) for path in ("/a", "/x", "/y")], [1, 1, 1])
        self.serve("/split", body=b"one")
        other.answers["/split"] = {"fields": {"Cache-Control": "max-age=60"}, "body": b"two"}
        bodies = [self.curl("/split")[2] for _ in range(40)]
        self.assertEqual(set(bodies), {b"one", b"two"}, "a split stays a split")
        self.assertEqual(len(self.asked("/split")) + len(other.seen), 2)

    def test_a_change_of_the_route_begins_anew(self):
        self.serve("/edit")
        self.curl("/edit")
        with self.control() as control:
            control.publish(self.snapshot(routes=[self.route() | {
                "cache": {"enabled": True}, "actions": {"response_headers": {"set": [["x-new", "1"]]}}}]))
        for _ in range(2):
            self.assertEqual(self.curl("/edit")[1]["x-new"], "1")
        self.assertEqual(len(self.asked("/edit")), 2)

    def test_an_answer_by_a_newer_snapshot_is_not_kept_for_the_older_route(self):
        self.serve("/held")
        edited = self.route() | {"cache": {"enabled": True}, "actions": {"response_headers": {"set": [["x-new", "1"]]}}}
        with self.control() as control:
            control.publish(self.cached_snapshot() | {"upstreams": [
                {"name": "shop/api", "health_path": "", "endpoints": []}]})
            results = []
            held = threading.Thread(target=lambda: results.append(self.curl("/held")))
            held.start()
            wait_until(lambda: self.connections() > 0, what="the request")
            control.publish(self.snapshot(routes=[edited]))
            held.join()
            self.assertEqual(results[0][1]["x-new"], "1")
            control.publish(self.cached_snapshot())
        self.assertNotIn("x-new", self.curl("/held")[1])
        self.assertEqual(len(self.asked("/held")), 2)

    def connections(self):
        with self.control() as control:
            control.send({"metrics": True})
            metrics = control.receive("metrics")["metrics"]
        return int(re.search(r"^shore_gateway_connections (\d+)$", metrics, re.MULTILINE).group(1))

    def test_credentials_get_only_what_is_meant_for_all(self):
        self.serve("/page", "max-age=60", body=b"for anybody")
        self.curl("/page")
        self.serve("/page", "max-age=60", body=b"for me")
        self.assertEqual(self.curl("/page", "-u", "me:secret")[2], b"for me")
        self.assertEqual(self.curl("/page")[2], b"for anybody")
        self.serve("/shared", "public, max-age=60")
        for _ in range(2):
            self.curl("/shared", "-u", "me:secret")
        self.assertEqual(len(self.asked("/shared")), 1)

    def test_what_clients_ask_of_the_cache(self):
        status, fields, _ = self.curl("/none", "-H", "Cache-Control: only-if-cached")
        self.assertEqual((status, fields["cache-status"]), (504, "shore; detail=only-if-cached"))
        self.serve("/c")
        self.curl("/c", "-H", "Cache-Control: no-store")
        self.curl("/c")
        self.assertEqual(len(self.asked("/c")), 2, "the first was not stored")
        self.assertEqual(self.curl("/c", "-H", "Cache-Control: only-if-cached")[0], 200)
        self.curl("/c", "-H", "Cache-Control: no-cache")
        self.assertEqual(len(self.asked("/c")), 2, "a reload does not reach the app unless the route allows it")
        with self.control() as control:
            control.publish(self.cached_snapshot(reload=True))
        self.curl("/c")
        _, fields, _ = self.curl("/c", "-H", "Cache-Control: no-cache")
        self.assertIn("fwd=", fields["cache-status"])
        self.assertEqual(len(self.asked("/c")), 4)

    def test_a_refresh_does_not_hold_up_its_clients_next_request(self):
        self.serve("/swr2", "max-age=0, stale-while-revalidate=60")
        self.serve("/next", body=b"quick")
        self.curl("/swr2")
        gate = threading.Event()
        self.addCleanup(gate.set)
        self.serve("/swr2", "max-age=60", gate=gate)
        base = f"http://127.0.0.1:{self.port}"
        done = subprocess.run(["curl", "-sS", "-m", "10", f"{base}/swr2", f"{base}/next", "-w", "%{num_connects} "],
                              capture_output=True, timeout=30, check=True)
        self.assertEqual(done.stdout, b"hello1 quick0 ", "both on one connection, the app still at work")
        self.assertIn("hit; detail=stale", self.curl("/swr2")[1]["cache-status"])
        gate.set()
        wait_until(lambda: "shore; hit; ttl" in self.curl("/swr2")[1]["cache-status"], what="the refresh")
        self.assertEqual(len(self.asked("/swr2")), 2)

    def test_stale_if_error_covers_for_an_app_that_is_gone(self):
        self.serve("/gone", "max-age=0, stale-if-error=60", body=b"good")
        self.curl("/gone")
        self.backends[0].stop()
        status, fields, body = self.curl("/gone")
        self.assertEqual((status, body), (200, b"good"))
        self.assertIn("detail=stale-if-error", fields["cache-status"])

    def test_conditions_of_pages_that_are_not_stored_reach_the_app(self):
        self.serve("/mine", "private", fields={"ETag": '"v1"'})
        self.assertEqual(self.curl("/mine")[0], 200)
        self.assertEqual(self.curl("/mine", "-H", 'If-None-Match: "v1"')[0], 304)

    def test_a_purge_also_means_what_is_on_its_way(self):
        gate = threading.Event()
        self.serve("/way", body=b"old", gate=gate)
        fetch = threading.Thread(target=self.curl, args=("/way",))
        fetch.start()
        wait_until(lambda: self.asked("/way"), what="the fetch")
        with self.control() as control:
            self.ask(control, "cache_purge", {"prefix": "http://"})
        gate.set()
        fetch.join()
        self.serve("/way", body=b"new")
        self.assertEqual(self.curl("/way")[2], b"new")

    def test_too_large_and_broken_answers_are_not_stored(self):
        snapshot = self.cached_snapshot()
        snapshot["content"] = CONTENT | {"cache": {"memory": 1 << 20, "entries": 5, "object": 100_000, "disk": 0}}
        with self.control() as control:
            control.publish(snapshot)
            for path, chunked in (("/big", False), ("/big-chunked", True)):
                self.serve(path, body=b"x" * 100_001, chunked=chunked)
                for _ in range(2):
                    self.assertEqual(len(self.curl(path)[2]), 100_001)
                self.assertEqual(len(self.asked(path)), 2, path)
            for i in range(40):
                self.serve(f"/many/{i}", body=b"x" * 90_000)
                self.curl(f"/many/{i}")
                stats = self.ask(control, "cache_status")["tiers"][0]
                self.assertLessEqual(stats["entries"], 5)
                self.assertLessEqual(stats["bytes"], 1 << 20)
        self.assertEqual(stats["entries"], 5)


class DiskTest(CacheTest):
    """What lies on disk outlives the process. Runs the tests above with a disk tier, too."""

    def cached_snapshot(self, disk=64 << 20, **policy):
        snapshot = super().cached_snapshot(**policy)
        snapshot["content"] = CONTENT | {"cache": {"memory": 64 << 20, "entries": 1000, "object": 16 << 20,
                                                   "disk": disk}}
        return snapshot

    def files(self):
        return sorted(path.name for path in (self.state / "cache").glob("*.answer"))

    def tier(self, name="disk"):
        with self.control() as control:
            return next(tier for tier in self.ask(control, "cache_status")["tiers"] if tier["tier"] == name)

    def start_again(self):
        self.process.wait(15)
        self.start(self.cached_snapshot())
        wait_until(lambda: self.tier()["entries"] == len(self.files()), what="the index")

    def test_answers_outlive_kill_9_and_a_torn_write(self):
        body = b"0123456789" * 5000
        for i in range(6):
            self.serve(f"/k/{i}", body=body, fields={"Cache-Tag": f"t{i}"})
            self.curl(f"/k/{i}")
        wait_until(lambda: len(self.files()) == 6, what="the files")
        self.process.kill()
        self.process.wait()
        torn, damaged, *_ = self.files()
        with open(self.state / "cache" / torn, "r+b") as file:
            file.truncate(1000)
        with open(self.state / "cache" / damaged, "r+b") as file:
            file.seek(30_000)
            file.write(b"#")
        (self.state / "cache" / "half.answer.tmp").write_bytes(b"SHOREC01")
        self.start(self.cached_snapshot())
        wait_until(lambda: self.tier()["entries"] == 5, what="the index")
        results = [self.curl(f"/k/{i}") for i in range(6)]
        self.assertEqual([result[2] for result in results], [body] * 6)
        hits = [result[1]["cache-status"].startswith("shore; hit; detail=disk") for result in results]
        self.assertEqual(hits, [False, False, True, True, True, True])
        self.assertTrue(self.curl("/k/5")[1]["cache-status"].startswith("shore; hit; ttl"), "in memory now")
        self.assertEqual(self.tier()["damaged"], 2)
        with self.control() as control:
            self.assertEqual(self.ask(control, "cache_purge", {"tag": "t5"})["purged"], 1)
            control.send({"metrics": True})
            metrics = control.receive("metrics")["metrics"]
        self.assertIn('shore_gateway_cache_requests_total{route="shop/api",tier="disk",result="hit"} 4', metrics)
        self.process.kill()
        self.start_again()
        self.assertIn("fwd=miss", self.curl("/k/5")[1]["cache-status"], "purged is purged")

    def test_an_upgrade_of_the_gateway_keeps_what_is_stored(self):
        self.serve("/up", body=b"kept")
        self.curl("/up")
        wait_until(self.files, what="the file")
        old = self.process
        new = subprocess.Popen([SHORE, "gateway", "--take-over", "--state", str(self.state)], stdout=self.output,
                               stderr=self.output)
        self.process = new
        old.wait(15)
        wait_until(lambda: self.tier()["entries"] == 1, what="the index of the new gateway")
        _, fields, body = self.curl("/up")
        self.assertEqual(body, b"kept")
        self.assertIn("hit; detail=disk", fields["cache-status"])
        self.serve("/new", body=b"new")
        self.curl("/new")
        wait_until(lambda: len(self.files()) == 2, what="the new gateway's file")

    def test_a_disk_that_takes_nothing_is_survived_and_counted(self):
        self.serve("/before")
        self.curl("/before")
        wait_until(self.files, what="the file")
        shutil.rmtree(self.state / "cache")
        self.serve("/after")
        self.curl("/after")
        wait_until(lambda: self.tier()["failed"] == 1, what="the failure")
        for path in ("/before", "/after"):
            self.assertTrue(self.curl(path)[1]["cache-status"].startswith("shore; hit"), "memory goes on")
        self.assertIn("answers are kept in memory only", (self.state / "out").read_text())


class TlsTest(TlsCase):
    def test_https_has_answers_of_its_own_and_http2_shares_them(self):
        self.app.server.RequestHandlerClass = CountingApp
        self.app.server.answers = {"/a": {"fields": {"Cache-Control": "max-age=60"}}}
        self.hsts = 60
        self.start(self.snapshot(routes=[self.route() | {"cache": {"enabled": True}}]))
        host = "shop.test"
        for _ in range(2):
            plain = self.request(path="/a", headers={"Host": f"{host}:{self.tls_port}"})
            self.assertIsNone(plain.headers["Strict-Transport-Security"])
            secure = self.curl("-i", path="/a").stdout
            self.assertIn(b"\r\nStrict-Transport-Security: max-age=60\r\n", secure)
        http2 = self.curl("-i", "--http2", path="/a").stdout
        self.assertTrue(http2.startswith(b"HTTP/2 200"), http2)
        self.assertIn(b"cache-status: shore; hit", http2)
        self.assertEqual(len(self.app.seen), 2, "one for http, one for https")


class CommandTest(ShoreCase):
    def test_stats_and_purge_of_a_running_stack(self):
        self.write_web_stack(replicas=1)
        manifest = self.project / "compose.yaml"
        manifest.write_text(manifest.read_text().replace('route: "/",', 'route: "/", cache: {heuristic: true},'))
        self.shore("up")
        for _ in range(2):
            self.get("/")
        answer = json.loads(self.shore("cache", "stats", "--json").stdout)
        self.assertEqual([tier["tier"] for tier in answer["tiers"]], ["memory"])
        (route,) = answer["routes"]
        self.assertEqual((route["misses"], route["memory_hits"]), (2, 0), "the app says nothing about freshness")
        self.assertRegex(self.shore("cache").stdout, r"(?s)TIER.*memory.*HIT RATE.*web/api +0.0%")
        self.assertIn("dropped 0", self.shore("cache", "purge", f"http://127.0.0.1:{self.port}/").stderr)
        self.assertIn("dropped 0", self.shore("cache", "purge", "--all").stderr)
        self.assertEqual(self.shore("cache", "purge", check=False).returncode, 2)
        self.assertEqual(self.shore("cache", "stats", "--all", check=False).returncode, 2)


if __name__ == "__main__":
    unittest.main()
