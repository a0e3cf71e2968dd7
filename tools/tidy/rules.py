"""The house rules that a program can see. Each rule is a function from a Source (or the whole tree) to findings.

A line may break a rule when a comment on it, or on the line before, says why:
    // tidy-allow(columns): the table of RFC 9110 reads better unbroken
"""

import re
from dataclasses import dataclass

COLUMNS_MAX = 100
HEADER_LINES_MAX = 300
SOURCE_LINES_MAX = 800
FUNCTION_LINES_MAX = 70

# Rank of each room. A room includes rooms of lower rank only; equal rank never includes each other.
RANKS = {
    "base": 0,
    "model": 1, "wire": 1, "os": 1,
    "observe": 2,
    "async": 3,
    "net": 4, "store": 4, "config": 4, "cache": 4,
    "gateway": 5, "supervise": 5, "certificates": 5, "release": 5, "jobs": 5, "realtime": 5, "compute": 5, "flags": 5,
    "guard": 5, "backup": 5,
    "engines": 6, "runtimes": 6, "api": 6,
    "cli": 7, "console": 7, "prove": 7,
    "shore": 8,
}
# Rank 6 sees of rank 5 only the headers that declare ports.
PORT_HEADER = "ports.h"
# Rank 7 acts from outside: values, wire formats, connections (and the tasks these return) and the API's description.
OUTSIDE_RANK = 7
OUTSIDE_ROOMS = {"base", "model", "wire", "async", "net"}
OUTSIDE_HEADERS = {"api/description.h"}

# Headers that cost seconds to compile: in sources only.
HEAVY = re.compile(r"<(?:boost/|yaml-cpp/|openssl/|sqlite3\.h|CLI/|re2/|nghttp2/|zstd\.h|zlib\.h|gtest/|gmock/|"
                   r"benchmark/|regex|iostream)")


@dataclass(frozen=True, order=True)
class Finding:
    path: str
    line: int
    rule: str
    message: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.rule}: {self.message}"


def _matches(source, pattern, text=None):
    """(line, match) for each occurrence of `pattern` in the code (or `text`) of `source`."""
    text = source.code if text is None else text
    for match in re.finditer(pattern, text, re.MULTILINE):
        yield text.count("\n", 0, match.start()) + 1, match


# --- any text file

def columns(source):
    """Lines are at most 100 columns wide; lines with a link and inside raw string literals may pass."""
    if source.suffix not in (".h", ".cc", ".py", ".mjs", ".js"):
        return
    limit = COLUMNS_MAX if source.is_cpp else 120
    for number, line in enumerate(source.lines, 1):
        if len(line) > limit and "://" not in line and not (source.is_cpp and number in source.raw_string_lines):
            yield Finding(source.path, number, "columns", f"{len(line)} columns; the limit is {limit}")


def file_size(source):
    """Headers have at most 300 lines, sources 800."""
    if source.suffix not in (".h", ".cc", ".py", ".mjs"):
        return
    limit = HEADER_LINES_MAX if source.suffix == ".h" else SOURCE_LINES_MAX
    if len(source.lines) > limit:
        yield Finding(source.path, limit + 1, "file-size",
                      f"{len(source.lines)} lines; the limit is {limit}: split it by idea")


# In two pieces, so that this file does not find itself.
_UNFINISHED = re.compile(r"\b(?:FIX" r"ME|XX" r"X|HA" r"CK|TO" r"DO|DISA" r"BLED_\w*|GTEST_" r"SKIP)\b")
_SKIPPED = re.compile(r"(?:@unittest\.sk" r"ip|\.sk" r"ipTest\(|\b(?:test|it|describe)\.(?:sk" r"ip|to" r"do)\b)")


def unfinished(source):
    """Nothing is put off in the text: no marks of unfinished work, no tests switched off."""
    for number, line in enumerate(source.lines, 1):
        match = _UNFINISHED.search(line)
        if not match and source.suffix in (".py", ".mjs", ".js"):
            match = _SKIPPED.search(line)
        if match:
            yield Finding(source.path, number, "unfinished", f'"{match.group()}": finish it or take it out')


# --- C++

