"""Tests of scripts/lint: for each rule a tree that must fail, and one that must pass."""
import json
import pathlib
import subprocess
import tempfile
import unittest

LINT = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "lint"
RATCHET = {"file_lines": {"limit": 20, "exceptions": {}},
           "function_lines": {"limit": 5, "exceptions": {}}}


class LintTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        self.ratchet(RATCHET)

    def ratchet(self, value):
        self.write("scripts/lint_rules/ratchet.json", json.dumps(value))

    def write(self, path, text):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def lint(self, *arguments):
        run = subprocess.run([LINT, "--root", self.root, *arguments],
                             capture_output=True, text=True, check=False)
        self.assertEqual(run.stderr, "")
        return run.returncode, run.stdout

    def accepts(self, path, text):
        self.write(path, text)
        code, output = self.lint("--no-format")
        self.assertEqual(code, 0, output)

    def rejects(self, rule, path, text, line=1):
        self.write(path, text)
        code, output = self.lint("--no-format")
        self.assertEqual(code, 1, "lint accepted: " + text)
        self.assertIn(f"{path}:{line}: {rule}: ", output)


class Layers(LintTest):
    def test_a_layer_includes_what_it_stands_on(self):
        self.write("engine/base/time.h", "#pragma once\n")
        self.write("engine/assoc/rx/tracker.h", '#include "engine/base/time.h"\n')
        self.accepts("engine/assoc/association.h", '#include "engine/assoc/rx/tracker.h"\n')

    def test_a_layer_does_not_include_what_stands_on_it(self):
        self.write("engine/shard/table.h", "#pragma once\n")
        self.rejects("layer", "engine/assoc/association.h", '#include "engine/shard/table.h"\n')

    def test_layers_beside_each_other_do_not_see_each_other(self):
        self.write("engine/net/port.h", "#pragma once\n")
        self.rejects("layer", "engine/ipc/ring.h", '\n#include "engine/net/port.h"\n', line=2)

    def test_rx_and_tx_do_not_include_each_other(self):
        self.write("engine/assoc/tx/queue.h", "#pragma once\n")
        self.rejects("layer", "engine/assoc/rx/tracker.h", '#include "engine/assoc/tx/queue.h"\n')

    def test_rx_does_not_reach_tx_through_a_third_header(self):
        self.write("engine/assoc/tx/queue.h", "#pragma once\n")
        self.write("engine/assoc/state.h", '#include "engine/assoc/tx/queue.h"\n')
        self.rejects("layer", "engine/assoc/rx/tracker.h", '#include "engine/assoc/state.h"\n')

    def test_a_path_sees_neither_rx_nor_tx(self):
        self.write("engine/assoc/rx/tracker.h", "#pragma once\n")
        self.rejects("layer", "engine/assoc/path/rto.h", '#include "engine/assoc/rx/tracker.h"\n')

    def test_the_library_of_applications_does_not_see_the_wire(self):
        self.write("engine/wire/chunk.h", "#pragma once\n")
        self.rejects("layer", "api/millrace.cc", '#include "engine/wire/chunk.h"\n')

    def test_an_example_sees_what_an_application_sees(self):
        self.write("api/examples/stop.h", "#pragma once\n")
        self.accepts("api/examples/echo.cc", '#include "millrace.h"\n#include "stop.h"\n')
        self.rejects("layer", "api/examples/echo.cc", '#include "engine/ipc/ring.h"\n')

    def test_includes_are_paths_from_the_root(self):
        self.write("engine/wire/chunk.h", "#pragma once\n")
        self.rejects("layer", "engine/wire/chunk.cc", '#include "chunk.h"\n')

    def test_dpdk_stays_in_the_drivers(self):
        self.rejects("layer", "engine/lcore/poll.cc", "#include <rte_mbuf.h>\n")
        self.write("engine/lcore/poll.cc", "")
        self.accepts("drivers/port.cc", "#include <rte_mbuf.h>\n")

    def test_the_protocol_core_does_no_io(self):
        self.rejects("layer", "engine/assoc/association.cc", "#include <sys/socket.h>\n")

    def test_an_include_in_a_comment_is_none(self):
        self.accepts("engine/wire/chunk.h", "// #include <rte_mbuf.h>\n")


