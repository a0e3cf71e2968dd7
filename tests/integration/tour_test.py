#!/usr/bin/env python3
"""Runs every command of the README's tour and of docs/operating: the ```sh blocks, in order, as a shell would.

Each page gets a copy of the example and a state directory of its own. The pages say port 8080; here it is a free one.
"""

import re
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from shore_under_test import BINARY, SOURCE, Shore, ShoreTest  # noqa: E402

SOURCE = Path(SOURCE)
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


def commands_of(page):
    return "".join(BLOCK.findall((SOURCE / page).read_text(encoding="utf-8")))


class TourTest(ShoreTest):
    def run_page(self, page, begin_in_example=True):
        shore = self.shore
        root = Path(shore.root) / "shore"
        shutil.copytree(SOURCE / "examples" / "shop", root / "examples" / "shop")
        (root / "build").mkdir()
        (root / "build" / "shore").symlink_to(Path(BINARY).resolve())
        example = root / "examples" / "shop"
        shore.manifest = str(example / "compose.yaml")
        with open(example / "compose.yaml", "a", encoding="utf-8") as manifest:
            manifest.write(f"\nx-shore:\n  gateway: {{listen: ['http://127.0.0.1:{shore.port}']}}\n"
                           f"  ports: {{range: '{shore.range_first}-{shore.range_first + 899}'}}\n")
        commands = commands_of(page).replace("localhost:8080", f"127.0.0.1:{shore.port}")
        self.assertTrue(commands, f"{page} has no sh blocks")
        if begin_in_example:
            commands = "shore up\n" + commands
        script = "set -euo pipefail\n" + commands
        done = subprocess.run(
            ["bash", "-c", script], cwd=example if begin_in_example else root, capture_output=True, text=True,
            timeout=150, stdin=subprocess.DEVNULL, check=False,
            env={"PATH": f"{root}/build:/usr/local/bin:/usr/bin:/bin", "HOME": shore.root, "SHORE_STATE": shore.state})
        self.assertEqual(done.returncode, 0, f"{page}\n{done.stdout}\n{done.stderr}\n{shore.daemon_log()}")
        return done

    def test_readme(self):
        done = self.run_page("README.md", begin_in_example=False)
        self.assertIn('"instance"', done.stdout)
        self.assertIn("refused, as it should be", done.stdout)
        self.assertEqual(self.shore.status()["stacks"], [])


def add_page(page):
    def test(self):
        self.run_page(f"docs/operating/{page.name}")

    setattr(TourTest, f"test_operating_{page.stem}", test)


for found in sorted((SOURCE / "docs" / "operating").glob("*.md")):
    if BLOCK.search(found.read_text(encoding="utf-8")):
        add_page(found)


if __name__ == "__main__":
    unittest.main()