def function_size(source):
    """Functions have at most 70 lines."""
    if not source.is_cpp:
        return
    for function in source.functions:
        if function.length > FUNCTION_LINES_MAX:
            yield Finding(source.path, function.first_line, "function-size",
                          f"{function.name} has {function.length} lines; the limit is {FUNCTION_LINES_MAX}")


_BANNED = [
    (r"\bthrow\b(?!\s*\()|\bthrow\s*\(", "throw: return a Result"),
    (r"\bstd::w?(?:cout|cerr|clog|cin)\b", "iostream: write through fmt or os"),
    (r"\bstd::w?regex\b", "std::regex: use RE2"),
    (r"(?:\.|->)detach\s*\(", "detach: something must own and stop it"),
    (r"\bthis_thread::sleep|\busleep\s*\(|\bnanosleep\s*\(|(?<!\w)::sleep\s*\(|(?<![\w.>:])sleep\s*\(\s*\d",
     "a sleeping thread: wait for the event, on the loop"),
    (r"\busing\s+namespace\b", "using namespace: name what is used"),
    (r"(?<![\w.>])(?:s?rand|rand_r)\s*\(", "rand: take a base::Random"),
    (r"(?<![\w.>:])(?:std::|::)?(?:strcpy|strcat|sprintf|vsprintf|gets)\s*\(", "unbounded copy"),
    ]
_BANNED_OUTSIDE_TESTS = [(r"(?<![\w.>])(?:std::|::)?(?:system|popen)\s*\(", "a shell: use os::Process")]


def banned_calls(source):
    """What the house does without: exceptions, streams, sleeps, detached work, shells."""
    if not source.is_cpp:
        return
    for pattern, message in _BANNED + ([] if source.is_test else _BANNED_OUTSIDE_TESTS):
        for line, _ in _matches(source, pattern):
            yield Finding(source.path, line, "banned", message)
    for line, include in source.includes:
        if include in ("<iostream>", "<regex>"):
            yield Finding(source.path, line, "banned", f"{include} is not used here")


def raw_memory(source):
    """No raw new and delete: unique_ptr owns. Allowed: placement new, the operators themselves, and a unique_ptr made
    of a new object whose constructor is private (static open() functions)."""
    if not source.room or not source.is_cpp:
        return
    allowed = r"((?:unique_ptr<[^;()]*>|\bPointer)\s*\w*\(\s*)new\b|^[ \t]*#.*$"
    owned = re.sub(allowed, r"\1   ", source.code, flags=re.MULTILINE)
    for line, _ in _matches(source, r"(?<!operator )\bnew\b(?!\s*\()", owned):
        yield Finding(source.path, line, "raw-memory", "new: use std::make_unique or a container")
    for line, _ in _matches(source, r"(?<!operator )(?<!= )(?<!=)\bdelete\b", owned):
        yield Finding(source.path, line, "raw-memory", "delete: let an owner do it")


def environment(source):
    """Only shore/ reads the environment; everyone else takes values."""
    if source.is_cpp and source.room not in ("", "shore"):
        for line, _ in _matches(source, r"\b(?:secure_)?getenv\s*\("):
            yield Finding(source.path, line, "environment", "getenv belongs to shore/: take the value as a parameter")


def raw_errno(source):
    """errno is read where system calls are made (os) and right after socket calls (async, net)."""
    if source.is_cpp and source.room not in ("", "os", "async", "net"):
        for line, _ in _matches(source, r"\berrno\b(?!_)"):
            yield Finding(source.path, line, "errno", "errno belongs to os (async and net after socket calls)")


def pragma_once(source):
    """A header's first line of code is #pragma once."""
    if source.suffix == ".h":
        code = [line.strip() for line in source.code.split("\n") if line.strip()]
        if not code or code[0] != "#pragma once":
            yield Finding(source.path, 1, "pragma-once", "the first line of code must be #pragma once")