class Bans(LintTest):
    def test_nothing_reads_a_clock(self):
        for text in ("auto t = std::chrono::steady_clock::now();", "clock_gettime(0, &t);",
                     "auto t = time(nullptr);", "auto t = __rdtsc();"):
            self.rejects("clock", "engine/lcore/poll.cc", text)

    def test_nothing_draws_entropy(self):
        for text in ("std::random_device device;", "int n = rand();", "getrandom(p, 8, 0);"):
            self.rejects("entropy", "engine/shard/shard.cc", text)
        self.accepts("engine/shard/shard.cc", "Random& random;\nauto n = random.next();\n")

    def test_nothing_allocates_on_the_hot_path(self):
        for text in ("auto* p = new Chunk;", "void* p = malloc(8);",
                     "auto p = std::make_unique<Chunk>();"):
            self.rejects("allocation", "engine/assoc/tx/queue.cc", text)

    def test_placement_new_is_no_allocation(self):
        self.accepts("engine/assoc/tx/queue.cc", "auto* p = new (cell) Chunk;\n")

    def test_containers_that_allocate_are_banned_where_it_is_hot(self):
        text = "std::map<int, int> map;\nstd::string name;\n"
        self.rejects("container", "engine/net/routes.h", text, line=2)
        self.write("engine/net/routes.h", "std::string_view name;\n")
        self.accepts("engine/wire/render.cc", "std::string render();\n")

    def test_a_vector_that_grows_needs_a_reason(self):
        self.write("engine/shard/table.h", "class T {\n  std::vector<Cell> cells_;\n};\n")
        text = "void T::add() { cells_.push_back({}); }\n"
        self.rejects("vector-growth", "engine/shard/table.cc", text)
        self.accepts("scripts/lint_rules/allowed.txt",
                     "vector-growth engine/shard/table.cc: filled at start\n")

    def test_growth_of_what_is_no_vector_is_accepted(self):
        self.accepts("engine/shard/table.cc", "List<Cell> cells;\nvoid f() { cells.push_back(c); }\n")

    def test_an_exception_without_use_or_reason_must_go(self):
        self.rejects("allow", "scripts/lint_rules/allowed.txt", "clock engine/a.cc: gone\n")
        self.rejects("allow", "scripts/lint_rules/allowed.txt", "clock engine/a.cc\n")

    def test_no_virtual_call_in_the_protocol_core(self):
        self.rejects("virtual", "engine/assoc/association.h", "virtual void f();")

    def test_nothing_throws_in_the_engine(self):
        self.rejects("throw", "engine/ipc/ring.cc", "throw 1;")
        self.write("engine/ipc/ring.cc", "")
        self.accepts("engine/main/config.cc", "throw ConfigError(1);\n")

    def test_no_locks(self):
        self.rejects("lock", "engine/lcore/handoff.h", "std::mutex mutex_;")

    def test_the_log_belongs_to_main(self):
        self.rejects("print", "engine/lcore/poll.cc", 'spdlog::info("x");')

    def test_comments_and_literals_are_not_code(self):
        self.accepts("engine/assoc/state.cc",
                     "// never throw, no new chunk\nauto s = \"virtual \\\" rand();\";\n"
                     "int n = 1'000'000;\n/* std::mutex\n   throw */\n")


class Words(LintTest):
    def test_promises_are_rejected_in_any_file(self):
        for word in ("TO" "DO", "FIX" "ME", "XX" "X", "HA" "CK"):
            self.rejects("promise", "docs/notes.md", f"first line\n{word}: later\n", line=2)

    def test_paths_of_one_machine_are_rejected(self):
        self.rejects("machine-path", "scripts/run", "cd /wo" "rk/main\n")
        self.write("scripts/run", "")
        self.rejects("machine-path", "engine/main/main.cc", 'auto f = "/tm' 'p/millrace";\n')

    def test_a_path_that_only_ends_the_same_is_accepted(self):
        self.accepts("docs/notes.md", "build/wo" "rk/x and $HOME/wo" "rk/y\n")

    def test_a_mark_of_a_clause_has_one_form(self):
        self.accepts("engine/assoc/sack.cc", "  //= rfc9260 6.2.1\n")
        self.accepts("tests/assoc/test_sack.cc", "//= rfc9260 6.2.1 type=test\n")
        for text in ("//= RFC9260 6.2", "//= rfc9260 section 6.2", "//= rfc9260 6.2 type=test"):
            self.rejects("clause", "engine/assoc/sack.cc", text)
        self.write("engine/assoc/sack.cc", "")
        self.rejects("clause", "tests/assoc/test_sack.cc", "//= rfc9260 6.2")

    def test_registry_hosts_are_rejected(self):
        self.rejects("registry", "scripts/run", "pip install -i https://py" "pi.org/simple x\n")


