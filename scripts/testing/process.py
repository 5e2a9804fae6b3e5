"""Runs programs: with a time limit, their output in a log, and a line now and then meanwhile."""
import os
import pathlib
import signal
import subprocess
import threading
import time
import typing

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build-test"
LOGS = FOLDER / "logs"
TIMED_OUT = 124

_started = time.monotonic()
_print_lock = threading.Lock()


def say(text):
    """A progress line with the time since the start."""
    seconds = int(time.monotonic() - _started)
    with _print_lock:
        print(f"[{seconds // 60:3}:{seconds % 60:02}] {text}", flush=True)


def show(text):
    """Output of a program that failed, indented so that no line is taken for ours."""
    with _print_lock:
        print("\n".join("    | " + line for line in text.splitlines()), flush=True)


class Result(typing.NamedTuple):
    code: int
    output: str
    seconds: float

    def tail(self, lines=60):
        return "\n".join(self.output.splitlines()[-lines:])


def _end(process):
    """Ends a program with all that it started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            return
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            continue


def run(name, command, seconds_max, environment=None, on_line=None):
    """Runs `command` from the root of the tree; `on_line` sees each line of its output."""
    LOGS.mkdir(parents=True, exist_ok=True)
    begin = time.monotonic()
    lines = []
    process = subprocess.Popen(
        [str(word) for word in command], cwd=ROOT, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        env={**os.environ, **(environment or {})}, start_new_session=True)
    timed_out = threading.Event()

    def limit():
        timed_out.set()
        _end(process)

    timer = threading.Timer(seconds_max, limit)
    timer.start()
    try:
        with open(LOGS / f"{name}.log", "w", encoding="utf-8") as log, process.stdout as output:
            for line in output:
                log.write(line)
                log.flush()
                lines.append(line)
                if on_line:
                    on_line(line)
        code = process.wait()
    finally:
        timer.cancel()
        _end(process)
    if timed_out.is_set():
        lines.append(f"ended after its limit of {seconds_max} s\n")
        code = TIMED_OUT
    return Result(code, "".join(lines), time.monotonic() - begin)


def without_address_randomization():
    """Prefix for sanitized programs: old runtimes lose their shadow to a wide randomization."""
    prefix = ["setarch", os.uname().machine, "-R"]
    try:
        return prefix if subprocess.run([*prefix, "true"], check=False,
                                        capture_output=True).returncode == 0 else []
    except FileNotFoundError:
        return []
