"""A Linux kernel of its own as an ordinary process: user-mode-linux on one tap or several.

    with Guest(namespace="ns", taps={"tap0": ["10.0.0.2/24"]}, program="kernel-traffic") as guest:
        job = guest.spawn("kernel-traffic server")
        status, output = guest.run("ip addr")

Commands go in through the guest's console; outputs come back through a shared directory.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time

from . import initramfs

BOOT_SECONDS = 60


class GuestError(Exception):
    """The guest did not come up, or is gone."""


class Job:
    """A command in the guest."""

    def __init__(self, guest, number, command):
        self.guest = guest
        self.command = command
        self.path = os.path.join(guest.host, str(number))
        self.guest_path = f"/host/{number}"

    def output(self):
        try:
            with open(self.path + ".out", encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def status(self):
        """Exit status, or None while it runs."""
        try:
            with open(self.path + ".status", encoding="ascii") as file:
                return int(file.read())
        except (FileNotFoundError, ValueError):
            return None

    def wait(self, timeout=60):
        end = time.monotonic() + timeout
        while (status := self.status()) is None:
            if not self.guest.is_alive():
                raise GuestError(f"guest died during: {self.command}\n{self.guest.console()}")
            if time.monotonic() > end:
                raise GuestError(f"still running after {timeout} s: {self.command}\n{self.output()}")
            time.sleep(0.02)
        return status

    def wait_for(self, text, timeout=20):
        end = time.monotonic() + timeout
        while text not in self.output():
            if self.status() is not None or time.monotonic() > end:
                raise GuestError(f"no '{text}' from: {self.command}\n{self.output()}")
            time.sleep(0.02)

    def send_signal(self, number):
        """To all of its processes; it may be over."""
        self.guest.run(f"kill -{int(number)} -$(cat {self.guest_path}.pid)")

    def stop(self, number=signal.SIGTERM, patience=5):
        """Asks, then makes sure. Gives the exit status."""
        for each in (number, signal.SIGKILL):
            if self.status() is None:
                self.send_signal(each)
                with contextlib.suppress(GuestError):
                    return self.wait(patience)
        return self.status()

    def describe(self):
        tail = "\n".join(self.output().splitlines()[-40:])
        return f"in the guest: {self.command} (status {self.status()})\n{tail}"


class Guest:
    """Boots in `start`, is gone after `stop`, whatever happened in between."""

    def __init__(self, taps, program, namespace=None, sysctls=(), memory="256M",
                 vlan=0, mtu=1500):
        self.taps = taps  # tap's name -> addresses with prefix length, in the order of vec0, vec1
        self.program = program
        self.namespace = namespace
        self.sysctls = sysctls
        self.memory = memory
        self.vlan = vlan  # addresses are inside it, if it is not 0
        self.mtu = mtu
        self.process = None
        self.jobs = 0
        self.directory = None

    def start(self):
        self.directory = tempfile.mkdtemp(prefix="millrace-guest-")
        self.host = os.path.join(self.directory, "host")
        os.mkdir(self.host)
        image = os.path.join(self.directory, "initramfs.gz")
        initramfs.build(image, self.program)
        command = ["ip", "netns", "exec", self.namespace] if self.namespace else []
        command += [shutil.which("linux.uml") or "linux.uml", f"mem={self.memory}",
                    f"initrd={image}", "rdinit=/init", "con=null", "con0=fd:0,fd:1",
                    f"uml_dir={self.directory}", f"umid=guest{os.getpid()}", "panic=1"]
        words = [f"mr.host={self.host}", f"mr.mtu={self.mtu}"]
        words += [f"mr.sysctl={line}" for line in self.sysctls]
        for index, (tap, addresses) in enumerate(self.taps.items()):
            command.append(f"vec{index}:transport=tap,ifname={tap}")
            device = f"vec{index}"
            if self.vlan:
                words.append(f"mr.vlan={device}:{self.vlan}")
                device += f".{self.vlan}"
            words += [f"mr.addr={device}:{address}" for address in addresses]
        environment = dict(os.environ, HOME=self.directory, TMPDIR="/dev/shm")
        self.log = open(os.path.join(self.directory, "console"), "wb")
        self.process = subprocess.Popen(command + words, stdin=subprocess.PIPE, stdout=self.log,
                                        stderr=self.log, env=environment, start_new_session=True)
        self.wait_ready()
        return self

    def wait_ready(self):
        end = time.monotonic() + BOOT_SECONDS
        while not os.path.exists(os.path.join(self.host, "ready")):
            if not self.is_alive() or time.monotonic() > end:
                text = self.console()
                self.stop()
                raise GuestError(f"the guest did not boot:\n{text}")
            time.sleep(0.05)

    def is_alive(self):
        return self.process is not None and self.process.poll() is None

    def console(self):
        self.log.flush()
        with open(self.log.name, encoding="utf-8", errors="replace") as file:
            return file.read()

    def spawn(self, command):
        self.jobs += 1
        self.process.stdin.write(f"{self.jobs} {command}\n".encode())
        self.process.stdin.flush()
        return Job(self, self.jobs, command)

    def share(self, program):
        """A program of the host, under the path that the guest has it at."""
        shutil.copy(program, self.host)
        return f"/host/{os.path.basename(program)}"

    def run(self, command, timeout=60):
        """Exit status and output."""
        job = self.spawn(command)
        status = job.wait(timeout)
        return status, job.output()

    def stop(self):
        if self.process is not None:
            # The kernel is a group of processes (one for each of the guest's); none may stay.
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.process.wait()
            self.wait_gone()
            self.process.stdin.close()
            self.log.close()
            self.process = None
        if self.directory:
            shutil.rmtree(self.directory, ignore_errors=True)
            self.directory = None

    def wait_gone(self):
        end = time.monotonic() + 5
        while time.monotonic() < end:
            try:
                os.killpg(self.process.pid, 0)
            except ProcessLookupError:
                return
            time.sleep(0.01)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
