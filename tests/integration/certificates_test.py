"""https of a stack from `shore up` on: the private authority, certificates of the manifest, renewal."""
import json
import pathlib
import subprocess
import tempfile
import unittest

from gateway_tls_test import Authority
from shore_case import ShoreCase, free_port, wait_until


class CertificatesTest(ShoreCase):
    def setUp(self):
        super().setUp()
        self.tls_port = free_port()
        made = tempfile.TemporaryDirectory(prefix="shore-ca-")
        self.addCleanup(made.cleanup)
        self.directory = pathlib.Path(made.name)

    def write_stack(self, tls="", host=""):
        self.write_web_stack(replicas=1)
        manifest = self.project / "compose.yaml"
        text = manifest.read_text().replace(
            f'listen: ["http://127.0.0.1:{self.port}"], threads: 1',
            f'listen: ["http://127.0.0.1:{self.port}", "https://127.0.0.1:{self.tls_port}"], threads: 1{tls}')
        manifest.write_text(text.replace('route: "/",', f'route: "/", {host}'))

    def curl(self, ca, host="localhost", check=True):
        return subprocess.run(
            ["curl", "-sS", "--max-time", "10", "--cacert", ca, "--resolve", f"{host}:{self.tls_port}:127.0.0.1",
             f"https://{host}:{self.tls_port}/"], capture_output=True, text=True, check=check)

    def certificates(self):
        return json.loads(self.shore("certs", "ls", "--json").stdout)["certificates"]

    def authority(self):
        return self.write("ca.pem", self.shore("certs", "trust", "--print").stdout)

    def test_a_private_authority_signs_for_the_names_in_use(self):
        self.write_stack(host="host: [shop.test, www.shop.test],")
        self.shore("up")
        for host in ("shop.test", "www.shop.test"):
            self.assertIn("api-1 one", self.curl(self.authority(), host).stdout)
        (one,) = self.certificates()
        self.assertEqual(one["names"], ["shop.test", "www.shop.test", "localhost", "127.0.0.1", "::1"])
        self.assertEqual((one["used_by"], one["state"], one["private"], one["key"]),
                         ("listeners", "valid", True, "ECDSA P-256"))
        self.assertIn("shop.test", self.shore("certs", "ls").stdout)
        for name in ("ca.key", "server.pem"):
            self.assertEqual((self.state / "tls" / name).stat().st_mode & 0o777, 0o600)
        self.assertNotIn("PRIVATE KEY", (self.state / "run/snapshot.json").read_text())
        urls = self.status()["stacks"][0]["urls"]
        self.assertIn(f"https://shop.test:{self.tls_port}/", urls)

    def test_renewal_changes_the_certificate_and_not_the_authority(self):
        self.write_stack()
        self.shore("up")
        authority = self.authority()
        before = self.certificates()[0]["fingerprint"]
        self.assertIn("is new", self.shore("certs", "renew").stderr)
        self.assertNotEqual(self.certificates()[0]["fingerprint"], before)
        self.assertIn("api-1", self.curl(authority).stdout)

    def test_certificates_of_the_manifest_serve_redirect_and_follow_their_files(self):
        own = Authority(self.directory)
        files = own.certificate("shop", ["DNS:localhost"])
        self.write_stack(f", tls: {{certificates: [{{cert: {files['certificate_file']}, key: {files['key_file']}}}], "
                         "hsts: 1h}")
        self.shore("up")
        self.assertIn("api-1 one", self.curl(own.pem).stdout)
        self.assertEqual(self.get("/")[0], 308)
        before = self.certificates()
        self.assertEqual([one["private"] for one in before], [False])
        own.certificate("shop", ["DNS:localhost"])
        self.shore("certs", "renew")

        def served():
            shown = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{self.tls_port}"], input=b"",
                                   capture_output=True, check=False).stdout
            found = subprocess.run(["openssl", "x509", "-noout", "-fingerprint", "-sha256"], input=shown,
                                   capture_output=True, check=False).stdout.decode()
            return found.strip().partition("=")[2].replace(":", "").lower()
        wait_until(lambda: served() == self.certificates()[0]["fingerprint"] != before[0]["fingerprint"],
                   what="the new certificate")

    def test_a_pair_that_does_not_fit_is_told_and_the_one_before_goes_on(self):
        own = Authority(self.directory)
        files = own.certificate("shop", ["DNS:localhost"])
        self.write_stack(f", tls: {{certificates: [{{cert: {files['certificate_file']}, key: {files['key_file']}}}]}}")
        self.shore("up")
        pathlib.Path(files["certificate_file"]).write_bytes(
            pathlib.Path(own.certificate("next", ["DNS:localhost"])["certificate_file"]).read_bytes())
        self.shore("certs", "renew")
        self.assertIn("the key of another certificate", self.certificates()[0]["state"])
        wait_until(lambda: "the one before goes on" in self.shore("status").stdout, what="the line in status")
        self.assertIn("api-1 one", self.curl(own.pem).stdout)
        own.certificate("shop", ["DNS:localhost"])
        self.shore("certs", "renew")
        wait_until(lambda: "goes on" not in self.shore("status").stdout, what="the end of the line in status")
        self.assertIn("api-1 one", self.curl(own.pem).stdout)

    def test_says_with_line_and_column_which_file_is_wrong(self):
        own = Authority(self.directory)
        files, other = own.certificate("one", ["DNS:localhost"]), own.certificate("two", ["DNS:localhost"])
        self.write_stack(f", tls: {{certificates: [{{cert: {files['certificate_file']}, key: {other['key_file']}}}, "
                         "{cert: /nowhere.pem, key: /nowhere.key}], client_ca: /missing.pem}")
        refused = self.shore("up", check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertRegex(refused.stderr, r"compose\.yaml:\d+:\d+: .*certificates\[0\]\.key.*the key of another")
        self.assertRegex(refused.stderr, r"compose\.yaml:\d+:\d+: .*certificates\[1\]\.cert.*/nowhere\.pem")
        self.assertRegex(refused.stderr, r"compose\.yaml:\d+:\d+: .*client_ca.*/missing\.pem")


if __name__ == "__main__":
    unittest.main()
