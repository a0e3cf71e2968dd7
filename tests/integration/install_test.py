"""What "make install" and the Debian package put where: installed into a scratch directory, then used from there."""
import os
import shutil
import subprocess
import tempfile
import unittest

BUILD = os.environ["SHORE_BUILD"]


class Installed(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="shore-install-")
        self.addCleanup(shutil.rmtree, self.root)

    def install(self, prefix):
        subprocess.run(["cmake", "--install", BUILD, "--prefix", prefix], check=True, capture_output=True,
                       env=os.environ | {"DESTDIR": self.root})

    def path(self, name):
        return os.path.join(self.root, name.lstrip("/"))

    def text(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def output(self, *arguments):
        return subprocess.run(arguments, check=True, capture_output=True, text=True, timeout=60).stdout

    def test_the_program_runs_from_where_it_was_installed(self):
        self.install("/usr")
        self.assertRegex(self.output(self.path("/usr/bin/shore"), "version"), r"^shore \d+\.\d+")
        self.assertEqual(os.readlink(self.path("/usr/bin/shored")), "shore")

    def test_manual_and_completions_are_where_their_readers_look(self):
        self.install("/usr")
        self.assertIn(".TH SHORE 1", self.text("/usr/share/man/man1/shore.1").upper())
        subprocess.run(["bash", "-n", self.path("/usr/share/bash-completion/completions/shore")], check=True)
        self.assertTrue(self.text("/usr/share/zsh/vendor-completions/_shore").startswith("#compdef shore"))
        self.assertIn("complete -c shore", self.text("/usr/share/fish/vendor_completions.d/shore.fish"))

    def test_below_usr_local_zsh_has_another_place_and_the_unit_another_program(self):
        self.install("/usr/local")
        self.assertTrue(os.path.exists(self.path("/usr/local/share/zsh/site-functions/_shore")))
        unit = self.text("/usr/local/lib/systemd/system/shored.service")
        self.assertIn("ExecStart=/usr/local/bin/shore daemon", unit)


if __name__ == "__main__":
    unittest.main()
