"""What testssl.sh, the usual judge of TLS servers, has to say about the gateway: nothing worse than a note."""
import json
import shutil
import subprocess
import unittest

from gateway_tls_test import TlsCase

# Findings that say nothing about the gateway, each with its reason.
EXCUSED = {
    "cert_revocation": "the test's own authority publishes no list of what it revoked",
    "DNS_CAArecord": "localhost has no such record",
    "engine_problem": "about the openssl that testssl itself uses",
    "BREACH": "asks for / without a cookie, where a compressed answer holds no secret (docs/operating/content.md)",
}


class TestSsl(TlsCase):
    def test_finds_nothing_worse_than_a_note(self):
        self.hsts = 365 * 24 * 3600
        self.certificates = [self.authority.certificate("long", ["DNS:localhost", "IP:127.0.0.1"], days=90)]
        self.start()
        report = self.state / "testssl.json"
        authority = shutil.copy(self.authority.pem, self.state / "ca.pem")  # It takes no name with a space in it.
        # Protocols, ciphers by kind, forward secrecy, certificate, headers, vulnerabilities. It asks no name server.
        said = subprocess.run(
            ["testssl", "--quiet", "--color", "0", "--warnings", "batch", "-p", "-s", "-f", "-S", "-h", "-U",
             "--nodns", "none", "--ip", "127.0.0.1", "--add-ca", str(authority), "--jsonfile", str(report),
             f"localhost:{self.tls_port}"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=540, check=False)
        self.assertTrue(report.exists(), said.stdout + said.stderr)
        findings = {one["id"]: one for one in json.loads(report.read_text())}
        # It looked, and saw what is there.
        self.assertEqual(findings["TLS1_3"]["finding"], "offered with final")
        self.assertEqual([findings[old]["finding"] for old in ("SSLv3", "TLS1", "TLS1_1")], ["not offered"] * 3)
        self.assertIn("heartbleed", findings)
        bad = {name: one["finding"] for name, one in findings.items()
               if one["severity"] not in ("OK", "INFO") and name not in EXCUSED}
        self.assertEqual(bad, {})


if __name__ == "__main__":
    unittest.main()
