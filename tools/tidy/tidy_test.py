#!/usr/bin/env python3
"""Each rule of tools/tidy with what it finds and what it lets pass."""

import unittest

import rules
from source import Source, functions, strip


def found(rule, path, text, headers=()):
    """The lines on which `rule` finds something in a file `path` that holds `text`."""
    source = Source(path, text)
    findings = rule(source, set(headers)) if rule is rules.include_style else rule(source)
    return [finding.line for finding in findings]


def checked(*files):
    return rules.check([Source(path, text) for path, text in files])


class Stripping(unittest.TestCase):
    def test_comments_and_literals_become_blanks_of_the_same_shape(self):
        text = 'a("x\\"y"); // note "z"\n/* b\n */ c(\'"\', 1\'000);\nauto r = R"x(throw)" )x";\n'
        code, comments = strip(text)
        self.assertEqual(len(code), len(text))
        self.assertEqual(code.count("\n"), text.count("\n"))
        for gone in ("note", " b", "throw", "x\\"):
            self.assertNotIn(gone, code)
        self.assertIn("1'000", code)
        self.assertIn("c('", code)
        self.assertIn('// note "z"', comments)

    def test_a_literal_that_never_ends_does_not_hang(self):
        for text in ('"', "'", 'R"(', "/*", "//", '"\\'):
            self.assertEqual(len(strip(text)[0]), len(text))


class FindingFunctions(unittest.TestCase):
    def names(self, text):
        return [(function.name, function.first_line, function.last_line) for function in functions(strip(text)[0])]

    def test_free_functions_methods_and_constructors(self):
        text = """namespace shore::base {
struct Point {
    int x = 0;
    int twice() const {
        return 2 * x;
    }
};
enum class Kind : uint8_t { kOne, kTwo };
constexpr std::array kUnits = {Unit{"", 0}};
Point::Point(int a)
    : x_{a}, y_(a) {
    if (a) {
        go();
    }
}
template <class T>
auto run(T&& work) -> Result<int> {
    return [&] { return 1; }();
}
}  // namespace shore::base
"""
        self.assertEqual(self.names(text),
                         [("twice", 4, 6), ("Point::Point", 10, 15), ("run", 16, 19)])

    def test_a_raw_string_ends_where_it_ends(self):
        text = 'void a() {\n    f(R"(}{ "x)");\n}\nvoid b() {\n}\n'
        self.assertEqual(self.names(text), [("a", 1, 3), ("b", 4, 5)])

    def test_operators_and_attributes(self):
        text = "class A {\n public:\n    [[nodiscard]] bool operator==(const A&) const {\n        return true;\n    }\n};\n"
        self.assertEqual([(first, last) for _, first, last in self.names(text)], [(3, 5)])

    def test_macros_that_open_a_body(self):
        self.assertEqual(self.names("TEST(Subject, Says) {\n    check();\n}\n"), [("TEST", 1, 3)])

    def test_default_arguments_do_not_hide_a_function(self):
        self.assertEqual(self.names("int f(int a = 3,\n      B b = {}) {\n    return a;\n}\n")[-1][2], 4)


class SizeRules(unittest.TestCase):
    def test_columns(self):
        line = "x" * 101
        self.assertEqual(found(rules.columns, "src/base/a.cc", f"ok\n{line}\n"), [2])
        self.assertEqual(found(rules.columns, "src/base/a.cc", "é" * 100), [])
        self.assertEqual(found(rules.columns, "src/base/a.cc", "// https://" + line), [])
        self.assertEqual(found(rules.columns, "docs/a.md", line), [])
        self.assertEqual(found(rules.columns, "src/base/a.cc", f'f(R"(\n{line}\n{line})");\n{line}'), [4])

    def test_file_size(self):
        self.assertEqual(found(rules.file_size, "src/base/a.h", "\n" * 300), [])
        self.assertEqual(found(rules.file_size, "src/base/a.h", "\n" * 301), [301])
        self.assertEqual(found(rules.file_size, "src/base/a.cc", "\n" * 800), [])
        self.assertEqual(found(rules.file_size, "src/base/a.cc", "\n" * 801), [801])

    def test_function_size(self):
        body = "    step();\n"
        self.assertEqual(found(rules.function_size, "src/base/a.cc", "void f() {\n" + body * 68 + "}\n"), [])
        self.assertEqual(found(rules.function_size, "src/base/a.cc", "\nvoid f() {\n" + body * 69 + "}\n"), [2])
        self.assertEqual(found(rules.function_size, "src/base/a.h",
                               "class A {\n" + "    void f() { g(); }\n" * 100 + "};\n"), [])


