"""HTTP/2 over TLS from outside: curl, h2load, nghttp, node and Chromium as judges."""
import hashlib
import json
import os
import pathlib
import re
import socket
import ssl
import subprocess
import threading
import unittest

from gateway_case import free_port, listens, wait_until
from gateway_h2_test import ACK, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PREFACE, SETTINGS, frame, request_block
from gateway_tls_test import TlsCase

SOURCE = pathlib.Path(os.environ.get("SHORE_SOURCE", pathlib.Path(__file__).resolve().parents[2]))
MODULES = SOURCE / "tests/clients/node_modules"

# An app for browsers and WebSockets: a page at /, an echo behind every upgrade.
ECHO_APP = """
const {{createServer}} = require('http');
const {{WebSocketServer}} = require('ws');
const server = createServer((request, response) => {{
    response.setHeader('content-type', 'text/html');
    response.end('<!doctype html><title>shop</title>');
}});
new WebSocketServer({{server}}).on('connection', s => s.on('message', (m, binary) => s.send(m, {{binary}})));
server.listen({port}, '127.0.0.1');
"""


class Http2TlsCase(TlsCase):
    def url(self, path="/", host="localhost"):
        return f"https://{host}:{self.tls_port}{path}"

    def node(self, script, **environment):
        return subprocess.run(["node", "-e", script], capture_output=True, text=True, timeout=60, check=False,
                              env={**os.environ, "NODE_PATH": str(MODULES), "SHORE_URL": self.url(),
                                   "NODE_EXTRA_CA_CERTS": str(self.authority.pem), **environment})

    def start_echo_app(self):
        if not (MODULES / "ws").is_dir():
            self.skipTest("tests/clients: npm ci has not run")  # tidy-allow(unfinished): make deps brings them
        port = free_port()
        server = subprocess.Popen(["node", "-e", ECHO_APP.format(port=port)],
                                  env={**os.environ, "NODE_PATH": str(MODULES)})
        self.addCleanup(lambda: (server.kill(), server.wait()))
        wait_until(lambda: listens(port), what="the app")
        self.start(self.snapshot([{"instance": "shop/ws-1", "address": "127.0.0.1", "port": port, "draining": False}]))


class Agreeing(Http2TlsCase):
    def version_of(self, *arguments):
        return self.curl("-o", "/dev/null", "-w", "%{http_version}", *arguments).stdout.decode()

    def test_clients_get_the_newest_protocol_that_they_offer(self):
        self.start()
        self.assertEqual(self.version_of("--http2"), "2")
        self.assertEqual(self.version_of("--http1.1"), "1.1")
        self.assertEqual(self.version_of("--no-alpn"), "1.1")
        for alpn, agreed in (("http/1.1,h2", b"h2"), ("h2", b"h2"), ("http/1.1", b"http/1.1")):
            done = self.s_client("-alpn", alpn, "-servername", "shop.test", feed=b"Q")
            self.assertIn(b"ALPN protocol: " + agreed + b"\n", done.stdout)

    def test_the_app_hears_https(self):
        self.start()
        headers = dict(json.loads(self.curl("--http2").stdout)["headers"])
        self.assertEqual(headers["x-forwarded-proto"], "https")
        self.assertIn("host=", headers["forwarded"])

    def test_every_suite_of_tls_12_is_one_that_http2_allows(self):
        # RFC 9113 section 9.2.2: ephemeral key exchange and AEAD. Others are not spoken at all.
        self.certificates.append(self.authority.certificate("rsa", ["DNS:rsa.test"], kind=("rsa:2048",)))
        self.start()
        for kind, host in (("ECDSA", "shop.test"), ("RSA", "rsa.test")):
            for suite in ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305"):
                got = self.curl("--http2", "--tls-max", "1.2", "--ciphers", f"ECDHE-{kind}-{suite}", "-o", "/dev/null",
                                "-w", "%{http_version}", host=host).stdout
                self.assertEqual(got, b"2", f"{kind} {suite}")
            for suite in (f"ECDHE-{kind}-AES128-SHA256", f"ECDHE-{kind}-AES256-SHA", "AES128-GCM-SHA256"):
                refused = self.s_client("-tls1_2", "-alpn", "h2", "-cipher", suite, "-servername", host, feed=b"Q")
                self.assertIn(b"handshake failure", refused.stderr, suite)

    def test_who_agrees_on_http2_must_speak_it(self):
        self.start()
        with self.connect(alpn=("h2",)) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n")
            received = b""
            while piece := client.recv(65536):
                received += piece
        self.assertNotIn(b"HTTP/1.1", received)
        self.assertIn(bytes([GOAWAY]), received)
        self.assertEqual(self.app.seen, [])


