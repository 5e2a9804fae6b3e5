"""The tests: what they are called, how one is run, and what came of it."""

import contextlib
import os
import shutil
import signal
import tempfile
import time
import traceback

TESTS = []


class Skip(Exception):
    """This test cannot run here, and why."""


def missing(text):
    """Something of Debian's packages is not there. That is a failure where everything has to be: CI says
    that it is that."""
    if os.environ.get("CI"):
        raise AssertionError(text)
    raise Skip(text)


class Interrupted(BaseException):
    """A signal asks to stop: unwinds through every clean-up."""


class Overtime(Exception):
    """The test took longer than it may."""


def test(name, seconds=120):
    """Registers a function that takes a rig. Its name is a sentence that should come true."""

    def register(function):
        group = function.__module__.rpartition(".")[2]
        TESTS.append((f"{group}: {name}", function, seconds))
        return function

    return register


def check(is_true, text):
    """Like assert, but with a sentence, and never optimised away."""
    if not is_true:
        raise AssertionError(text)


def check_equal(actual, expected, text):
    check(actual == expected, f"{text}: {actual!r} instead of {expected!r}")


def wait_until(predicate, seconds, text, interval=0.05):
    """Polls; gives what the predicate gave once it is true. End-to-end tests only may do this."""
    end = time.monotonic() + seconds
    while True:
        result = predicate()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {text}")
        time.sleep(interval)


def _on_alarm(*_):
    raise Overtime("took longer than it may")


def _on_signal(number, _):
    raise Interrupted(signal.Signals(number).name)


def arm_signals():
    signal.signal(signal.SIGALRM, _on_alarm)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _on_signal)


class Outcome:
    def __init__(self, name, verdict, seconds, text="", peer_crash=""):
        self.peer_crash = peer_crash  # how a peer's process crashed; empty: none did
        self.name = name
        self.verdict = verdict  # passed, failed or skipped
        self.seconds = seconds
        self.text = text


@contextlib.contextmanager
def work_directory(keep, name):
    """Captures, logs and sockets of one test. Kept only on request."""
    path = tempfile.mkdtemp(prefix="millrace-e2e-")
    try:
        yield path
    finally:
        if keep:
            slug = "".join(c if c.isalnum() else "-" for c in name)[:80]
            target = os.path.join(keep, slug)
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(path, target, ignore=lambda folder, names: [
                n for n in names if not os.path.isfile(os.path.join(folder, n))
                and not os.path.isdir(os.path.join(folder, n))])
        shutil.rmtree(path, ignore_errors=True)


def run_one(name, function, seconds, make_rig, keep):
    start = time.monotonic()
    verdict, text, peer_crash = "passed", "", ""
    try:
        with work_directory(keep, name) as directory, make_rig(directory) as rig:
            signal.alarm(seconds)
            try:
                function(rig)
                rig.finish()
            except Skip:
                raise
            except Exception:
                signal.alarm(0)
                text = traceback.format_exc() + rig.report()
                peer_crash = rig.peer_crash()
                raise
            finally:
                signal.alarm(0)
    except Skip as skip:
        verdict, text = "skipped", str(skip)
    except Exception:  # whatever went wrong, the next test still runs
        verdict, text = "failed", text or traceback.format_exc()
    return Outcome(name, verdict, time.monotonic() - start, text, peer_crash)