class ContentRules(unittest.TestCase):
    def test_unfinished_work(self):
        for mark in ("FIXME later", "a HACK", "TODO: x", "XXX", "TEST(A, DISABLED_Works) {", "GTEST_SKIP();"):
            self.assertEqual(found(rules.unfinished, "src/base/a.cc", f"\n// {mark}"), [2], mark)
        self.assertEqual(found(rules.unfinished, "tests/integration/a.py", '@unittest.skip("no")'), [1])
        self.assertEqual(found(rules.unfinished, "tests/clients/a.mjs", 'test.skip("no", f)'), [1])
        self.assertEqual(found(rules.unfinished, "src/base/a.cc", "skip(parts); hackneyed(); mastodon();"), [])

    def test_banned_calls(self):
        for line in ("throw Error();", "throw (Error());", "std::cout << 1;", "std::regex r;", "thread.detach();",
                     "worker->detach ();", "std::this_thread::sleep_for(1s);", "usleep(5);", "::sleep(1);",
                     "sleep(1);", "nanosleep(&t, 0);", "using namespace std;", "#include <iostream>",
                     "#include <regex>", "int r = rand();", "strcpy(a, b);", "std::sprintf(a, b);",
                     'system("ls");', 'popen("ls", "r");'):
            self.assertEqual(found(rules.banned_calls, "src/net/a.cc", f"\n{line}\n"), [2], line)
        for line in ("// throw away", 's = "throw";', "co_await sleep_for(loop, 1s);", "loop.system(1);",
                     "std::snprintf(a, 1, b);", "operand(1);", "using base::Result;", "overthrow();",
                     "file_system(path);"):
            self.assertEqual(found(rules.banned_calls, "src/net/a.cc", line), [], line)

    def test_shells_are_for_tests(self):
        self.assertEqual(found(rules.banned_calls, "src/net/a_test.cc", 'popen("curl", "r");'), [])

    def test_raw_memory(self):
        for line in ("auto* a = new Thing(1);", "delete thing;", "delete[] thing;", "int* p = new int[3];"):
            self.assertEqual(found(rules.raw_memory, "src/net/a.cc", f"#include <new>\n{line}"), [2], line)
        for line in ("A(const A&) = delete;", "new (place) Thing;", "void* operator new(size_t);",
                     "::operator delete(p);", "return std::unique_ptr<Loop>(new Loop(1));", "std::unique_ptr<A> a(new A);", "// a new day",
                     "renew(it);", "#include <new>"):
            self.assertEqual(found(rules.raw_memory, "src/net/a.cc", line), [], line)

    def test_environment(self):
        self.assertEqual(found(rules.environment, "src/net/a.cc", 'std::getenv("A");'), [1])
        self.assertEqual(found(rules.environment, "src/net/a.cc", 'secure_getenv("A");'), [1])
        self.assertEqual(found(rules.environment, "src/shore/a.cc", 'getenv("A");'), [])

    def test_errno(self):
        self.assertEqual(found(rules.raw_errno, "src/supervise/a.cc", "if (errno == EINTR) {}"), [1])
        self.assertEqual(found(rules.raw_errno, "src/supervise/a.cc", "error.errno_value(); from_errno(1);"), [])
        for room in ("os", "async", "net"):
            self.assertEqual(found(rules.raw_errno, f"src/{room}/a.cc", "return errno;"), [])

    def test_pragma_once(self):
        self.assertEqual(found(rules.pragma_once, "src/base/a.h", "// What it is.\n#pragma once\n"), [])
        self.assertEqual(found(rules.pragma_once, "src/base/a.h", "#include <map>\n#pragma once\n"), [1])
        self.assertEqual(found(rules.pragma_once, "src/base/a.h", ""), [1])
        self.assertEqual(found(rules.pragma_once, "src/base/a.cc", ""), [])

    def test_namespaces(self):
        self.assertEqual(found(rules.namespaces, "src/net/a.cc", "namespace shore::net {\n}"), [])
        self.assertEqual(found(rules.namespaces, "src/net/a.cc", "namespace shore::os {\n}"), [1])
        self.assertEqual(found(rules.namespaces, "src/net/a.cc",
                               "namespace shore::net {\n}\nnamespace shore::net::deep {\n}"), [3])
        self.assertEqual(found(rules.namespaces, "src/shore/main.cc", "int main() {}"), [])
        self.assertEqual(found(rules.namespaces, "src/net/main_test.cc", "int main() {}"), [])
        self.assertEqual(found(rules.namespaces, "src/shore/a.cc", "namespace shore {\n}"), [])
        self.assertEqual(found(rules.namespaces, "src/net/a.cc", "namespace shore {\n}"), [1])
        self.assertEqual(found(rules.namespaces, "src/net/README.md", "# net"), [])

    def test_capturing_coroutine_lambdas(self):
        for text in ("auto t = [&]() -> Task<void> {\n co_await x; };", "go([this] { co_return; });",
                     "go([a = std::move(b)](int c) mutable -> Task<int> { co_return c; });"):
            self.assertEqual(found(rules.coroutine_lambda, "src/net/a.cc", text), [1], text)
        for text in ("auto t = [](int a) -> Task<void> { co_return; };", "go([&] { return x; });",
                     "go([&] { return run([](int a) -> Task<int> { co_return a; }); });",
                     "class [[nodiscard]] A final {\n void f() { co_return; }\n};",
                     "int a[3]; Task<int> f(int b) { co_return a[b]; }",
                     "Task<void> f() { std::sort(v, [&](int a, int b) { return a < b; }); co_return; }"):
            self.assertEqual(found(rules.coroutine_lambda, "src/net/a.cc", text), [], text)

    def test_commented_out_code(self):
        for line in ("// run(1);", "    // int a = 3;", "// if (a) {", "// }", "#if 0", "// #include <map>"):
            self.assertEqual(found(rules.commented_out, "src/net/a.cc", f"\n{line}\n"), [2], line)
        for line in ("//   auto a = run(1);", "// Call run() first; then stop().", "// a < b, so it ends here.",
                     'const char* s = "// run(1);";', "#if defined(A)", "// The limit (see RFC 9112) holds."):
            self.assertEqual(found(rules.commented_out, "src/net/a.cc", line), [], line)

    def test_sleep_in_tests(self):
        self.assertEqual(found(rules.sleep_in_tests, "tests/integration/a.py", "time.sleep(1)"), [1])
        self.assertEqual(found(rules.sleep_in_tests, "tests/integration/a.sh", "sleep 1"), [1])
        self.assertEqual(found(rules.sleep_in_tests, "tests/clients/a.mjs",
                               "await new Promise((r) => setTimeout(r, 5))"), [1])
        self.assertEqual(found(rules.sleep_in_tests, "examples/a.py", "time.sleep(1)"), [])
        for text in ("while time.monotonic() < end:\n    if done():\n        return\n    time.sleep(0.02)\n",
                     "time.sleep(1)  # The load runs on."):
            self.assertEqual(found(rules.sleep_in_tests, "tests/integration/a.py", text), [], text)
        self.assertEqual(found(rules.sleep_in_tests, "tests/a.py", "while True:\n    if a:\n        time.sleep(1)\n"), [3])


