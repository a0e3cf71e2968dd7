"""TLS of the gateway from outside: curl, `openssl s_client` and node's ws against the real binary."""
import base64
import hashlib
import http.client
import json
import os
import pathlib
import socket
import ssl
import subprocess
import threading
import unittest

from gateway_case import SECOND, SHORE, GatewayCase, free_port, listens, wait_until

SOURCE = pathlib.Path(os.environ.get("SHORE_SOURCE", pathlib.Path(__file__).resolve().parents[2]))


def openssl(*arguments, feed=b"", check=True):
    return subprocess.run(["openssl", *map(str, arguments)], input=feed, capture_output=True, timeout=20, check=check)


class Authority:
    """Certificates made by openssl itself, not by Shore."""

    def __init__(self, directory, name="Test CA"):
        self.directory = directory
        self.key, self.pem = directory / f"{name}.key", directory / f"{name}.pem"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.key,
                "-out", self.pem, "-days", "2", "-subj", f"/CN={name}", "-addext", "keyUsage=critical,keyCertSign")

    def certificate(self, file, names, usage="serverAuth", kind=("ec", "-pkeyopt", "ec_paramgen_curve:P-256"), days=2):
        key, request, pem = (self.directory / f"{file}.{end}" for end in ("key", "csr", "pem"))
        extensions = self.directory / f"{file}.ext"
        extensions.write_text("subjectAltName=" + ",".join(names) + f"\nextendedKeyUsage={usage}\n")
        openssl("req", "-newkey", *kind, "-nodes", "-keyout", key, "-out", request, "-subj", f"/CN={file}")
        openssl("x509", "-req", "-in", request, "-CA", self.pem, "-CAkey", self.key, "-CAcreateserial", "-days", days,
                "-extfile", extensions, "-out", pem)
        return {"certificate_file": str(pem), "key_file": str(key),
                "digest": hashlib.sha256(pem.read_bytes() + key.read_bytes()).hexdigest()}


class TlsCase(GatewayCase):
    def setUp(self):
        super().setUp()
        self.app = self.backend()
        self.tls_port = free_port()
        self.authority = Authority(self.state)
        self.certificates = [self.authority.certificate("shop", ["DNS:shop.test", "DNS:localhost", "IP:127.0.0.1"])]
        self.policy = {"listener": 1, "client_ca": "", "client_ca_digest": "", "version_min": 12}

    def route(self, *arguments, **options):
        self.redirect, self.hsts = getattr(self, "redirect", 0), getattr(self, "hsts", 0)
        return {**super().route(*arguments, **options), "listeners": [0, 1], "https_port": self.redirect,
                "hsts_ns": self.hsts * SECOND}

    def snapshot(self, *arguments, **options):
        listeners = [{"address": "127.0.0.1", "port": self.port, "tls": False},
                     {"address": "127.0.0.1", "port": self.tls_port, "tls": True}]
        return {**super().snapshot(*arguments, listeners=listeners, **options), "certificates": self.certificates,
                "tls": [self.policy]}

    def curl(self, *arguments, host="shop.test", path="/", check=True):
        return subprocess.run(
            ["curl", "-sS", "--http1.1", "--max-time", "20", "--cacert", self.authority.pem, "--resolve",
             f"{host}:{self.tls_port}:127.0.0.1", *map(str, arguments), f"https://{host}:{self.tls_port}{path}"],
            capture_output=True, check=check)

    def s_client(self, *arguments, feed=b"", check=False):
        return openssl("s_client", "-connect", f"127.0.0.1:{self.tls_port}", "-CAfile", self.authority.pem, *arguments,
                       feed=feed, check=check)

    def connect(self, name="shop.test", alpn=("http/1.1",), certificate=None):
        context = ssl.create_default_context(cafile=str(self.authority.pem))
        context.set_alpn_protocols(alpn)
        if certificate:
            context.load_cert_chain(certificate["certificate_file"], certificate["key_file"])
        plain = socket.create_connection(("127.0.0.1", self.tls_port), 10)
        return context.wrap_socket(plain, server_hostname=name)

    def metric(self, name):
        with self.control() as control:
            control.send({"metrics": True})
            text = control.receive("metrics")["metrics"]
        return int(float(text.split(f"\n{name} ")[1].split("\n")[0]))