def include_style(source, headers):
    """Own header first; own headers by full path from src; heavy libraries in sources only."""
    if not source.room or source.suffix not in (".h", ".cc"):
        return
    own = re.sub(r"(?:_test)?\.cc$", ".h", source.path.removeprefix("src/"))
    if source.suffix == ".cc" and own in headers and source.includes:
        line, first = source.includes[0]
        if first != f'"{own}"':
            yield Finding(source.path, line, "own-header-first", f'the first include must be "{own}"')
    for line, include in source.includes:
        name = include[1:-1]
        from_test_support = source.is_test and name.startswith("support/")
        if include[0] == '"' and name not in headers and not from_test_support:
            yield Finding(source.path, line, "include-path", f"{include}: give the full path from src")
        if include[0] == "<" and name in headers:
            yield Finding(source.path, line, "include-path", f"{include} is ours: use quotes")
        if source.suffix == ".h" and not source.is_test and HEAVY.match(include):
            yield Finding(source.path, line, "heavy-include", f"{include} belongs in a source: headers stay cheap")


def _may_use(room, other, header, is_test=False):
    """Whether `room` may include `header` of the room `other` (empty header: link it)."""
    if room == other:
        return True
    rank, other_rank = RANKS[room], RANKS[other]
    if rank == OUTSIDE_RANK and not is_test:
        return other in OUTSIDE_ROOMS or header in OUTSIDE_HEADERS
    if rank == 6 and other_rank == 5:
        return not header or header.endswith("/" + PORT_HEADER)
    return other_rank < rank


def direction(source):
    """A room includes only rooms of lower rank; tests of rank 7 may act from inside too."""
    if not source.room:
        return
    if source.room not in RANKS:
        yield Finding(source.path, 1, "direction", f'the room "{source.room}" has no rank (tools/tidy/rules.py)')
        return
    for line, include in source.includes:
        other = include[1:-1].split("/")[0]
        if include[0] == '"' and other in RANKS and not _may_use(
                source.room, other, include[1:-1], source.is_test):
            yield Finding(source.path, line, "direction",
                          f"{source.room} (rank {RANKS[source.room]}) may not include {other} "
                          f"(rank {RANKS[other]})")


def namespaces(source):
    """What stands in src/<room> lives in shore::<room>; main and the precompiled header live nowhere."""
    if not source.room or not source.is_cpp or re.search(r"/main(?:_\w+)?\.cc$", source.path):
        return
    own = "shore" if source.room == "shore" else f"shore::{source.room}"
    names = re.findall(r"^namespace (shore[\w:]*)", source.code, re.MULTILINE)
    if own not in names and "extern" not in source.code and not source.is_test:
        yield Finding(source.path, 1, "namespace", f"nothing here is in namespace {own}")
    for line, match in () if source.is_test else _matches(source, r"^namespace (shore::\w+::[\w:]+)"):
        yield Finding(source.path, line, "namespace", f"{match.group(1)}: one level below shore is enough")


_LAMBDA = re.compile(r"(?<![\w\])])\s*\[(?!\[)([^\[\]]*)\]\s*(?:<[^<>]*>\s*)?(?:\([^()]*(?:\([^()]*\)[^()]*)*\))?"
                     r"[^{};()]*\{")


def _closing_brace(code, opening):
    depth = 0
    for at in range(opening, len(code)):
        depth += {"{": 1, "}": -1}.get(code[at], 0)
        if depth == 0:
            return at
    return len(code)


def coroutine_lambda(source):
    """A capturing lambda is never a coroutine: its captures may die before its frame."""
    if not source.is_cpp:
        return
    code = re.sub(r"\[\[[\w:, ()]*\]\]", lambda match: " " * len(match.group()), source.code)
    # From the last to the first, so that an inner lambda is blanked before the one that holds it is judged.
    for match in reversed(list(_LAMBDA.finditer(code))):
        end = _closing_brace(code, match.end() - 1)
        body = code[match.end():end]
        if match.group(1).strip() and re.search(r"\bco_(?:await|return|yield)\b", body):
            yield Finding(source.path, source.line_of(match.end(1)), "coroutine-lambda",
                          "a capturing lambda as a coroutine: make it a named function with parameters")
        code = code[:match.end()] + re.sub(r"[^\n]", " ", body) + code[end:]


_CODE_IN_COMMENT = re.compile(r"^\s*// ?(?=\S)(?:[\w:<>,*&\[\]\. ]+\(.*\)\s*;|[\w:<>*& ]+\s=\s[^=].*;|"
                              r"(?:if|for|while|switch) \(.*\) ?\{|#include .*|\}(?: else \{)?)\s*$")