class Sizes(LintTest):
    def test_a_file_over_the_limit_is_rejected(self):
        self.accepts("engine/base/a.h", "int a;\n" * 20)
        self.rejects("file-lines", "engine/base/b.h", "int a;\n" * 21)

    def test_a_function_over_the_limit_is_rejected_by_name(self):
        self.accepts("engine/base/a.cc", "int f() {\n" + "  g();\n" * 3 + "}\n")
        self.rejects("function-lines", "engine/base/a.cc",
                     "\nint f() {\n" + "  g();\n" * 4 + "}\n", line=2)

    def test_a_method_and_a_python_function_are_measured(self):
        body = "  g();\n" * 4
        self.rejects("function-lines", "engine/base/a.cc", "void A::f() {\n" + body + "}\n")
        self.write("engine/base/a.cc", "")
        self.rejects("function-lines", "tests/a.py", "def f():\n" + "    g()\n" * 6)

    def test_an_exception_may_not_grow_and_must_follow_when_it_shrinks(self):
        exceptions = {"limit": 20, "exceptions": {"engine/base/a.h": 30}}
        self.ratchet({**RATCHET, "file_lines": exceptions})
        self.accepts("engine/base/a.h", "int a;\n" * 30)
        self.rejects("file-lines", "engine/base/a.h", "int a;\n" * 31)
        self.rejects("file-lines", "engine/base/a.h", "int a;\n" * 29)
        self.assertEqual(self.lint("--lower")[0], 0)
        self.accepts("engine/base/a.h", "int a;\n" * 29)

    def test_lowering_never_raises(self):
        exceptions = {"limit": 20, "exceptions": {"engine/base/a.h": 30}}
        self.ratchet({**RATCHET, "file_lines": exceptions})
        self.write("engine/base/a.h", "int a;\n" * 40)
        self.assertEqual(self.lint("--lower")[0], 0)
        self.rejects("file-lines", "engine/base/a.h", "int a;\n" * 40)


class Manual(LintTest):
    PAGE = "docs/man/millraced.toml.5"
    CODE = "engine/main/config_sections.cc"

    def test_a_key_is_read_and_documented_or_neither(self):
        self.write(self.PAGE, ".It Cm name\n.It Cm loss , delay_us\n")
        read = 'reader.text("name", n);\nreader.choice<X>("loss", l);\nf(reader, "delay_us", d);\n'
        self.accepts(self.CODE, read)
        self.rejects("manual", self.CODE, read + 'reader.integer("mtu", m, 1, 2);\n', line=4)
        self.write(self.CODE, read)
        self.rejects("manual", self.PAGE, ".It Cm name , loss , delay_us\n.It Cm mtu\n", line=2)

    def test_commands_and_options_are_documented(self):
        page, code = "docs/man/millracectl.8", "engine/main/ctl/millracectl.cc"
        self.write(page, ".Op Fl -json\n.It Fl -json\n.It Cm status\n.It Cm top Op Fl -all\n")
        text = 'app.add_flag("--json", j);\nsub->add_flag("--all", a);\n  {"status", s},\n  {"top",\n'
        self.accepts(code, text)
        self.rejects("manual", code, text + 'app.add_option("--socket", s);\n', line=5)
        self.rejects("manual", code, text + '  {"ports", p},\n', line=5)
        self.write(code, text)
        self.rejects("manual", page, (self.root / page).read_text() + ".It Cm gone\n", line=5)


class Format(LintTest):
    def test_a_file_that_clang_format_would_change_is_rejected(self):
        self.write(".clang-format", "BasedOnStyle: Google\n")
        self.write("engine/base/a.h", "int a;\nint  b;\n")
        code, output = self.lint()
        self.assertEqual(code, 1)
        self.assertIn("engine/base/a.h:2: format: ", output)
        self.write("engine/base/a.h", "int a;\nint b;\n")
        self.assertEqual(self.lint()[0], 0)


