"""What `meson install` lays down, and whether somebody else's program can be made with it."""

import glob
import os
import re
import shutil
import subprocess

from harness.registry import check, check_equal, test

EXPECTED = ("bin/millraced", "bin/millracectl", "bin/millrace-run", "bin/millrace-bench",
            "bin/mr-echo", "include/millrace.h", "include/millrace_parameters.h", "include/millrace_paths.h",
            "include/millrace/sctp.h", "share/man/man1/millrace-run.1",
            "share/man/man1/millrace-bench.1", "share/man/man3/millrace-sctp.3",
            "share/man/man5/millraced.toml.5",
            "share/man/man8/millraced.8", "share/man/man8/millracectl.8")
ROOT = os.path.join(os.path.dirname(__file__), *[os.pardir] * 3)


class Installed:
    """The build directory's programs under a folder of their own; nothing is compiled for it."""

    def __init__(self, rig):
        self.rig = rig
        self.folder = rig.file("installed")
        self._run("meson", "install", "-C", rig.programs.build, "--no-rebuild", "--destdir",
                  self.folder)
        programs = glob.glob(f"{self.folder}/**/bin/millraced", recursive=True)
        check_equal(len(programs), 1, "millraced in what was installed")
        self.prefix = os.path.dirname(os.path.dirname(programs[0]))
        descriptions = glob.glob(f"{self.prefix}/lib/**/pkgconfig/millrace.pc", recursive=True)
        check_equal(len(descriptions), 1, "millrace.pc")
        self.libraries = os.path.dirname(os.path.dirname(descriptions[0]))

    def _run(self, *command, **options):
        done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
        check_equal(done.returncode, 0, f"{command}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.stdout

    def flags(self, package):
        environment = dict(os.environ, PKG_CONFIG_LIBDIR=f"{self.libraries}/pkgconfig",
                           PKG_CONFIG_SYSROOT_DIR=self.folder)
        return self._run("pkg-config", "--cflags", "--libs", package, env=environment).split()

    def compile(self, compiler, package, *sources):
        """With sources that are copied away, so that they find no header of the tree beside them."""
        folder = self.rig.file(f"sources-{package}")
        os.mkdir(folder)
        for source in sources:
            shutil.copy(os.path.join(ROOT, "api/examples", source), folder)
        program = os.path.join(folder, "program")
        self._run(*compiler, "-o", program, os.path.join(folder, sources[0]), *self.flags(package))
        used = self._run("ldd", program, env={"LD_LIBRARY_PATH": self.libraries})
        check(f"{self.libraries}/lib{package}.so" in used, f"another library is used:\n{used}")
        return program


def check_complete(prefix):
    missing = [path for path in EXPECTED if not os.path.isfile(os.path.join(prefix, path))
               and not os.path.isfile(os.path.join(prefix, path + ".gz"))]
    check_equal(missing, [], "files that are not installed")


def check_headers_stand_alone(prefix):
    for header in glob.glob(f"{prefix}/include/**/*.h", recursive=True):
        with open(header, encoding="utf-8") as file:
            for name in re.findall(r'#\s*include "([^"]+)"', file.read()):
                check(os.path.isfile(os.path.join(prefix, "include", name)) or
                      os.path.isfile(os.path.join(os.path.dirname(header), name)),
                      f"{header} includes {name}, which is not installed")


@test("what is installed is complete, and programs are made with it and run")
def installed(rig):
    tree = Installed(rig)
    check_complete(tree.prefix)
    check_headers_stand_alone(tree.prefix)
    echo = tree.compile(["c++", "-std=c++20"], "millrace", "mr_echo.cc", "arguments.h",
                        "complaint.h", "outbox.h", "stop.h")
    ping = tree.compile(["cc", "-std=c11"], "millrace-sctp", "mr_sctp_ping.c")
    (near, _), (far, _) = rig.engine_pair()
    paths = {"LD_LIBRARY_PATH": tree.libraries}
    server = rig.spawn([echo, "--socket", far.applications_socket, "--port", "5000"], "echo",
                       environment=paths)
    server.wait_for("ready")
    client = rig.spawn([ping, "10.20.0.2", "5000", "100"], "ping",
                       environment={**paths, "MILLRACE_SOCKET": near.applications_socket})
    check_equal(client.wait(20), 0, f"{client.describe()}; status")
    check("100 of 100 answered" in client.output(), client.describe())