def commented_out(source):
    """Old code is in the history, not in comments. Examples stand two blanks further in."""
    if not source.is_cpp:
        return
    for number, line in enumerate(source.comments.split("\n"), 1):
        if _CODE_IN_COMMENT.match(line):
            yield Finding(source.path, number, "commented-out", "code in a comment: take it out")
    for line, _ in _matches(source, r"^[ \t]*#[ \t]*if\s+0\b"):
        yield Finding(source.path, line, "commented-out", "#if 0: take it out")


_SLEEP_IN_SCRIPT = re.compile(r"\btime\.sleep\(|\bsetTimeout\(\s*(?:resolve|r)\b|^\s*sleep \d")


def _in_waiting_loop(lines, number):
    """Whether line `number` stands directly in a `while` loop: there a pause between two looks is right."""
    indent = len(lines[number - 1]) - len(lines[number - 1].lstrip())
    for line in reversed(lines[:number - 1]):
        if line.strip() and len(line) - len(line.lstrip()) < indent:
            return line.lstrip().startswith("while ")
    return False


def sleep_in_tests(source):
    """A test waits for what it needs to see, in a loop with a deadline; another pause says on its line what for."""
    if source.path.startswith("tests/") and source.suffix in (".py", ".mjs", ".js", ".sh"):
        for number, line in enumerate(source.lines, 1):
            if (_SLEEP_IN_SCRIPT.search(line) and not re.search(r"\s(?:#|//) \w", line)
                    and not _in_waiting_loop(source.lines, number)):
                yield Finding(source.path, number, "test-sleep",
                              "wait for the state itself, in a loop with a deadline, or say what passes meanwhile")


# --- the tree

def readme_in_every_room(sources):
    """Every room has a README."""
    paths = {source.path for source in sources}
    for room in sorted({source.room for source in sources if source.room and source.is_cpp}):
        if f"src/{room}/README.md" not in paths:
            yield Finding(f"src/{room}", 1, "readme", "a room needs a README.md of at most a screen")


def link_direction(sources):
    """CMake's link lines hold the same direction as the includes."""
    for source in sources:
        if source.path != "src/CMakeLists.txt":
            continue
        for match in re.finditer(r"shore_room\(([^)]*)\)", source.text):
            words = match.group(1).split()
            line = source.line_of(match.start())
            room = words[0]
            if room not in RANKS:
                yield Finding(source.path, line, "link-direction", f'the room "{room}" has no rank')
                continue
            linked = []
            if "LINK" in words:
                for word in words[words.index("LINK") + 1:]:
                    if word.isupper():
                        break
                    linked.append(word)
            for other in linked:
                if other not in RANKS or not _may_use(room, other, "api/description.h" if other == "api" else ""):
                    yield Finding(source.path, line, "link-direction", f"{room} may not link {other}")


FILE_RULES = [columns, file_size, unfinished, function_size, banned_calls, raw_memory, environment, raw_errno,
              pragma_once, direction, namespaces, coroutine_lambda, commented_out, sleep_in_tests]
TREE_RULES = [readme_in_every_room, link_direction]

_ALLOW = re.compile(r"tidy-allow\((\w[\w-]*)\):\s*(\S.*)?")


def allowances(source):
    """{(rule, line)} that comments permit, and findings for permissions that give no reason."""
    allowed = set()
    findings = []
    for number, line in enumerate(source.lines, 1):
        for match in _ALLOW.finditer(line):
            if match.group(2) is None:
                findings.append(Finding(source.path, number, "tidy-allow", "say why after the colon"))
            allowed.update({(match.group(1), number), (match.group(1), number + 1)})
    return allowed, findings


def check(sources, without=()):
    """All findings of all rules over `sources`, in order of path and line, but for the rules named in `without`."""
    headers = {source.path.removeprefix("src/") for source in sources
               if source.path.startswith("src/") and source.suffix == ".h"}
    findings = []
    allowed = {}
    for source in sources:
        allowed[source.path], unexplained = allowances(source)
        findings += unexplained
        for rule in FILE_RULES:
            findings += rule(source)
        findings += include_style(source, headers)
    for rule in TREE_RULES:
        findings += rule(sources)
    return sorted({finding for finding in findings if finding.rule not in without
                   and (finding.rule, finding.line) not in allowed.get(finding.path, ())})
