#!/usr/bin/env python3
"""Every header compiles alone: headers.py COMPILER CACHE_FILE

Headers that passed before and did not change since (nor anything of ours that they include) are not compiled again.
"""

import hashlib
import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src"
FLAGS = ["-std=c++23", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-Wno-pragma-once-outside-header",
         "-Wno-missing-field-initializers", "-Wno-missing-designated-field-initializers", f"-I{SRC}", f"-I{ROOT}/tests",
         "-isystem/usr/include/postgresql", "-xc++"]


@cache
def parts_of(header):
    """The header and all of our headers that it includes, however deep."""
    found = {header}
    for name in re.findall(r'^\s*#\s*include\s*"([^"]+)"', header.read_text(encoding="utf-8"), re.MULTILINE):
        if (SRC / name).is_file() and SRC / name not in found:
            found |= parts_of(SRC / name)
    return frozenset(found)


def digest(compiler, header):
    sha = hashlib.sha256(" ".join([compiler, *FLAGS]).encode())
    for part in sorted(parts_of(header)):
        sha.update(part.read_bytes())
    return sha.hexdigest()


def main():
    compiler, cache_file = sys.argv[1], Path(sys.argv[2])
    known = json.loads(cache_file.read_text()) if cache_file.is_file() else {}
    headers = sorted(SRC.glob("*/*.h"))
    digests = {str(header.relative_to(SRC)): digest(compiler, header) for header in headers}
    due = [name for name, value in digests.items() if known.get(name) != value]

    def compile_alone(name):
        return name, subprocess.run([compiler, *FLAGS, SRC / name], capture_output=True, text=True, check=False)

    failed = []
    with ThreadPoolExecutor(max_workers=2) as pool:
        for name, result in pool.map(compile_alone, due):
            if result.returncode:
                failed.append(name)
                print(f"src/{name} does not compile alone:\n{result.stderr}")
    passed = {name: value for name, value in digests.items() if name not in failed}
    cache_file.write_text(json.dumps(passed, indent=1))
    print(f"{len(headers)} headers, {len(due)} compiled, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
