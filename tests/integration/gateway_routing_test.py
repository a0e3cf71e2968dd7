"""Routing and balancing of the gateway from outside, with curl as the client."""
import concurrent.futures
import json
import os
import socket
import subprocess
import threading
import time
import unittest

from gateway_case import SECOND, GatewayCase, wait_until


class RoutingCase(GatewayCase):
    """Upstreams "shop/NAME" with a backend each; routes are written as the daemon does."""

    def setUp(self):
        super().setUp()
        self.policies = {}
        self.services = {}

    def service(self, name, count=1):
        self.services[name] = [self.backend(f"shop/{name}-{i + 1}") for i in range(count)]
        return self.services[name]

    def to(self, service, prefix="/", hosts=(), conditions=None, actions=None, split=None, **options):
        route = self.route(prefix, list(self.services).index(service), hosts, name=f"shop/{service}", **options)
        if conditions:
            route["conditions"] = conditions
        if actions:
            route["actions"] = actions
        if split:
            route["targets"] = [{"upstream": list(self.services).index(name), "weight": weight}
                                for name, weight in split.items()]
        return route

    def snapshot_of(self, *routes):
        snapshot = self.snapshot(routes=list(routes))
        snapshot["upstreams"] = [
            {"name": f"shop/{name}", "health_path": "", "endpoints": [each.endpoint() for each in backends],
             "policy": self.policies.get(name, {})} for name, backends in self.services.items()]
        return snapshot

    def curl(self, *arguments):
        return subprocess.run(["curl", "-sS", "--max-time", "20", *arguments], capture_output=True, check=True,
                              text=True).stdout

    def url(self, path="/", host="127.0.0.1"):
        return f"http://{host}:{self.port}{path}"

    def answer(self, path="/", *arguments, host="shop.test"):
        """The app's view of a request."""
        return json.loads(self.curl("-H", f"Host: {host}", self.url(path), *arguments))

    def instance(self, path="/", *arguments, host="shop.test"):
        return self.answer(path, *arguments, host=host)["instance"]

    def head(self, path="/", *arguments):
        """Status and header fields (lower case) of the answer."""
        lines = self.curl("-D", "-", "-o", "/dev/null", self.url(path), *arguments).splitlines()
        fields = {}
        for line in lines[1:]:
            name, _, value = line.partition(": ")
            fields.setdefault(name.lower(), []).append(value)
        return int(lines[0].split()[1]), fields


class Matching(RoutingCase):
    def test_by_host_path_method_header_query_and_source(self):
        for name in ("any", "wild", "exact", "prefix", "pattern", "post", "beta", "query", "here", "away"):
            self.service(name)
        self.start(self.snapshot_of(
            self.to("any"),
            self.to("wild", hosts=["*.shop.test"]),
            self.to("prefix", "/api"),
            self.to("pattern", conditions={"path_pattern": "/user/[0-9]+"}),
            self.to("exact", conditions={"path_exact": "/api/health"}),
            self.to("post", "/api", conditions={"methods": ["POST"]}),
            self.to("beta", "/api", conditions={"headers": [{"name": "x-beta", "value": "1"}]}),
            self.to("query", "/api", conditions={"query": [{"name": "v", "pattern": "[0-9]+"}]}),
            self.to("here", "/from", conditions={"sources": ["127.0.0.0/8"]}),
            self.to("away", "/out", conditions={"sources": ["10.0.0.0/8"]})))
        for expected, arguments in {
                "any": ("/", ), "prefix": ("/api/x", ), "exact": ("/api/health", ), "pattern": ("/user/42", ),
                "post": ("/api/x", "-d", "a=1"), "beta": ("/api/x", "-H", "X-Beta: 1"), "query": ("/api?v=12", ),
                "here": ("/from", )}.items():
            self.assertEqual(self.instance(*arguments), f"shop/{expected}-1", arguments)
        self.assertEqual(self.instance("/", host="a.b.SHOP.test"), "shop/wild-1")
        # What a route's conditions refuse goes to the next route that fits.
        self.assertEqual(self.instance("/user/x"), "shop/any-1")
        self.assertEqual(self.instance("/out"), "shop/any-1")
        self.assertEqual(self.instance("/api?v=x"), "shop/prefix-1")

    def test_a_request_that_no_condition_lets_in_is_not_found(self):
        self.service("api")
        self.start(self.snapshot_of(self.to("api", conditions={"methods": ["POST"]})))
        self.assertEqual(self.head("/")[0], 404)
        self.assertEqual(self.head("/", "-d", "x")[0], 200)


