"""Everything as an ordinary user: the proofs of this directory again, without root."""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
from shore_under_test import BINARY, PYTHON, SOURCE  # noqa: E402

NOBODY = 65534
# One that any user may run; root's own may lie in a closed home.
SYSTEM_PYTHON = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else PYTHON


# tidy-allow(unfinished): without root every other test is this one.
@unittest.skipIf(os.geteuid() != 0, "this run has no root to give up: every other test here already is the proof")
class Unprivileged(unittest.TestCase):
    """Copies binary and tests to where that user may read, and runs them as that user."""

    def run_as_nobody(self, file, *tests):
        with tempfile.TemporaryDirectory(prefix="shore-nobody-") as root:
            os.chmod(root, 0o755)
            for part in ("chaos", "support"):
                shutil.copytree(os.path.join(HERE, "..", part), os.path.join(root, "tests", part))
            shutil.copytree(os.path.join(SOURCE, "examples"), os.path.join(root, "examples"))
            binary = os.path.join(root, "shore")
            shutil.copy2(os.path.realpath(BINARY), binary)
            home = os.path.join(root, "home")
            os.mkdir(home)
            os.chown(home, NOBODY, NOBODY)
            environment = {"PATH": os.environ["PATH"], "HOME": home, "TMPDIR": home, "SHORE": binary,
                           "SHORE_SOURCE": root, "LANG": "C.UTF-8"}
            done = subprocess.run(
                ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", SYSTEM_PYTHON, "-B",
                 os.path.join(root, "tests", "chaos", file), "-v", *tests],
                env=environment, cwd=home, capture_output=True, text=True, timeout=240, check=False)
            print(done.stdout, flush=True)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_a_rolling_deploy_under_load(self):
        self.run_as_nobody("deploy_test.py", "Deploy.test_under_load_fails_no_request_and_closes_no_other_socket")

    def test_kill_9_of_the_daemon(self):
        self.run_as_nobody("crash_test.py", "DaemonCrash.test_fails_nothing_restarts_nothing_and_loses_no_line")

    def test_kill_9_of_an_instance(self):
        self.run_as_nobody("crash_test.py", "InstanceCrash.test_fails_no_get_and_the_instance_is_started_again")

    def test_shopping_on_real_engines(self):
        self.run_as_nobody("shop_pro_test.py")

    def test_down_leaves_nothing(self):
        self.run_as_nobody("down_test.py")


if __name__ == "__main__":
    unittest.main()
