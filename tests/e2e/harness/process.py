"""Programs that a test starts: found again by their handle, never by their name."""

import os
import signal
import subprocess
import time


def run(command, check=True, timeout=60, **options):
    """Runs to the end. The output goes into the error, so that a failure explains itself."""
    result = subprocess.run(command, capture_output=True, text=True, timeout=timeout,
                            errors="replace", check=False, **options)
    if check and result.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} gave {result.returncode}:\n"
                           f"{result.stdout}{result.stderr}")
    return result


class Process:
    """One program with its output in a file. `stop` leaves nothing of its process group."""

    def __init__(self, command, log, environment=None):
        self.command = command
        self.log = log
        self.pid = None
        with open(log, "wb") as file:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
                start_new_session=True, env={**os.environ, **(environment or {})})
        self.pid = self.process.pid

    def output(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def status(self):
        """Exit status (negative: the signal that killed it), None while it runs."""
        return self.process.poll()

    def wait(self, timeout):
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {timeout} s: {self.describe()}") from None

    def wait_for(self, text, timeout=20):
        end = time.monotonic() + timeout
        while text not in self.output():
            if self.status() is not None:
                raise AssertionError(f"ended before it said '{text}': {self.describe()}")
            if time.monotonic() > end:
                raise AssertionError(f"did not say '{text}': {self.describe()}")
            time.sleep(0.02)

    def send_signal(self, number):
        self.process.send_signal(number)

    def stop(self, number=signal.SIGTERM, patience=5):
        """Asks, then makes sure. Gives the exit status."""
        if self.status() is None:
            self.send_signal(number)
            try:
                self.process.wait(patience)
            except subprocess.TimeoutExpired:
                pass
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        return self.process.wait()

    def describe(self):
        text = self.output()
        tail = "\n".join(text.splitlines()[-40:])
        return f"{' '.join(self.command)} (status {self.status()})\n{tail}"