class Explaining(RoutingCase):
    def ask(self, question, **given):
        with self.control() as control:
            control.send({"ask": question, "id": 9, "with": given})
            return control.receive("id")

    def test_says_what_really_becomes_of_a_request(self):
        """The explanation of each request, against where curl's goes."""
        for name in ("any", "post", "beta", "wild"):
            self.service(name)
        self.start(self.snapshot_of(
            self.to("any"), self.to("post", conditions={"methods": ["POST"]}),
            self.to("beta", "/api", conditions={"headers": [{"name": "x-beta", "value": "1"}]}),
            self.to("wild", hosts=["*.shop.test"])))
        for host, path, arguments, asked in (
                ("shop.test", "/", (), {}), ("a.shop.test", "/", (), {}),
                ("shop.test", "/x", ("-d", "a"), {"method": "POST"}),
                ("shop.test", "/api/../api", ("-H", "X-Beta: 1"), {"headers": ["X-Beta: 1"]})):
            answer = self.ask("explain", url=self.url(path, host), **asked)["answer"]
            taker = [each["name"] for each in answer["candidates"] if each["takes"]]
            self.assertEqual([answer["route"]["targets"][0]["endpoints"][0]["instance"]],
                             [self.instance(path, "--path-as-is", *arguments, host=host)])
            self.assertEqual(taker, [answer["route"]["name"]])
        refused = self.ask("explain", url="https://shop.test/")
        self.assertEqual(refused["code"], "not_found")
        self.assertIn("nothing listens for https://shop.test", refused["error"])
        self.assertEqual(self.ask("nonsense")["code"], "unsupported")
        self.assertEqual([each["name"] for each in self.ask("routes")["answer"]["routes"]],
                         ["shop/wild", "shop/beta", "shop/post", "shop/any"])


