"""The PROXY protocol: curl and HAProxy in front of the gateway say who the client is, the gateway tells nginx and
HAProxy behind it."""
import json
import re
import socket
import ssl
import struct
import subprocess
import unittest

from gateway_case import SECOND, GatewayCase, free_port, listens, wait_until

V2 = b"\r\n\r\n\0\r\nQUIT\n"
FOUR = socket.inet_aton("198.51.100.7") + socket.inet_aton("127.0.0.1") + struct.pack("!HH", 4711, 80)
GET = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


def v2(command, family, body):
    return V2 + bytes([command, family]) + struct.pack("!H", len(body)) + body


class ProxyCase(GatewayCase):
    sources = ["127.0.0.1"]

    def snapshot(self, *arguments, **options):
        snapshot = super().snapshot(*arguments, **options)
        snapshot["proxy_protocol"] = [{"listener": 0, "from": self.sources, "timeout_ns": SECOND}]
        return snapshot

    def helper(self, command, port):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        wait_until(lambda: listens(port), what=f"{command[0]}'s start")

    def haproxy(self, text, port):
        path = self.state / "haproxy.cfg"
        path.write_text("defaults\n  mode http\n  timeout client 5s\n  timeout server 5s\n  timeout connect 5s\n" +
                        text)
        self.helper(["haproxy", "-q", "-db", "-f", str(path)], port)

    def seen_client(self, text):
        """What the app was told, from the body of a raw answer."""
        headers = dict(json.loads(text.partition(b"\r\n\r\n")[2])["headers"])
        return headers["x-forwarded-for"]


class ProxyInTest(ProxyCase):
    def setUp(self):
        super().setUp()
        self.backend()
        self.start()

    def test_curl_says_who_the_client_is(self):
        answer = subprocess.run(["curl", "-sS", "--haproxy-protocol", f"http://127.0.0.1:{self.port}/"],
                                capture_output=True, check=True)
        self.assertEqual(dict(json.loads(answer.stdout)["headers"])["x-forwarded-for"], "127.0.0.1")

    def test_haproxy_in_front_by_both_versions(self):
        for option in ("send-proxy", "send-proxy-v2"):
            with self.subTest(option):
                port = free_port()
                self.haproxy(f"frontend f\n  bind 127.0.0.1:{port}\n  default_backend b\n"
                             f"backend b\n  server s 127.0.0.1:{self.port} {option}\n", port)
                with socket.create_connection(("127.0.0.1", port), 10, ("127.0.0.9", 0)) as client:
                    client.sendall(GET)
                    received = b"".join(iter(lambda: client.recv(65536), b""))
                # HAProxy adds no X-Forwarded-For here: the address comes by the protocol.
                self.assertEqual(self.seen_client(received), "127.0.0.9")

    def test_the_address_is_the_clients_everywhere(self):
        self.assertEqual(self.seen_client(self.raw(b"PROXY TCP4 198.51.100.7 127.0.0.1 4711 80\r\n" + GET)),
                         "198.51.100.7")
        self.assertEqual(self.seen_client(self.raw(b"PROXY TCP6 2001:db8::7 ::1 4711 80\r\n" + GET)), "2001:db8::7")
        self.assertEqual(self.seen_client(self.raw(v2(0x21, 0x11, FOUR) + GET)), "198.51.100.7")
        self.assertEqual(self.seen_client(self.raw(v2(0x21, 0x11, FOUR + b"\x04\0\x02ab\x20\0\x05\1\0\0\0\0") + GET)),
                         "198.51.100.7")
        log = self.state / "logs/_shore/gateway/access.log"
        wait_until(lambda: log.exists() and '"client":"198.51.100.7"' in log.read_text(), what="the log line")

    def test_local_and_unknown_leave_the_peers_address(self):
        for header in (v2(0x20, 0, b""), v2(0x20, 0x11, FOUR), b"PROXY UNKNOWN\r\n"):
            self.assertEqual(self.seen_client(self.raw(header + GET)), "127.0.0.1")

    def test_a_header_may_come_byte_by_byte_and_with_the_request(self):
        with socket.create_connection(("127.0.0.1", self.port), 10) as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in b"PROXY TCP4 198.51.100.7 127.0.0.1 4711 80\r\n" + GET[:5]:
                client.sendall(bytes([byte]))
            client.sendall(GET[5:])
            received = b"".join(iter(lambda: client.recv(65536), b""))
        self.assertEqual(self.seen_client(received), "198.51.100.7")

    def test_what_is_missing_malformed_or_late_is_closed_without_an_answer(self):
        begun = self.refused()
        for data in (GET, b"PROXY TCP4 1.2.3.4 1.2.3.4 1 99999\r\n" + GET, V2 + b"\x33\x11\0\0" + GET,
                     v2(0x21, 0x11, FOUR[:6]) + GET, v2(0x21, 0x11, FOUR + b"\x01\xff") + GET,
                     V2 + b"\x21\x11\xff\xff" + b"x" * 9000, b"PROXY TCP4 "):
            self.assertEqual(self.raw(data), b"", data)
        self.assertEqual(self.backends[0].seen, [])
        self.assertEqual(self.refused() - begun, 7)

    def refused(self):
        with self.control() as control:
            control.send({"metrics": True})
            text = control.receive("metrics")["metrics"]
        return int(re.search("^shore_gateway_proxy_headers_refused_total (.*)", text, re.MULTILINE).group(1))

    def test_a_trusted_client_by_header_and_a_route_by_its_network(self):
        snapshot = self.snapshot(routes=[dict(self.route(), conditions={"sources": ["198.51.100.0/24"]})])
        with self.control() as control:
            control.publish(snapshot)
        self.assertIn(b"200 OK", self.raw(b"PROXY TCP4 198.51.100.7 127.0.0.1 4711 80\r\n" + GET))
        self.assertIn(b"404", self.raw(b"PROXY TCP4 203.0.113.1 127.0.0.1 4711 80\r\n" + GET).partition(b"\r\n")[0])