class Options(LintTest):
    CODE = {
        "api/sockets/options.cc":
            "constexpr Options::Entry kOptions[] = {\n    {SO_TYPE, kInt, O::get_type, nullptr},\n"
            "    {SCTP_RTOINFO, kInt, O::get_rto, O::set_rto},\n};\n"
            "constexpr int kStoredIpOptions[] = {IP_TOS, IP_TTL};\n",
        "api/sockets/calls.cc":
            "\nint getsockopt(int name) {\n  if (name == SCTP_SOCKOPT_PEELOFF) peel();\n}\n"
            "\nint setsockopt(int name) {\n}\n",
        "api/millrace/sctp_options.h":
            "#pragma once\n#define SCTP_RTOINFO 0\n#define SCTP_AUTH_KEY 23\n"
            "#define SCTP_SOCKOPT_PEELOFF 102\n",
        "tests/x/test_y.cc": "// SO_TYPE SCTP_RTOINFO IP_TOS IP_TTL SCTP_SOCKOPT_PEELOFF SCTP_AUTH_KEY\n",
    }
    ROWS = ("| SO_TYPE, SCTP_SOCKOPT_PEELOFF | get | - | served | `x/test_y` |\n"
            "| SCTP_RTOINFO | both | 8.1.1 | served | `x/test_y` |\n"
            "| IP_TOS, IP_TTL | both | - | remembered | `x/test_y` |\n"
            "| SCTP_AUTH_KEY | - | 8.3.3 | ENOPROTOOPT | `x/test_y` |\n")
    PAGE = "docs/sockets.md"

    def setUp(self):
        super().setUp()
        for path, text in self.CODE.items():
            self.write(path, text)

    def test_a_table_that_says_what_the_code_does(self):
        self.accepts(self.PAGE, self.ROWS)

    def test_an_option_without_a_row(self):
        self.rejects("options", self.PAGE, self.ROWS.replace("SO_TYPE, ", ""))

    def test_an_option_that_can_only_be_got_is_not_set(self):
        self.rejects("options", self.PAGE, self.ROWS.replace("| get |", "| both |"))

    def test_an_option_that_is_refused_is_not_served(self):
        self.rejects("options", self.PAGE, self.ROWS.replace("KEY | - |", "KEY | set |"), line=4)

    def test_each_row_has_a_test(self):
        self.rejects("options", self.PAGE, self.ROWS.replace("served | `x/test_y`", "served |"))

    def test_the_test_is_there(self):
        self.rejects("options", self.PAGE, self.ROWS.replace("`x/test_y`", "`x/test_z`"))

    def test_the_test_has_the_option(self):
        self.write("tests/x/test_y.cc", "// SO_TYPE SCTP_RTOINFO IP_TOS SCTP_SOCKOPT_PEELOFF\n")
        self.rejects("options", self.PAGE, self.ROWS, line=3)


class Tidy(LintTest):
    def run_tidy(self, text):
        self.write(".clang-tidy", "Checks: '-*,bugprone-suspicious-semicolon'\n"
                   "WarningsAsErrors: '*'\n")
        self.write("engine/base/a.cc", text)
        self.write("build/compile_commands.json", json.dumps([{
            "directory": str(self.root / "build"), "file": "../engine/base/a.cc",
            "command": "c++ -std=c++20 -c ../engine/base/a.cc"}]))
        run = subprocess.run([LINT, "--root", self.root, "--tidy"],
                             capture_output=True, text=True, check=False)
        return run.returncode, run.stdout

    def test_a_finding_of_clang_tidy_fails_and_a_clean_file_passes(self):
        code, output = self.run_tidy("void g();\nvoid f(bool b) {\n  if (b);\n  g();\n}\n")
        self.assertEqual(code, 1)
        self.assertIn("bugprone-suspicious-semicolon", output)
        self.assertEqual(self.run_tidy("void g();\nvoid f(bool b) {\n  if (b) g();\n}\n")[0], 0)


class Command(LintTest):
    def test_naming_files_checks_them_alone(self):
        self.write("engine/base/bad.cc", "throw 1;")
        self.write("engine/base/good.cc", "")
        self.assertEqual(self.lint("--no-format", "engine/base/good.cc")[0], 0)
        self.assertEqual(self.lint("--no-format", "engine/base/bad.cc")[0], 1)


if __name__ == "__main__":
    unittest.main()