class Watching(RoutingCase):
    """Traces, access log, metrics, versions."""

    def lines(self, count):
        log = self.state / "logs/_shore/gateway/access.log"
        wait_until(lambda: log.exists() and len(log.read_text().splitlines()) >= count, what="the access log's lines")
        return [json.loads(line) for line in log.read_text().splitlines()]

    def test_a_trace_is_continued_or_made_and_logged(self):
        self.service("api")
        self.start(self.snapshot_of(self.to("api")))
        given = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

        def sent(*arguments):
            return dict(map(tuple, self.answer("/", *arguments)["headers"]))

        fields = sent("-H", f"traceparent: {given}", "-H", "tracestate: a=1")
        self.assertEqual(fields["traceparent"].split("-")[1], given.split("-")[1])
        self.assertNotEqual(fields["traceparent"].split("-")[2], given.split("-")[2])
        self.assertEqual(fields["tracestate"], "a=1")
        made = sent("-H", "traceparent: 00-nonsense-01", "-H", "tracestate: a=1")
        self.assertRegex(made["traceparent"], "^00-[0-9a-f]{32}-[0-9a-f]{16}-01$")
        self.assertNotIn("tracestate", made)
        self.assertNotEqual(sent()["traceparent"], sent()["traceparent"])
        self.assertEqual([line["trace_id"] for line in self.lines(4)[:2]],
                         [given.split("-")[1], made["traceparent"].split("-")[1]])
        with self.control() as control:
            control.publish(dict(self.snapshot_of(self.to("api")), trace=False))
        self.assertEqual(sent("-H", f"traceparent: {given}")["traceparent"], given)
        self.assertNotIn("traceparent", sent())

    def test_each_stack_chooses_the_fields_of_its_lines(self):
        self.service("api")
        self.service("quiet")
        self.start(self.snapshot_of(
            dict(self.to("api"), access_log={"enabled": True, "fields": ["status", "path", "route", "scheme"]}),
            dict(self.to("quiet", "/quiet"), access_log={"enabled": False, "fields": []})))
        self.head("/quiet")
        self.head("/a?b=1")
        self.head("/quiet")
        self.head("/c")
        self.assertEqual(self.lines(2), [
            {"scheme": "http", "path": "/a?b=1", "status": 200, "route": "shop/api"},
            {"scheme": "http", "path": "/c", "status": 200, "route": "shop/api"}])

    def test_quantiles_and_rates_by_route(self):
        self.service("api")
        self.start(self.snapshot_of(self.to("api")))
        for _ in range(20):
            self.head("/")
        self.head("/slow?0.3")
        with self.control() as control:
            control.send({"ask": "traffic", "id": 1, "with": {"seconds": 30}})
            route = control.receive("id")["answer"]["routes"][0]
            control.send({"metrics": True})
            metrics = control.receive("metrics")["metrics"]
        self.assertEqual((route["name"], route["requests"], route["errors"]), ("shop/api", 21, 0))
        self.assertLess(route["p50_ms"], 200)
        self.assertTrue(290 < route["p99_ms"] < 1000, route)
        self.assertIn('shore_gateway_request_duration_p95_seconds{route="shop/api"}', metrics)
        checked = subprocess.run(["promtool", "check", "metrics"], input=metrics, capture_output=True, text=True,
                                 check=False)
        self.assertEqual((checked.returncode, checked.stdout + checked.stderr), (0, ""))

    def test_a_refusal_and_edits_of_redirects_files_and_pages(self):
        self.service("api")
        root = self.state / "files"
        root.mkdir()
        (root / "a.txt").write_text("hello")
        edits = {"response_headers": {"remove": ["etag", "server"],
                                      "set": [["Cache-Control", "max-age=9"], ["X-Team", "shop"]]}}
        files = dict(self.route("/files", -1, root=root, strip=True, name="shop/files"), actions=edits)
        self.start(self.snapshot_of(
            self.to("api"), files,
            dict(self.to("api", "/old", actions={"redirect": {"to": "/new"}, **edits}), upstream=-1),
            dict(self.to("api", "/v9", actions={"refusal": {"status": 406, "detail": "There are v1, v2."}}),
                 upstream=-1)))
        status, fields = self.head("/files/a.txt")
        self.assertEqual((status, fields["cache-control"], fields["x-team"]), (200, ["max-age=9"], ["shop"]))
        self.assertFalse({"etag", "server"} & set(fields))
        self.assertEqual(self.curl(self.url("/files/a.txt")), "hello")
        # No cache keeps an error because of what the route says about its answers.
        status, fields = self.head("/files/none.txt")
        self.assertEqual((status, fields["cache-control"], fields["x-team"]), (404, ["no-store"], ["shop"]))
        self.assertEqual(self.head("/old")[1]["x-team"], ["shop"])
        self.assertEqual(self.head("/v9/x")[0], 406)
        self.assertIn("There are v1, v2.", self.curl(self.url("/v9/x")))


