"""A C++ source as the rules see it: its lines, its code without comments and literals, its functions."""

import re
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Function:
    """A function with a body, outermost only: lambdas count as part of what holds them."""

    name: str
    first_line: int
    last_line: int

    @property
    def length(self):
        return self.last_line - self.first_line + 1


_RAW_STRING = re.compile(r'(?:u8|u|U|L)?R"([^()\\\s]{0,16})\(')


def _literal_end(text, start):
    """Index after the string or character literal that opens at `start`."""
    quote = text[start]
    at = start + 1
    while at < len(text) and text[at] != quote and text[at] != "\n":
        at += 2 if text[at] == "\\" else 1
    return at + 1


def strip(text):
    """Splits `text` into code and comments, each of the same length and lines; the rest is blanks."""
    code = []
    comments = []
    at = 0

    def take(end, to_code, to_comments):
        nonlocal at
        for char in text[at:end]:
            blank = "\n" if char == "\n" else " "
            code.append(char if to_code else blank)
            comments.append(char if to_comments else blank)
        at = end

    while at < len(text):
        char = text[at]
        if text.startswith("//", at):
            end = text.find("\n", at)
            take(len(text) if end < 0 else end, False, True)
        elif text.startswith("/*", at):
            end = text.find("*/", at + 2)
            take(len(text) if end < 0 else end + 2, False, True)
        elif (raw := _RAW_STRING.match(text, at)) and not (at and (text[at - 1].isalnum() or text[at - 1] == "_")):
            close = ")" + raw.group(1) + '"'
            end = text.find(close, raw.end())
            end = len(text) if end < 0 else end
            take(raw.end(), True, False)
            take(end, False, False)
            take(min(end + len(close), len(text)), True, False)
        elif char == '"' or (char == "'" and not (at and (text[at - 1].isalnum() or text[at - 1] == "_"))):
            end = min(_literal_end(text, at), len(text))
            take(at + 1, True, False)
            take(max(at, end - 1), False, False)
            take(end, True, False)
        else:
            take(at + 1, True, False)
    return "".join(code), "".join(comments)


_TYPE = re.compile(r"^(?:template\s*<.*>\s*)?(?:class|struct|union|enum)\b[^()=]*$", re.DOTALL)
_NAMESPACE = re.compile(r"\bnamespace\b[^()=;]*$|\bextern\s*\"\s*\"\s*$")
_CONSTRUCTOR_INITIALISERS = re.compile(r"\)\s*(?:noexcept\s*)?:(?!:)")
_NAME = re.compile(r"([\w~:]+(?:<[^()]*>)?|operator\s*\S+)\s*\(")


def _kind(statement, enclosing):
    """What the brace after `statement` opens: namespace, type, function, or anything else."""
    statement = re.sub(r"\[\[.*?\]\]", "", statement).strip()
    statement = re.sub(r"^(?:public|private|protected)\s*:", "", statement).strip()
    if _NAMESPACE.search(statement):
        return "namespace"
    if enclosing not in ("namespace", "type"):
        return "block"
    if _TYPE.match(statement) or re.match(r"(?:alignas\([^)]*\)\s*)?(?:class|struct|union)\b[^()]*$", statement):
        return "type"
    if re.match(r"(?:class|struct)\s+alignas\s*\([^)]*\)[^()]*$", statement):
        return "type"
    if ")" not in statement:
        return "block"
    if re.search(r"(?<![=!<>])=(?!=)", re.sub(r"\([^()]*\)|operator\s*[=!<>]+", "", statement)):
        return "block"
    if _CONSTRUCTOR_INITIALISERS.search(statement) and re.search(r"[\w>]$", statement):
        return "initialiser"
    return "function"


def functions(code):
    """Every outermost function body in `code` (comments and literals already blank)."""
    code = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda match: re.sub(r"[^\n]", " ", match.group()), code,
                  flags=re.MULTILINE)
    found = []
    stack = ["namespace"]
    opened = []
    start = 0  # Of the statement under way.
    for at, char in enumerate(code):
        if char == "{":
            kind = _kind(code[start:at], stack[-1])
            stack.append(kind)
            opened.append((start, at))
            if kind not in ("initialiser",):
                start = at + 1
        elif char == "}" and opened:
            kind = stack.pop()
            begin, brace = opened.pop()
            if kind == "initialiser":
                continue
            if kind == "function":
                begin += len(code[begin:brace]) - len(code[begin:brace].lstrip())
                head = re.sub(r"^(?:public|private|protected)\s*:\s*", "", code[begin:brace])
                begin = brace - len(head)
                name = _NAME.search(head)
                found.append(Function(name.group(1).strip() if name else "?", code.count("\n", 0, begin) + 1,
                                      code.count("\n", 0, at) + 1))
            start = at + 1
        elif char == ";" and stack[-1] in ("namespace", "type"):
            start = at + 1
    return found


class Source:
    """One file below the root; `path` is relative to it, with forward slashes."""

    def __init__(self, path, text):
        self.path = path
        self.text = text
        self.lines = text.split("\n")
        if self.lines and not self.lines[-1]:
            self.lines.pop()

    @property
    def suffix(self):
        name = self.path.rsplit("/", 1)[-1]
        return name[name.rfind("."):] if "." in name else ""

    @property
    def is_cpp(self):
        return self.suffix in (".h", ".cc")

    @property
    def is_test(self):
        """A test, its fixture or a test's double."""
        return bool(re.search(r"_test\.(?:cc|h)$|/(?:fake_\w+|fakes|test_\w+|\w*fixture)\.(?:cc|h)$", self.path))

    @property
    def room(self):
        """The room of a file in src/<room>/, else the empty string."""
        parts = self.path.split("/")
        return parts[1] if len(parts) == 3 and parts[0] == "src" else ""

    @cached_property
    def _stripped(self):
        return strip(self.text)

    @property
    def code(self):
        return self._stripped[0]

    @property
    def comments(self):
        return self._stripped[1]

    @cached_property
    def raw_string_lines(self):
        """Numbers of the lines that hold a part of a raw string literal."""
        numbers = set()
        for match in _RAW_STRING.finditer(self.text):
            end = self.text.find(")" + match.group(1) + '"', match.end())
            numbers.update(range(self.line_of(match.start()), self.line_of(max(end, match.start())) + 1))
        return numbers

    @cached_property
    def functions(self):
        return functions(self.code)

    @cached_property
    def includes(self):
        """(line, "path" or <path> with its marks) of each include."""
        pattern = re.compile(r'\s*#\s*include\s*(["<][^">]+[">])')
        return [(number, match.group(1)) for number, line in enumerate(self.lines, 1)
                if (match := pattern.match(line))]

    def line_of(self, offset):
        return self.text.count("\n", 0, offset) + 1
