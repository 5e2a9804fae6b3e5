"""Builds the guest's file system: busybox, lksctp's programs, our traffic program, modules."""

import glob
import gzip
import os
import re
import shutil
import stat
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAMS = ("sctp_test", "sctp_darn", "sctp_status", "checksctp")
# hmac: without it socket() answers ENOMEM when net.sctp.auth_enable is 1.
MODULES = ("hmac", "sctp", "sctp_diag", "8021q")


class Archive:
    """A cpio archive in the kernel's "newc" form. No root, no device nodes on the host needed."""

    def __init__(self):
        self.bytes = bytearray()
        self.inode = 0
        self.directories = set()

    def add(self, path, mode, content=b"", device=(0, 0)):
        parent = os.path.dirname(path)
        if parent and parent not in self.directories:
            self.directories.add(parent)
            self.add(parent, stat.S_IFDIR | 0o755)
        self.inode += 1
        name = path.encode() + b"\0"
        fields = (self.inode, mode, 0, 0, 1, 0, len(content), 0, 0, *device, len(name), 0)
        self.bytes += b"070701" + b"".join(b"%08X" % field for field in fields)
        for part in (name, content):
            self.bytes += part
            self.bytes += b"\0" * (-len(self.bytes) % 4)

    def add_file(self, path, source):
        with open(source, "rb") as file:
            self.add(path, stat.S_IFREG | 0o755, file.read())

    def write(self, path):
        self.add("TRAILER!!!", 0)
        with gzip.open(path, "wb", compresslevel=1) as file:
            file.write(self.bytes)


def modules_root():
    """The modules of the installed kernel; there is one version unless an upgrade left another."""
    roots = sorted(glob.glob("/usr/lib/uml/modules/*"))
    if not roots:
        raise FileNotFoundError("no modules of user-mode-linux in /usr/lib/uml/modules")
    return roots[-1]


def modules_in_order(root):
    """Files of MODULES and what they need, dependencies first."""
    dependencies = {}
    with open(os.path.join(root, "modules.dep"), encoding="ascii") as file:
        for line in file:
            module, _, needs = line.partition(":")
            dependencies[module] = needs.split()
    order = []

    def visit(module):
        for need in reversed(dependencies[module]):
            visit(need)
        if module not in order:
            order.append(module)

    for name in MODULES:
        for module in dependencies:
            if os.path.basename(module) == name + ".ko":
                visit(module)
    return order


def libraries_of(program):
    text = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
    return re.findall(r"(/\S+\.so\S*)", text)


def build(output, traffic_program):
    archive = Archive()
    archive.add("dev/console", stat.S_IFCHR | 0o600, device=(5, 1))
    archive.add_file("init", os.path.join(HERE, "init"))
    archive.add_file("bin/busybox", shutil.which("busybox") or "/bin/busybox")
    for directory in ("proc", "sys", "tmp", "host"):
        archive.directories.add(directory)
        archive.add(directory, stat.S_IFDIR | 0o755)
    programs = {f"bin/{name}": shutil.which(name) for name in PROGRAMS}
    programs["bin/kernel-traffic"] = traffic_program
    libraries = set()
    for path, source in programs.items():
        if source:
            archive.add_file(path, source)
            libraries.update(libraries_of(source))
    libraries.update(glob.glob("/lib/*/libgcc_s.so.1"))  # pthread_cancel() loads it
    for library in sorted(libraries):
        archive.add_file(library.lstrip("/"), library)
    root = modules_root()
    order = modules_in_order(root)
    for module in order:
        archive.add_file("modules/" + os.path.basename(module), os.path.join(root, module))
    names = "\n".join(os.path.basename(module) for module in order) + "\n"
    archive.add("modules/order", stat.S_IFREG | 0o644, names.encode())
    archive.write(output)