class Bodies(RoutingCase):
    """Request bodies: decompressed, mirrored."""

    def compressed(self, coding, data):
        command = {"gzip": ["gzip", "-c"], "br": ["brotli", "-c"], "zstd": ["zstd", "-c", "-q"]}[coding]
        packed = self.state / f"body.{coding}"
        packed.write_bytes(subprocess.run(command, input=data, capture_output=True, check=True).stdout)
        return f"@{packed}"

    def post(self, file, *arguments, path="/"):
        out = self.curl("-w", "\n%{http_code}", "--data-binary", file, *arguments, self.url(path))
        body, _, status = out.rpartition("\n")
        return int(status), body

    def test_compressed_bodies_reach_the_app_as_plain_ones(self):
        self.service("api")
        route = dict(self.to("api"), decompress=True)
        self.start(self.snapshot_of(route, self.to("api", "/raw")))
        for data in (b"hello", b"some longer text, " * 1000, os.urandom(3_000_000)):
            for coding in ("gzip", "br", "zstd"):
                file = self.compressed(coding, data)
                for extra in ((), ("-H", "Transfer-Encoding: chunked"), ("--http2-prior-knowledge",)):
                    status, body = self.post(file, "-H", f"Content-Encoding: {coding}", *extra)
                    self.assertEqual(status, 200, (coding, extra, body))
                    fields = dict(map(tuple, json.loads(body)["headers"]))
                    self.assertEqual(json.loads(body)["body"], len(data), (coding, extra))
                    self.assertNotIn("content-encoding", fields)
        status, body = self.post(file, "-H", "Content-Encoding: zstd", path="/raw")
        self.assertIn(["content-encoding", "zstd"], json.loads(body)["headers"])

    def test_bombs_broken_bodies_and_unknown_codings_are_refused(self):
        self.service("api")
        self.start(self.snapshot_of(dict(self.to("api"), decompress=True, decompressed_max=5_000_000)))
        for coding in ("gzip", "br", "zstd"):
            arguments = ("-H", f"Content-Encoding: {coding}")
            self.assertEqual(self.post(self.compressed(coding, bytes(4_000_000)), *arguments)[0], 413)
            self.assertEqual(self.post(self.compressed(coding, os.urandom(6_000_000)), *arguments)[0], 413)
            self.assertEqual(self.post("not compressed at all", *arguments)[0], 400)
        status, fields = self.head("/", "--data-binary", "x", "-H", "Content-Encoding: deflate")
        self.assertEqual((status, fields["accept-encoding"]), (415, ["gzip, br, zstd"]))
        # The gateway goes on, and so does a connection after a refusal.
        self.assertEqual(self.post(self.compressed("gzip", b"fine"), "-H", "Content-Encoding: gzip")[0], 200)

    def test_a_share_of_the_requests_goes_to_another_service_too(self):
        api = self.service("api")[0]
        shadow = self.service("shadow")[0]
        mirrored = dict(self.to("api"), mirror=1, actions={"mirror": {"service": "shadow", "share": 1.0}})
        self.start(self.snapshot_of(mirrored, dict(mirrored, path_prefix="/half",
                                                   actions={"mirror": {"service": "shadow", "share": 0.5}})))
        self.head("/get?a=1")
        self.head("/post", "-d", "x" * 1000)
        self.head("/post", "--data-binary", "x" * 50_000, "-H", "Transfer-Encoding: chunked")
        wait_until(lambda: len(shadow.seen) == 3, what="the copies")
        self.assertEqual(shadow.seen, api.seen)
        self.head("/large", "-d", "x" * 100_000)
        for _ in range(40):
            self.head("/half")
        with self.control() as control:
            control.send({"metrics": True})
            metrics = control.receive("metrics")["metrics"]
        self.assertIn('shore_gateway_mirrors_skipped_total{route="shop/api"} 1', metrics)
        wait_until(lambda: len(shadow.seen) > 3, what="the copies of a half")
        self.assertTrue(5 < len(shadow.seen) - 3 < 38, len(shadow.seen))

    def test_of_a_cached_route_what_reaches_the_app_is_mirrored(self):
        api, shadow = self.service("api")[0], self.service("shadow")[0]
        self.start(self.snapshot_of(dict(
            self.to("api"), mirror=1, cache={"enabled": True, "heuristic": True},
            actions={"mirror": {"service": "shadow", "share": 1.0}})))
        self.head("/get")
        self.head("/post", "-d", "x")
        wait_until(lambda: len(shadow.seen) == 2, what="the copies")
        self.assertEqual(shadow.seen, api.seen)

    def test_a_dead_or_slow_mirror_costs_the_original_nothing(self):
        self.service("api")
        shadow = self.service("shadow")[0]
        shadow.server.delay = 3
        self.start(self.snapshot_of(
            dict(self.to("api"), mirror=1, actions={"mirror": {"service": "shadow", "share": 1.0}})))
        begun = time.monotonic()
        for _ in range(10):
            self.assertEqual(self.head("/")[0], 200)
        self.assertLess(time.monotonic() - begun, 2.5)
        shadow.stop()
        for _ in range(10):
            self.assertEqual(self.head("/")[0], 200)


