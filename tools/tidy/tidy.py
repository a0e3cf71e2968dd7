#!/usr/bin/env python3
"""The style and direction checker: prints broken rules as path:line: rule: message; exits 1 when there is one.

Run it from anywhere in the repository; "--without RULE" leaves a rule out. The rules are in rules.py, each with its
test in tidy_test.py.
"""

import subprocess
import sys
from pathlib import Path

from rules import check
from source import Source

ROOT = Path(__file__).resolve().parents[2]
SUFFIXES = (".h", ".cc", ".py", ".mjs", ".js", ".sh", ".cmake", ".md", ".yaml", ".yml")
NAMES = ("CMakeLists.txt", "Makefile")
# Bytes made for parsers to choke on, and texts that are not ours.
SKIPPED = ("tests/fuzz/", "tests/fixtures/", "tools/tidy/tidy_test.py")


def tracked_files():
    """Paths of the files git knows or would add, relative to the root; a tree without git is walked."""
    listing = subprocess.run(["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                             capture_output=True, text=True, check=False)
    if listing.returncode == 0:
        return [path for path in listing.stdout.split("\0") if path]
    skipped = {"build", ".git", "node_modules", "__pycache__"}
    return [str(path.relative_to(ROOT)) for path in ROOT.rglob("*")
            if path.is_file() and not skipped & set(path.relative_to(ROOT).parts)]


def main():
    without = sys.argv[2:] if sys.argv[1:2] == ["--without"] else []
    sources = []
    for path in sorted(set(tracked_files())):
        wanted = path.endswith(SUFFIXES) or path.rsplit("/", 1)[-1] in NAMES
        if wanted and not (path.startswith(SKIPPED) and not path.endswith(".cc")) and (ROOT / path).is_file():
            sources.append(Source(path, (ROOT / path).read_text(encoding="utf-8")))
    findings = check(sources, without)
    for finding in findings:
        print(finding)
    print(f"tidy: {len(sources)} files, {len(findings)} findings", file=sys.stderr)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