class Carrying(Http2TlsCase):
    def test_many_streams_without_a_failure(self):
        self.start()
        output = subprocess.run(["h2load", "-n3000", "-c3", "-m32", self.url()], capture_output=True, text=True,
                                timeout=120, check=True).stdout
        self.assertIn("Application protocol: h2", output)
        self.assertIn("3000 succeeded, 0 failed, 0 errored", output)

    def test_large_bodies_pass_whole_both_ways(self):
        self.start()
        upload = self.state / "upload"
        upload.write_bytes(os.urandom(24 << 20))
        self.assertEqual(json.loads(self.curl("--http2", "-T", upload).stdout)["body"], 24 << 20)
        expected = hashlib.sha256(b"z" * (32 << 20)).digest()
        for pace in ((), ("--limit-rate", "40M")):
            self.assertEqual(hashlib.sha256(self.curl("--http2", *pace, path="/large").stdout).digest(), expected)

    def test_trailers_reach_the_client(self):
        self.start()
        output = subprocess.run(["nghttp", "-v", "--no-verify-peer", self.url("/chunked")], capture_output=True,
                                text=True, timeout=20, check=False).stdout
        self.assertIn("The negotiated protocol: h2", output)
        self.assertRegex(output, r"hello[^\0]* world[^\0]*recv \(stream_id=13\) x-sum: 11")

    def test_answers_that_are_ready_together_leave_in_one_record(self):
        root = self.state / "files"
        root.mkdir()
        (root / "small.txt").write_text("small")
        self.start(self.snapshot(routes=[self.route(upstream=-1, root=root)]))
        context = ssl.create_default_context(cafile=str(self.authority.pem))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["h2"])
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = context.wrap_bio(incoming, outgoing, server_hostname="shop.test")
        with socket.create_connection(("127.0.0.1", self.tls_port), 10) as plain:
            self.shake_hands(client, plain, incoming, outgoing)
            get = request_block(path=b"/small.txt")
            self.speak(client, plain, outgoing, PREFACE + frame(SETTINGS) +
                       frame(HEADERS, END_HEADERS | END_STREAM, 1, get))
            self.count_records(client, plain, incoming, streams={1})  # The file is in memory from now on.
            self.speak(client, plain, outgoing, frame(SETTINGS, ACK) + b"".join(
                frame(HEADERS, END_HEADERS | END_STREAM, 3 + 2 * i, get) for i in range(20)))
            records = self.count_records(client, plain, incoming, streams={3 + 2 * i for i in range(20)})
        self.assertLessEqual(records, 2)

    @staticmethod
    def shake_hands(client, plain, incoming, outgoing):
        while True:
            try:
                client.do_handshake()
                plain.sendall(outgoing.read())
                return
            except ssl.SSLWantReadError:
                plain.sendall(outgoing.read())
                incoming.write(plain.recv(65536))

    @staticmethod
    def speak(client, plain, outgoing, frames):
        client.write(frames)
        plain.sendall(outgoing.read())

    def count_records(self, client, plain, incoming, streams):
        """Reads until all `streams` have ended; how many records of data that took."""
        encrypted, frames, records = b"", b"", 0
        while streams:
            encrypted += plain.recv(65536)
            while len(encrypted) >= 5 and len(encrypted) >= (size := 5 + int.from_bytes(encrypted[3:5], "big")):
                records += encrypted[0] == 23
                incoming.write(encrypted[:size])
                encrypted = encrypted[size:]
                try:
                    while True:
                        frames += client.read(65536)
                except ssl.SSLWantReadError:
                    pass
            while len(frames) >= 9 and len(frames) >= (size := 9 + int.from_bytes(frames[:3], "big")):
                kind, flags, stream = frames[3], frames[4], int.from_bytes(frames[5:9], "big")
                if kind in (DATA, HEADERS) and flags & END_STREAM:
                    streams.discard(stream)
                frames = frames[size:]
        return records

    def test_an_idle_connection_serves_on_after_it_gave_its_buffers_back(self):
        self.start()
        script = """
            const {connect} = require('http2');
            const session = connect(process.env.SHORE_URL);
            const get = () => new Promise((resolve, reject) => {
                const request = session.request({':path': '/'});
                request.on('response', fields => resolve(fields[':status'])).on('error', reject).resume();
            });
            get().then(first => setTimeout(() => get().then(second => {
                console.log(first, second, session.alpnProtocol);
                session.close();
            }), 2500));"""
        self.assertEqual(self.node(script).stdout, "200 200 h2\n")

    def test_a_new_certificate_leaves_open_connections_alone(self):
        self.start()
        done = threading.Event()
        results = []

        def work():
            results.append(subprocess.run(["h2load", "-n6000", "-c4", "-m16", self.url()], capture_output=True,
                                          text=True, timeout=120, check=True).stdout)
            done.set()
        thread = threading.Thread(target=work)
        thread.start()
        with self.control() as control:
            for turn in range(100):
                if done.wait(0.05):
                    break
                self.certificates = [self.authority.certificate(f"shop-{turn % 5}", ["DNS:shop.test"])]
                control.publish(self.snapshot())
        thread.join()
        self.assertIn("6000 succeeded, 0 failed, 0 errored", results[0])