class NameServer:
    """A DNS server on loopback: answers A questions from `records` (name to addresses), with `ttl`."""

    def __init__(self):
        self.records = {}
        self.ttl = 1
        self.asked = 0
        self.silent = False
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.socket.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                question, client = self.socket.recvfrom(512)
            except OSError:
                return
            labels, at = [], 12
            while question[at]:
                labels.append(question[at + 1:at + 1 + question[at]].decode())
                at += 1 + question[at]
            kind = int.from_bytes(question[at + 1:at + 3], "big")
            self.asked += 1
            if self.silent:
                continue
            known = self.records.get(".".join(labels).lower())
            found = known if known and kind == 1 else []
            answer = question[:2] + (b"\x81\x80" if known is not None else b"\x81\x83") + b"\0\1" + \
                len(found).to_bytes(2, "big") + b"\0\0\0\0" + question[12:at + 5]
            for address in found:
                answer += b"\xc0\x0c\0\1\0\1" + self.ttl.to_bytes(4, "big") + b"\0\4" + socket.inet_aton(address)
            self.socket.sendto(answer, client)


class Names(RoutingCase):
    """Upstreams outside, by DNS name."""

    def test_a_name_is_followed_when_its_answer_runs_out(self):
        names = NameServer()
        self.addCleanup(names.socket.close)
        first = self.service("here")[0]
        names.records["app.test"] = ["127.0.0.1"]
        snapshot = self.snapshot_of(self.to("here"))
        snapshot["upstreams"][0].update(endpoints=[], dns=f"app.test:{first.port}")
        snapshot["resolvers"] = [names.address]
        self.start(snapshot)
        self.assertEqual(self.instance(), first.name)  # Held until the name is known.
        # Nobody listens at the new address: the gateway has followed the name there.
        names.records["app.test"] = ["127.0.0.77"]
        wait_until(lambda: self.head()[0] in (502, 503), what="the new address")
        names.records["app.test"] = ["127.0.0.1", "127.0.0.77"]
        wait_until(lambda: self.head()[0] == 200, what="the way back")
        # Without an answer the last addresses stay.
        names.silent = True
        asked = names.asked
        wait_until(lambda: names.asked >= asked + 2, what="another question")
        self.assertEqual(self.head()[0], 200)
        names.silent = False
        names.records["app.test"] = None
        wait_until(lambda: 'shore_gateway_dns_failures_total 0' not in self.metrics(), what="a counted failure")
        self.assertEqual(self.head()[0], 200)
        # Said once, and once more when it is over.
        said = f'"an upstream\'s name cannot be looked up","upstream":"app.test:{first.port}"'
        wait_until(lambda: said in (self.state / "out").read_text(), what="the line in the log")
        names.records["app.test"] = ["127.0.0.1"]
        wait_until(lambda: "can be looked up again" in (self.state / "out").read_text(), what="the end")
        self.assertEqual((self.state / "out").read_text().count(said), 1)

    def metrics(self):
        with self.control() as control:
            control.send({"metrics": True})
            return control.receive("metrics")["metrics"]