def exchange(client, path="/", body=b""):
    """One request on a kept connection; the answer's body."""
    method = "POST" if body else "GET"
    head = f"{method} {path} HTTP/1.1\r\nHost: shop.test\r\nContent-Length: {len(body)}\r\n\r\n"
    client.sendall(head.encode() + body)
    answer = http.client.HTTPResponse(client)
    answer.begin()
    return answer.read()


class Serving(TlsCase):
    def test_curl_trusts_the_name_and_the_app_hears_https(self):
        self.start()
        seen = json.loads(self.curl().stdout)
        headers = dict(seen["headers"])
        self.assertEqual(headers["x-forwarded-proto"], "https")
        self.assertIn("proto=https", headers["forwarded"])

    def test_speaks_tls_12_and_13_with_forward_secrecy_and_nothing_older(self):
        self.start()
        for flag, version in (("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")):
            done = self.s_client(flag, "-servername", "shop.test", feed=b"Q")
            self.assertIn(version.encode(), done.stdout)
            self.assertIn(b"Verify return code: 0 (ok)", done.stdout)
            self.assertIn(b"X25519", done.stdout)
        for flag in ("-tls1_1", "-tls1"):
            refused = self.s_client(flag, "-cipher", "ALL:@SECLEVEL=0", feed=b"Q")
            self.assertNotEqual(refused.returncode, 0)
            self.assertIn(b"alert protocol version", refused.stderr)
        refused = self.s_client("-tls1_2", "-cipher", "AES128-SHA:AES128-GCM-SHA256", feed=b"Q")
        self.assertIn(b"handshake failure", refused.stderr)

    def test_leaves_the_library_behind_every_handshake_of_tls_13(self):
        self.start()
        session = self.state / "session"
        for extra in ("-sess_out", "-sess_in"):  # With two tickets, and resumed with one.
            self.s_client("-tls1_3", "-servername", "shop.test", "-ign_eof", extra, session,
                          feed=b"GET / HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n")
        self.curl()
        self.assertEqual(self.metric("shore_gateway_tls_resumptions_total"), 1)
        self.assertEqual(self.metric("shore_gateway_tls_in_library_total"), 0)
        self.curl("--tls-max", "1.2")
        self.assertEqual(self.metric("shore_gateway_tls_in_library_total"), 1)

    def test_can_be_told_to_speak_tls_13_alone(self):
        self.policy["version_min"] = 13
        self.start()
        self.assertEqual(self.curl("--tls-max", "1.2", check=False).returncode, 35)
        self.curl("--tlsv1.3")

    def test_chooses_the_certificate_by_server_name(self):
        self.certificates += [self.authority.certificate("wild", ["DNS:*.shop.test"]),
                              self.authority.certificate("other", ["DNS:other.test"], kind=("rsa:2048",))]
        self.start()
        for name, expected in (("shop.test", "shop"), ("SHOP.test", "shop"), ("api.shop.test", "wild"),
                               ("a.b.shop.test", "shop"), ("other.test", "other"), ("unknown.test", "shop")):
            done = self.s_client("-servername", name, feed=b"Q")
            self.assertIn(f"subject=CN = {expected}\n".encode(), done.stdout, name)
        done = self.s_client("-noservername", feed=b"Q")
        self.assertIn(b"subject=CN = shop\n", done.stdout)

    def test_takes_up_sessions_by_ticket_on_any_thread(self):
        self.threads = 2
        self.start()
        session = self.state / "session"
        for version in ("-tls1_2", "-tls1_3"):
            # An answer in between: TLS 1.3 sends its tickets behind the handshake.
            request = b"GET / HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n"
            self.s_client(version, "-servername", "shop.test", "-ign_eof", "-sess_out", session, feed=request)
            for _ in range(6):
                again = self.s_client(version, "-servername", "shop.test", "-ign_eof", "-sess_in", session,
                                      feed=request)
                self.assertIn(b"Reused, TLSv1", again.stdout)
        self.assertGreaterEqual(self.metric("shore_gateway_tls_resumptions_total"), 12)

    def test_does_not_renegotiate_or_compress(self):
        self.start()
        done = self.s_client("-tls1_2", feed=b"R\n")
        self.assertIn(b"Compression: NONE", done.stdout)
        self.assertNotIn(b"RENEGOTIATING\ndepth", done.stderr)
        self.assertIn(b"no renegotiation", done.stderr)

    def test_agrees_on_http_11_and_refuses_a_client_that_speaks_only_other_protocols(self):
        self.start()
        with self.connect() as client:
            self.assertEqual(client.selected_alpn_protocol(), "http/1.1")
        with self.assertRaisesRegex(ssl.SSLError, "(?i)alert no application protocol"):
            self.connect(alpn=("spdy/1",))

    def test_carries_large_bodies_both_ways_whole(self):
        self.start()
        upload = self.state / "upload"
        upload.write_bytes(os.urandom(1 << 20) * 24)
        seen = json.loads(self.curl("-T", upload, "-H", "Expect:").stdout)
        self.assertEqual(seen["body"], 24 << 20)
        seen = json.loads(self.curl("-T", upload, "-H", "Transfer-Encoding: chunked").stdout)
        self.assertEqual(seen["body"], 24 << 20)
        large = self.curl(path="/large").stdout
        self.assertEqual((len(large), large.strip(b"z")), (32 << 20, b""))
        slow = self.curl("--limit-rate", "40M", path="/large").stdout
        self.assertEqual(len(slow), 32 << 20)

    def test_serves_large_files_and_ranges_whole(self):
        root = self.state / "files"
        root.mkdir()
        content = os.urandom(1 << 20) * 8 + b"end"
        (root / "large.bin").write_bytes(content)
        (root / "small.txt").write_text("small")
        self.start(self.snapshot(routes=[self.route(upstream=-1, root=root)]))
        self.assertEqual(self.curl(path="/large.bin").stdout, content)
        self.assertEqual(self.curl("--limit-rate", "20M", path="/large.bin").stdout, content)
        self.assertEqual(self.curl(path="/small.txt").stdout, b"small")
        self.assertEqual(self.curl("-r", "100-70000", path="/large.bin").stdout, content[100:70001])

    def test_many_requests_on_one_connection_pipelined_and_in_pieces(self):
        self.start()
        with self.connect() as client:
            for _ in range(50):
                self.assertEqual(json.loads(exchange(client, "/x", b"b" * 3000))["body"], 3000)
            for byte in b"GET /slowly HTTP/1.1\r\nHost: shop.test\r\n\r\n":
                client.sendall(bytes([byte]))
            answer = http.client.HTTPResponse(client)
            answer.begin()
            self.assertEqual(json.loads(answer.read())["target"], "/slowly")
            client.sendall(b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\n" * 20)
            reader = client.makefile("rb")
            for _ in range(20):
                length = 0
                while (line := reader.readline().strip()):
                    length = int(line.split()[1]) if line.lower().startswith(b"content-length") else length
                self.assertEqual(json.loads(reader.read(length))["target"], "/1")

    def test_an_idle_connection_serves_on_after_it_gave_its_buffers_back(self):
        self.start()
        with self.connect() as client:
            self.assertEqual(json.loads(exchange(client, "/before"))["target"], "/before")
            done = threading.Event()
            done.wait(2.5)  # Two rounds of the housekeeping.
            self.assertEqual(json.loads(exchange(client, "/after", b"c" * 40000))["body"], 40000)

    def test_goes_on_after_key_updates_with_each_cipher_suite(self):
        self.start()
        for suite in ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"):
            client = subprocess.Popen(
                ["openssl", "s_client", "-connect", f"127.0.0.1:{self.tls_port}", "-servername", "shop.test", "-CAfile",
                 self.authority.pem, "-tls1_3", "-ciphersuites", suite, "-brief"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            self.addCleanup(lambda client=client: (client.kill(), client.communicate()))
            said = b""
            for turn in range(3):
                client.stdin.write(f"GET /{suite}/{turn} HTTP/1.1\r\nHost: shop.test\r\n\r\n".encode())
                client.stdin.flush()
                # An update in return is asked for, and not. s_client says KEYUPDATE when it has sent its own.
                for wanted, next_line in ((f'"/{suite}/{turn}"', b"K\n" if turn == 0 else b"k\n"), ("KEYUPDATE", b"")):
                    while wanted.encode() not in said:
                        piece = os.read(client.stdout.fileno(), 65536)
                        self.assertNotEqual(piece, b"", said)
                        said += piece
                    said = said.partition(wanted.encode())[2]
                    client.stdin.write(next_line)
                    client.stdin.flush()

    def test_carries_web_sockets(self):
        modules = SOURCE / "tests/clients/node_modules"
        if not (modules / "ws").is_dir():
            self.skipTest("tests/clients: npm ci has not run")  # tidy-allow(unfinished): make deps brings them
        port = free_port()
        server = subprocess.Popen(["node", "-e", f"""
            const {{WebSocketServer}} = require('ws');
            new WebSocketServer({{port: {port}, host: '127.0.0.1'}}).on('connection', s =>
                s.on('message', (m, binary) => s.send(m, {{binary}})));"""],
                                  env={**os.environ, "NODE_PATH": str(modules)})
        self.addCleanup(lambda: (server.kill(), server.wait()))
        wait_until(lambda: listens(port), what="the WebSocket server")
        self.start(self.snapshot([{"instance": "shop/api-1", "address": "127.0.0.1", "port": port,
                                   "draining": False}]))
        client = subprocess.run(["node", "-e", f"""
            const WebSocket = require('ws');
            const big = Buffer.alloc(3000000, 7);
            let left = 20;
            const s = new WebSocket('wss://localhost:{self.tls_port}/chat');
            s.on('open', () => s.send(big));
            s.on('message', m => {{
                if (!big.equals(m)) {{ console.log('damaged'); process.exit(1); }}
                if (--left == 0) {{ s.close(1000); }} else {{ s.send(big); }}
            }});
            s.on('close', code => {{ console.log('closed', code); process.exit(0); }});"""],
                                env={**os.environ, "NODE_PATH": str(modules),
                                     "NODE_EXTRA_CA_CERTS": str(self.authority.pem)},
                                capture_output=True, timeout=60, check=False)
        self.assertEqual(client.stdout, b"closed 1000\n", client.stderr)


class Clients(TlsCase):
    def setUp(self):
        super().setUp()
        self.clients = Authority(self.state, "Client CA")
        self.policy.update(client_ca=str(self.clients.pem), client_ca_digest="1")

    def test_lets_in_clients_of_the_authority_alone(self):
        self.start()
        known = self.clients.certificate("alice", ["DNS:alice"], "clientAuth")
        strange = self.authority.certificate("mallory", ["DNS:mallory"], "clientAuth")
        self.curl("--cert", known["certificate_file"], "--key", known["key_file"])
        self.assertNotEqual(self.curl(check=False).returncode, 0)
        self.assertNotEqual(self.curl("--cert", strange["certificate_file"], "--key", strange["key_file"],
                                      check=False).returncode, 0)
        self.assertEqual(self.app.seen, [("GET", "/")])

    def test_a_session_from_before_does_not_open_the_door(self):
        self.policy.update(client_ca="", client_ca_digest="")
        self.start()
        session = self.state / "session"
        request = b"GET / HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n"
        self.s_client("-tls1_3", "-ign_eof", "-sess_out", session, feed=request)
        self.policy.update(client_ca=str(self.clients.pem), client_ca_digest="1")
        with self.control() as control:
            control.publish(self.snapshot())
        before = len(self.app.seen)
        self.s_client("-tls1_3", "-ign_eof", "-sess_in", session, feed=request)
        self.assertEqual(len(self.app.seen), before)


class ClientsByRoute(TlsCase):
    """Certificates that are asked for at the listener and required by some routes only."""

    def setUp(self):
        super().setUp()
        self.clients = Authority(self.state, "Client CA")
        self.policy.update(client_ca=str(self.clients.pem), client_ca_digest="1", client_optional=True)
        self.known = self.clients.certificate("alice", ["DNS:alice"], "clientAuth")
        self.start(self.snapshot(routes=[
            {**self.route("/admin", name="shop/admin"), "client_certificate": True}, self.route()]))

    def by_curl(self, path, *arguments, check=True):
        return self.curl("-w", "\n%{http_code}", *arguments, path=path, check=check).stdout.rpartition(b"\n")

    def with_certificate(self, of):
        return "--cert", of["certificate_file"], "--key", of["key_file"]

    def test_a_route_that_requires_one_answers_403_without(self):
        body, _, status = self.by_curl("/admin")
        self.assertEqual((status, self.app.seen), (b"403", []))
        self.assertIn(b"client certificate", body)
        self.assertEqual(self.by_curl("/")[2], b"200")
        self.assertEqual(self.by_curl("/admin", *self.with_certificate(self.known))[2], b"200")
        # Over plain HTTP there is none to bring; by HTTP/2 it counts as well.
        self.assertEqual(self.request(path="/admin").status, 403)
        self.assertEqual(self.by_curl("/admin", "--http2")[2], b"403")
        self.assertEqual(self.by_curl("/admin", "--http2", *self.with_certificate(self.known))[2], b"200")

    def test_the_app_is_told_the_certificate_and_no_other(self):
        lies = [word for name in ("Client-Cert", "client-cert", "Client_Cert", "Client-Cert-Chain")
                for word in ("-H", f"{name}: :bGllcw==:")]
        for certificate in (None, self.known):
            for version in ("--http1.1", "--http2"):
                arguments = self.with_certificate(certificate) if certificate else ()
                headers = json.loads(self.by_curl("/", version, *lies, *arguments)[0])["headers"]
                told = [value for name, value in headers if name.replace("_", "-").startswith("client-cert")]
                der = ssl.PEM_cert_to_DER_cert(pathlib.Path(certificate["certificate_file"]).read_text()) \
                    if certificate else b""
                self.assertEqual(told, [f":{base64.b64encode(der).decode()}:"] if certificate else [])

    def test_a_resumed_session_keeps_its_certificate(self):
        request = b"GET /admin HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n"
        session = self.state / "session"
        certificate = ("-cert", self.known["certificate_file"], "-key", self.known["key_file"])
        self.s_client("-tls1_3", "-ign_eof", "-sess_out", session, *certificate, feed=request)
        again = self.s_client("-tls1_3", "-ign_eof", "-sess_in", session, *certificate, feed=request)
        self.assertIn(b"Reused, TLSv1", again.stdout)
        self.assertIn(b"HTTP/1.1 200", again.stdout)

    def test_a_certificate_of_another_authority_fails_the_handshake(self):
        strange = self.authority.certificate("mallory", ["DNS:mallory"], "clientAuth")
        self.assertNotEqual(self.curl(*self.with_certificate(strange), check=False).returncode, 0)


class Upgrading(TlsCase):
    def test_clients_resume_their_sessions_across_an_upgrade(self):
        self.start()
        request = b"GET / HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n"
        sessions = {version: self.state / version for version in ("-tls1_2", "-tls1_3")}
        for version, session in sessions.items():
            self.s_client(version, "-ign_eof", "-sess_out", session, feed=request)
        for _ in range(2):
            old = self.process
            self.process = subprocess.Popen([SHORE, "gateway", "--take-over", "--state", str(self.state)],
                                            stdout=self.output, stderr=self.output)
            self.assertEqual(old.wait(20), 0)
            for version, session in sessions.items():
                again = self.s_client(version, "-ign_eof", "-sess_in", session, feed=request)
                self.assertIn(b"Reused, TLSv1", again.stdout)
        self.assertEqual(self.metric("shore_gateway_tls_resumptions_total"), 2)


class Swapping(TlsCase):
    def test_new_handshakes_use_the_new_certificate_and_open_connections_stay(self):
        self.start()
        with self.connect() as client:
            self.assertEqual(json.loads(exchange(client, "/1"))["target"], "/1")
            before = client.getpeercert()["serialNumber"]
            self.certificates = [self.authority.certificate("shop", ["DNS:shop.test"])]
            with self.control() as control:
                self.assertEqual(control.publish(self.snapshot())["errors"], [])
            self.assertEqual(json.loads(exchange(client, "/2", b"d" * 100000))["body"], 100000)
            with self.connect() as fresh:
                self.assertNotEqual(fresh.getpeercert()["serialNumber"], before)
            self.assertEqual(json.loads(exchange(client, "/3"))["target"], "/3")

    def test_files_replaced_one_by_one_leave_the_old_certificate_in_use(self):
        self.certificates.append(self.authority.certificate("other", ["DNS:other.test"]))
        self.start()
        with self.connect() as client:
            before = client.getpeercert()["serialNumber"]
        # The certificate of one is new and its key not yet; the other one is renewed as a whole.
        key = pathlib.Path(self.certificates[0]["key_file"])
        old_key = key.read_bytes()
        renewed = [self.authority.certificate("shop", ["DNS:shop.test"]),
                   self.authority.certificate("other", ["DNS:other.test"])]
        new_key = key.read_bytes()
        key.write_bytes(old_key)
        self.certificates = renewed
        with self.control() as control:
            self.assertEqual(control.publish(self.snapshot())["errors"], [])
            with self.connect() as client:
                self.assertEqual(client.getpeercert()["serialNumber"], before)
            key.write_bytes(new_key)
            self.certificates = [{**renewed[0], "digest": "whole"}, renewed[1]]
            self.assertEqual(control.publish(self.snapshot())["errors"], [])
        with self.connect() as client:
            self.assertNotEqual(client.getpeercert()["serialNumber"], before)

    def test_files_that_cannot_be_used_are_told_and_the_old_certificate_stays(self):
        self.start()
        good = dict(self.certificates[0])
        bad = self.state / "bad.pem"
        bad.write_text("rubbish")
        self.certificates = [{**good, "certificate_file": str(bad), "digest": "2"}]
        with self.control() as control:
            errors = control.publish(self.snapshot())["errors"]
        self.assertIn("bad.pem", errors[0]["error"])
        self.assertEqual(errors[0]["listen"], f"https://127.0.0.1:{self.tls_port}")
        self.curl()


class Redirecting(TlsCase):
    def test_sends_plain_requests_to_https_with_308(self):
        self.redirect, self.hsts = self.tls_port, 3600
        self.start()
        response = self.request("POST", "/a/b?c=d%20e", b"body", {"Host": f"shop.test:{self.port}"})
        self.assertEqual(response.status, 308)
        self.assertEqual(response.getheader("Location"), f"https://shop.test:{self.tls_port}/a/b?c=d%20e")
        self.assertIsNone(response.getheader("Strict-Transport-Security"))
        self.assertEqual(self.app.seen, [])
        answered = self.curl("-i").stdout
        self.assertIn(b"Strict-Transport-Security: max-age=3600\r\n", answered)
        followed = subprocess.run(
            ["curl", "-sSL", "--cacert", self.authority.pem, "--resolve", f"shop.test:{self.tls_port}:127.0.0.1",
             "--resolve", f"shop.test:{self.port}:127.0.0.1", "-d", "abc", f"http://shop.test:{self.port}/x"],
            capture_output=True, check=True)
        self.assertEqual((json.loads(followed.stdout)["method"], json.loads(followed.stdout)["body"]), ("POST", 3))

    def test_says_nothing_of_hsts_and_does_not_redirect_unless_told(self):
        self.start()
        self.assertEqual(self.request().status, 200)
        self.assertNotIn(b"Strict-Transport", self.curl("-i").stdout)


class Enduring(TlsCase):
    def setUp(self):
        super().setUp()
        self.limits["header_timeout_ns"] = SECOND

    def test_answers_garbage_and_plain_http_and_goes_on(self):
        self.start()
        for garbage in (b"\x00" * 50, os.urandom(500), b"\x16\x03\x01\xff\xff" + b"\x01" * 2000, b"SSH-2.0-x\r\n"):
            with socket.create_connection(("127.0.0.1", self.tls_port), 5) as client:
                client.sendall(garbage)
                self.read_all(client)
        with socket.create_connection(("127.0.0.1", self.tls_port), 5) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            received = self.read_all(client)
        self.assertIn(b"400 Bad Request", received)
        self.assertIn(b"https://", received)
        self.curl()
        self.assertEqual(self.metric("shore_gateway_tls_failures_total"), 5)

    @staticmethod
    def read_all(client):
        received = b""
        try:
            while piece := client.recv(65536):
                received += piece
        except ConnectionResetError:
            pass
        return received

    def test_cuts_off_a_handshake_that_stalls(self):
        self.start()
        hello = openssl_hello(self.tls_port)
        for sent in (b"", hello[:40], hello):
            with socket.create_connection(("127.0.0.1", self.tls_port), 10) as client:
                client.sendall(sent)
                self.read_all(client)  # Ends when the gateway closes.
        self.curl()

    def test_a_handshake_in_single_bytes_is_fine(self):
        self.limits["header_timeout_ns"] = 10 * SECOND
        self.start()
        context = ssl.create_default_context(cafile=str(self.authority.pem))
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = context.wrap_bio(incoming, outgoing, server_hostname="shop.test")
        with socket.create_connection(("127.0.0.1", self.tls_port), 10) as plain:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            done = False
            while not done:
                try:
                    client.do_handshake()
                    done = True
                except ssl.SSLWantReadError:
                    pass
                for byte in outgoing.read():
                    plain.sendall(bytes([byte]))
                if not done:
                    incoming.write(plain.recv(1))
        self.assertTrue(client.version())


def openssl_hello(port):
    """The bytes of a ClientHello."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname=f"port-{port}.test")
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


if __name__ == "__main__":
    unittest.main()
