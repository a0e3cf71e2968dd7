"""The daemon renews the certificate of a Redis that speaks TLS: certificates that near their end are put into the state
directory, and clients see what becomes of them. Checked with openssl s_client and redis-cli."""
import hashlib
import json
import subprocess
import unittest

from shore_case import ShoreCase, wait_until

NAMES = "DNS:localhost,IP:127.0.0.1,IP:::1"


class EngineCertificates(ShoreCase):
    def setUp(self):
        super().setUp()
        self.project.chmod(0o711)  # Root's agents run as a user of their own.

    def up(self, engine):
        self.write("compose.yaml", f"""
name: shop
services:
  store: {{x-shore: {{engine: redis, tls: true{engine}}}}}
  api: {{command: ["sleep", "100000"], depends_on: [store]}}
""")
        self.shore("up", timeout=120)
        self.authority = str(self.state / "tls" / "ca.pem")
        self.variables = json.loads(self.shore("exec", "api", "--", "python3", "-c",
                                               "import json, os; print(json.dumps(dict(os.environ)))").stdout)

    def processes(self):
        """{instance: {state, status, port, ...}} of all that run."""
        return {each["instance"]: each
                for each in json.loads(self.shore("redis", "--json", check=False).stdout or "{}").get("processes", [])}

    def openssl(self, *arguments, text=None):
        return subprocess.run(["openssl", *arguments], cwd=self.state / "tls", input=text, check=True,
                              capture_output=True, text=True, timeout=30).stdout

    def put_one_that_ends_in(self, days):
        """A certificate of Shore's own authority, as one that was made long ago."""
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        self.openssl("req", *key, "-keyout", "own.key", "-out", "own.csr", "-subj", "/CN=Shore", "-addext",
                     f"subjectAltName={NAMES}", "-addext", "extendedKeyUsage=serverAuth")
        self.openssl("x509", "-req", "-in", "own.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days",
                     str(days), "-copy_extensions", "copyall", "-out", "own.pem")
        text = "".join((self.state / "tls" / name).read_text() for name in ("own.pem", "ca.pem", "own.key"))
        (self.state / "tls" / "next.pem").write_text(text)
        (self.state / "tls" / "next.pem").rename(self.state / "tls" / "engines.pem")

    def serial_at(self, port):
        """What a client that trusts the authority is shown there; nothing while nobody answers."""
        try:
            shown = self.openssl("s_client", "-connect", f"127.0.0.1:{port}", "-CAfile", self.authority,
                                 "-verify_return_error", text="")
            return self.openssl("x509", "-noout", "-serial", "-enddate", text=shown)
        except subprocess.CalledProcessError:
            return ""

    def fingerprint(self):
        der = subprocess.run(["openssl", "x509", "-outform", "DER"], check=True, capture_output=True,
                             input=(self.state / "tls" / "engines.pem").read_bytes()).stdout
        return hashlib.sha256(der).hexdigest()

    def client(self):
        """A redis-cli that stays connected."""
        child = subprocess.Popen(["redis-cli", "--cacert", self.variables["REDIS_CA_FILE"], "-u",
                                  self.variables["REDIS_URL"]], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True, bufsize=1)
        self.addCleanup(lambda: (child.kill(), child.communicate()))
        return child

    def ask(self, child, command):
        child.stdin.write(command + "\n")
        return child.stdout.readline().strip()

    def listed(self):
        (one,) = [each for each in json.loads(self.shore("certs", "ls", "--json").stdout)["certificates"]
                  if each["used_by"] == "engines"]
        return one

    def check_renewal(self, count):
        before = self.processes()
        self.assertEqual(len(before), count)
        ports = {name: each["port"] for name, each in before.items()}
        first = {name: self.serial_at(port) for name, port in ports.items()}
        self.assertEqual(len(set(first.values())), 1, first)
        old = self.client()
        number = self.ask(old, "CLIENT ID")

        self.put_one_that_ends_in(10)  # Less than a third of a year: it is due at the daemon's next look.
        placed = self.fingerprint()

        def everywhere():
            shown = {self.serial_at(port) for port in ports.values()}
            return shown.isdisjoint(first.values()) and len(shown) == 1 and shown.isdisjoint({""})
        wait_until(everywhere, 60, "the new certificate at every port")
        self.assertNotEqual(self.fingerprint(), placed)
        one = self.listed()
        self.assertEqual((one["fingerprint"], one["state"]), (self.fingerprint(), "valid"))
        self.assertEqual(self.ask(old, "CLIENT ID"), number)
        self.assertEqual(self.ask(self.client(), "PING"), "PONG")

        def told():
            return {each.get("status", {}).get("certificate", {}).get("fingerprint")
                    for each in self.processes().values()} == {self.fingerprint()}
        wait_until(told, 30, "the new certificate in the status of all")
        # No agent was started again, and no server; each was told once.
        events = self.shore("events", "--json", "-n", "1000").stdout
        self.assertEqual(events.count('"instance.certificate_renewed"'), count, events)
        restarts = {instance["id"]: instance["restarts"] for stack in self.status()["stacks"]
                    for service in stack["services"] for instance in service["instances"]}
        self.assertEqual(set(restarts.values()), {0}, restarts)

    def test_a_store_with_replicas_and_sentinels(self):
        self.up(", ha: {replicas: 1, sentinels: 3}")
        self.check_renewal(6)

    def test_one_server(self):
        self.up("")
        self.check_renewal(1)

    def test_by_hand(self):
        self.up("")
        before = self.listed()["fingerprint"]
        self.assertRegex(self.shore("certs", "ls").stdout, r"localhost, 127\.0\.0\.1, ::1 +engines +valid ")
        self.assertIn("of the private authority is new", self.shore("certs", "renew").stderr)
        self.assertNotEqual(self.listed()["fingerprint"], before)
        wait_until(lambda: [each.get("status", {}).get("certificate", {}).get("fingerprint")
                            for each in self.processes().values()] == [self.fingerprint()], 60,
                   "the new certificate at the server")


if __name__ == "__main__":
    unittest.main()