class Changing(RoutingCase):
    def test_redirects_with_the_pieces_of_the_request(self):
        self.service("api")
        self.start(self.snapshot_of(
            self.to("api"),
            dict(self.to("api", "/old", actions={"redirect": {"to": "https://{host}/new{rest}{query}", "status": 301}}),
                 upstream=-1),
            dict(self.to("api", conditions={"path_pattern": "/u/([0-9]+)/(.*)"},
                         actions={"redirect": {"to": "/users/{1}?tab={2}"}}), upstream=-1)))
        status, fields = self.head("/old/a%20b?x=1&y", "-H", "Host: shop.test:81")
        self.assertEqual((status, fields["location"]), (301, ["https://shop.test:81/new/a%20b?x=1&y"]))
        self.assertEqual(self.head("/u/42/posts")[1]["location"], ["/users/42?tab=posts"])
        self.assertEqual(self.head("/u/42/posts")[0], 308)
        # Nothing that a client sends ends the line or leads to another host.
        status, fields = self.head("/u/7/a%0d%0aSet-Cookie:x=1")
        self.assertNotIn("set-cookie", fields)
        self.assertEqual(self.instance("/u/x/posts"), "shop/api-1")

    def test_rewrites_by_prefix_and_by_pattern(self):
        self.service("api")
        self.start(self.snapshot_of(
            self.to("api", "/api", actions={"rewrite": "/v2{rest}"}),
            self.to("api", conditions={"path_pattern": "/user/([^/]+)/photo"}, actions={"rewrite": "/photo/{1}"})))
        self.assertEqual(self.answer("/api/x?y=1")["target"], "/v2/x?y=1")
        self.assertEqual(self.answer("/api")["target"], "/v2")
        self.assertEqual(self.answer("/user/a%20b/photo")["target"], "/photo/a%20b")

    def test_edits_request_and_answer_headers(self):
        self.service("api")
        self.start(self.snapshot_of(self.to("api", actions={
            "request_headers": {"remove": ["x-secret"], "set": [["X-From", "gateway"], ["Host", "inner.test"]],
                                "add": [["X-Tag", "b"]]},
            "response_headers": {"remove": ["X-Kept"], "set": [["Server", "mine"]], "add": [["Vary", "X-Tag"]]}})))
        seen = self.answer("/", "-H", "X-Secret: 1", "-H", "X-From: me", "-H", "X-Tag: a")["headers"]
        self.assertNotIn("x-secret", dict(seen))
        self.assertEqual([value for name, value in seen if name == "x-from"], ["gateway"])
        self.assertEqual([value for name, value in seen if name == "x-tag"], ["a", "b"])
        self.assertEqual(dict(seen)["host"], "inner.test")
        status, fields = self.head("/hop")
        self.assertEqual((status, fields["server"], fields["vary"]), (200, ["mine"], ["X-Tag"]))
        self.assertNotIn("x-kept", fields)