class Browsing(Http2TlsCase):
    def test_web_sockets_are_streams_of_the_connection(self):
        self.start_echo_app()
        script = """
            const {connect} = require('http2');
            const session = connect(process.env.SHORE_URL);
            session.once('remoteSettings', settings => {
                const stream = session.request({':method': 'CONNECT', ':protocol': 'websocket', ':path': '/chat',
                                                'sec-websocket-version': '13'}, {endStream: false});
                stream.on('response', fields => {
                    console.log(settings.enableConnectProtocol, fields[':status']);
                    // "hello", masked with zeros.
                    stream.write(Buffer.from([0x81, 0x85, 0, 0, 0, 0, ...Buffer.from('hello')]));
                });
                stream.on('data', data => {
                    console.log(data.subarray(2).toString());
                    session.destroy();
                });
            });"""
        self.assertEqual(self.node(script).stdout, "true 200\nhello\n")

    def test_chromium_speaks_http2_and_opens_web_sockets_over_it(self):
        if not (MODULES / "playwright-core").is_dir():
            self.skipTest("tests/clients: npm ci has not run")  # tidy-allow(unfinished): make deps brings them
        self.start_echo_app()
        script = """
            const {chromium} = require('playwright-core');
            (async () => {
                const browser = await chromium.launch({executablePath: '/usr/bin/chromium',
                                                       args: ['--no-sandbox', '--disable-gpu']});
                const page = await (await browser.newContext({ignoreHTTPSErrors: true})).newPage();
                await page.goto(process.env.SHORE_URL);
                console.log(await page.title(), await page.evaluate(() =>
                    performance.getEntriesByType('navigation')[0].nextHopProtocol));
                console.log(await page.evaluate(() => new Promise((resolve, reject) => {
                    const socket = new WebSocket(location.href.replace('https', 'wss') + 'chat');
                    socket.onopen = () => socket.send('from the browser');
                    socket.onmessage = message => resolve(message.data);
                    socket.onerror = () => reject(new Error('no WebSocket'));
                })));
                await browser.close();
            })().catch(error => { console.log(error); process.exit(1); });"""
        done = self.node(script)
        self.assertEqual(done.stdout, "shop h2\nfrom the browser\n", done.stderr)
        # The page's connection carried the WebSocket: nothing spoke HTTP/1.1.
        self.terminate()
        lines = "".join(path.read_text() for path in self.state.rglob("access.log*"))
        self.assertEqual(set(re.findall(r'"protocol":"([^"]+)"', lines)), {"HTTP/2.0"}, lines)


if __name__ == "__main__":
    unittest.main()