class ProxyStrangerTest(ProxyCase):
    sources = ["192.0.2.0/24"]

    def test_who_is_no_balancer_speaks_for_himself_and_cannot_claim_an_address(self):
        self.backend()
        self.start()
        self.assertEqual(self.seen_client(self.raw(GET)), "127.0.0.1")
        self.assertIn(b" 400 ", self.raw(b"PROXY TCP4 198.51.100.7 127.0.0.1 4711 80\r\n" + GET))
        self.assertEqual(len(self.backends[0].seen), 1)


class ProxyTlsTest(ProxyCase):
    def test_the_header_stands_before_the_handshake(self):
        certificate, key = self.state / "c.pem", self.state / "k.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-subj", "/CN=localhost", "-days", "2", "-keyout", str(key), "-out", str(certificate)],
                       check=True, capture_output=True)
        self.backend()
        snapshot = self.snapshot(listeners=[{"address": "127.0.0.1", "port": self.port, "tls": True}])
        snapshot["certificates"] = [{"certificate_file": str(certificate), "key_file": str(key), "digest": "1"}]
        snapshot["tls"] = [{"listener": 0, "client_ca": "", "client_ca_digest": "", "version_min": 12}]
        self.start(snapshot)
        context = ssl.create_default_context(cafile=str(certificate))
        context.check_hostname = False
        with socket.create_connection(("127.0.0.1", self.port), 10) as plain:
            plain.sendall(b"PROXY TCP4 198.51.100.7 127.0.0.1 4711 443\r\n")
            with context.wrap_socket(plain) as client:
                client.sendall(GET)
                received = b"".join(iter(lambda: client.recv(65536), b""))
        self.assertEqual(self.seen_client(received), "198.51.100.7")


class ProxyOutTest(GatewayCase):
    """nginx and HAProxy as the apps: they refuse connections without the header."""
    helper, haproxy = ProxyCase.helper, ProxyCase.haproxy

    def check(self, port, version):
        snapshot = self.snapshot(endpoints=[{"instance": "shop/api-1", "address": "127.0.0.1", "port": port,
                                             "draining": False}])
        snapshot["upstreams"][0]["policy"] = {"proxy_protocol": version}
        self.start(snapshot)
        for source in ("127.0.0.9", "127.0.0.10"):
            with socket.create_connection(("127.0.0.1", self.port), 10, (source, 0)) as client:
                own = client.getsockname()[1]
                client.sendall(GET.replace(b"Connection: close\r\n", b"") + GET)
                received = b"".join(iter(lambda: client.recv(65536), b""))
            # Two requests of one connection, each told of the same client.
            self.assertEqual(received.count(f"{source} {own}".encode()), 2, received)

    def test_nginx_learns_the_client_by_version_1(self):
        port = free_port()
        path = self.state / "nginx.conf"
        path.write_text(f"daemon off; pid {self.state}/nginx.pid; error_log {self.state}/nginx.log; events {{}}\n"
                        f"http {{ access_log off; client_body_temp_path {self.state}/nginx-b;\n"
                        f"server {{ listen 127.0.0.1:{port} proxy_protocol;\n"
                        f"location / {{ return 200 '$proxy_protocol_addr $proxy_protocol_port'; }} }} }}\n")
        self.helper(["nginx", "-c", str(path), "-p", str(self.state)], port)
        self.check(port, 1)

    def test_haproxy_learns_the_client_by_version_2(self):
        port = free_port()
        self.haproxy(f"frontend f\n  bind 127.0.0.1:{port} accept-proxy\n"
                     "  http-request return status 200 content-type text/plain lf-string '%[src] %[src_port]'\n", port)
        self.check(port, 2)


if __name__ == "__main__":
    unittest.main()