class Balancing(RoutingCase):
    def test_goes_round(self):
        self.service("api", 3)
        self.start(self.snapshot_of(self.to("api", actions={"balance": "round_robin"})))
        seen = [self.instance() for _ in range(9)]
        self.assertEqual([seen.count(f"shop/api-{i}") for i in (1, 2, 3)], [3, 3, 3])

    def test_a_hash_keeps_a_client_at_its_instance(self):
        self.service("api", 3)
        self.start(self.snapshot_of(self.to("api", actions={"balance": "hash", "key": "header",
                                                            "key_name": "x-user"})))
        homes = {user: self.instance("/", "-H", f"X-User: {user}") for user in range(30)}
        self.assertEqual(len(set(homes.values())), 3)
        for user, home in homes.items():
            self.assertEqual(self.instance("/", "-H", f"X-User: {user}"), home)

    def test_a_session_cookie_leads_back_and_outlives_its_instance(self):
        first, second = self.service("api", 2)
        self.start(self.snapshot_of(self.to("api", actions={
            "key": "cookie", "key_name": "shop_instance", "session": True, "session_life_ns": 3600 * SECOND})))
        jar = str(self.state / "jar")
        home = self.instance("/", "-c", jar, "-b", jar, host="127.0.0.1")
        for _ in range(8):
            self.assertEqual(self.instance("/", "-c", jar, "-b", jar, host="127.0.0.1"), home)
        fields = self.head("/")[1]
        self.assertRegex(fields["set-cookie"][0],
                         "^shop_instance=[0-9a-f]{16}; Path=/; HttpOnly; SameSite=Lax; Max-Age=3600$")
        (first if home == first.name else second).stop()
        other = self.instance("/", "-c", jar, "-b", jar, host="127.0.0.1")
        self.assertNotEqual(other, home)
        self.assertEqual(self.instance("/", "-c", jar, "-b", jar, host="127.0.0.1"), other)

    def test_a_split_follows_its_weights_and_sessions_stay(self):
        self.service("api")
        self.service("next")
        split = {"api": 75, "next": 25}
        self.start(self.snapshot_of(
            self.to("api", split=split),
            self.to("api", "/s", split=split, actions={"key": "cookie", "key_name": "v", "session": True})))
        output = self.curl(*[self.url("/")] * 200)
        share = output.count("shop/next-1") / 200
        self.assertTrue(0.12 < share < 0.40, share)
        for client in range(6):
            jar = str(self.state / f"jar{client}")
            seen = {self.instance("/s", "-c", jar, "-b", jar, host="127.0.0.1") for _ in range(5)}
            self.assertEqual(len(seen), 1)


class Limiting(RoutingCase):
    def statuses(self, path, count):
        """Statuses of requests that are under way at the same time."""
        with concurrent.futures.ThreadPoolExecutor(count) as pool:
            return sorted(pool.map(lambda _: self.request(path=path).status, range(count)))

    def test_requests_above_the_limit_wait_and_above_that_are_refused(self):
        self.service("api")
        self.policies["api"] = {"requests_max": 2, "waiting_max": 2, "wait_ns": 10 * SECOND}
        self.start(self.snapshot_of(self.to("api")))
        self.assertEqual(self.statuses("/slow?0.6", 6), [200, 200, 200, 200, 503, 503])
        self.assertEqual(self.statuses("/", 2), [200, 200])

    def test_waiting_ends_with_503_and_retry_after(self):
        self.service("api")
        self.policies["api"] = {"requests_max": 1, "waiting_max": 5, "wait_ns": SECOND // 5}
        self.start(self.snapshot_of(self.to("api")))
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            slow = pool.submit(self.request, path="/slow?1.5")
            wait_until(lambda: self.services["api"][0].seen, what="the first request")
            status, fields = self.head("/")
            self.assertEqual((status, fields["retry-after"]), (503, ["2"]))
            self.assertEqual(slow.result().status, 200)

    def test_a_late_try_goes_to_another_instance(self):
        slow, fast = self.service("api", 2)
        slow.server.delay = 3
        self.start(self.snapshot_of(self.to("api", actions={"balance": "round_robin",
                                                            "try_timeout_ns": SECOND // 5})))
        self.assertEqual({self.instance() for _ in range(4)}, {fast.name})
        # What must not be sent twice is not.
        statuses = sorted(self.head("/", "-d", "x")[0] for _ in range(2))
        self.assertIn(504, statuses)

    def test_a_deadline_ends_the_whole_exchange(self):
        self.service("api")
        self.start(self.snapshot_of(self.to("api", actions={"deadline_ns": SECOND // 2})))
        begin = time.monotonic()
        self.assertEqual(self.head("/slow?5")[0], 504)
        self.assertLess(time.monotonic() - begin, 3)
        self.assertEqual(self.head("/")[0], 200)


if __name__ == "__main__":
    unittest.main()