class IncludeRules(unittest.TestCase):
    HEADERS = ("net/a.h", "base/error.h")

    def test_own_header_first(self):
        good = '#include "net/a.h"\n\n#include <map>\n'
        bad = '#include <map>\n#include "net/a.h"\n'
        for path in ("src/net/a.cc", "src/net/a_test.cc"):
            self.assertEqual(found(rules.include_style, path, good, self.HEADERS), [])
            self.assertEqual(found(rules.include_style, path, bad, self.HEADERS), [1])
        self.assertEqual(found(rules.include_style, "src/net/main.cc", bad, self.HEADERS), [])

    def test_full_paths_and_quotes(self):
        self.assertEqual(found(rules.include_style, "src/net/b.cc", '#include "a.h"\n', self.HEADERS), [1])
        self.assertEqual(found(rules.include_style, "src/net/b.cc", "#include <base/error.h>\n", self.HEADERS), [1])
        support = '#include "support/load.h"\n'
        self.assertEqual(found(rules.include_style, "src/net/b.cc", support, self.HEADERS), [1])
        self.assertEqual(found(rules.include_style, "src/net/b_test.cc", support, self.HEADERS), [])

    def test_heavy_libraries_stay_out_of_headers(self):
        for include in ("<boost/json.hpp>", "<openssl/ssl.h>", "<sqlite3.h>", "<yaml-cpp/yaml.h>", "<CLI/CLI.hpp>"):
            self.assertEqual(found(rules.include_style, "src/net/b.h", f"#include {include}\n"), [1])
            self.assertEqual(found(rules.include_style, "src/net/b.cc", f"#include {include}\n"), [])
        for test in ("src/net/fake_b.h", "src/net/b_fixture_test.h"):
            self.assertEqual(found(rules.include_style, test, "#include <gtest/gtest.h>\n"), [])


class DirectionRules(unittest.TestCase):
    def allowed(self, room, header):
        return not found(rules.direction, f"src/{room}/x.cc", f'#include "{header}"\n')

    def test_only_lower_ranks(self):
        self.assertTrue(self.allowed("net", "async/task.h"))
        self.assertTrue(self.allowed("net", "net/socket.h"))
        self.assertFalse(self.allowed("async", "net/socket.h"))
        self.assertFalse(self.allowed("base", "model/event.h"))

    def test_equal_ranks_do_not_know_each_other(self):
        self.assertFalse(self.allowed("model", "wire/http1.h"))
        self.assertFalse(self.allowed("gateway", "release/ports.h"))

    def test_rank_6_sees_the_port_headers_of_rank_5(self):
        self.assertTrue(self.allowed("api", "release/ports.h"))
        self.assertFalse(self.allowed("api", "release/plan.h"))

    def test_rank_7_acts_from_outside(self):
        for header in ("model/event.h", "wire/json.h", "net/client.h", "base/error.h", "api/description.h"):
            self.assertTrue(self.allowed("cli", header), header)
        for header in ("api/server.h", "store/database.h", "release/plan.h", "config/load.h", "os/fd.h"):
            self.assertFalse(self.allowed("cli", header), header)

    def test_tests_of_rank_7_see_every_lower_rank(self):
        self.assertEqual(found(rules.direction, "src/cli/x_test.cc", '#include "os/fd.h"\n'), [])
        self.assertEqual(found(rules.direction, "src/cli/x_test.cc", '#include "shore/daemon.h"\n'), [1])

    def test_the_assembly_sees_everything(self):
        for header in ("api/server.h", "cli/verbs.h", "release/plan.h", "base/error.h"):
            self.assertTrue(self.allowed("shore", header), header)

    def test_a_room_without_rank_is_named(self):
        self.assertFalse(self.allowed("attic", "base/error.h"))

    def test_link_lines(self):
        def links(text):
            return [finding.line for finding in rules.link_direction([Source("src/CMakeLists.txt", text)])]

        self.assertEqual(links("shore_room(net LINK base os async LIBRARIES OpenSSL::SSL)\n"), [])
        self.assertEqual(links("\nshore_room(os LINK base net)\n"), [2])
        self.assertEqual(links("shore_room(gateway LINK base\n    release)\n"), [1])
        self.assertEqual(links("shore_room(cli LINK base model store)\n"), [1])
        self.assertEqual(links("shore_room(attic LINK base)\n"), [1])


class TreeRules(unittest.TestCase):
    def test_every_room_has_a_readme(self):
        code = ("src/net/a.cc", "namespace shore::net {\n}\n")
        self.assertEqual([finding.rule for finding in checked(code)], ["readme"])
        self.assertEqual(checked(code, ("src/net/README.md", "# net\n")), [])

    def test_a_reason_allows_a_line(self):
        head = "namespace shore::net {\n}\n"
        readme = ("src/net/README.md", "# net\n")
        bad = ("src/net/a.cc", head + "usleep(1);\n")
        self.assertEqual([finding.rule for finding in checked(bad, readme)], ["banned"])
        before = ("src/net/a.cc", head + "// tidy-allow(banned): the kernel needs a moment\nusleep(1);\n")
        self.assertEqual(checked(before, readme), [])
        beside = ("src/net/a.cc", head + "usleep(1);  // tidy-allow(banned): the kernel needs a moment\n")
        self.assertEqual(checked(beside, readme), [])
        other = ("src/net/a.cc", head + "usleep(1);  // tidy-allow(columns): wrong rule\n")
        self.assertEqual([finding.rule for finding in checked(other, readme)], ["banned"])
        silent = ("src/net/a.cc", head + "usleep(1);  // tidy-allow(banned):\n")
        self.assertEqual([finding.rule for finding in checked(silent, readme)], ["tidy-allow"])

    def test_a_rule_can_be_left_out(self):
        bad = [Source("src/net/a.cc", "namespace shore::net {\n}\nusleep(1);\n"), Source("src/net/README.md", "")]
        self.assertEqual(rules.check(bad, without=["banned"]), [])


if __name__ == "__main__":
    unittest.main()
