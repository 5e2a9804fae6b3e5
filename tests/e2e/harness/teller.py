"""The program sockets-paths: a one-to-many socket that does as it is told and tells what it hears."""

import os

from .registry import check, wait_until


class Teller:
    def __init__(self, rig, engine, port, addresses=("0.0.0.0",)):
        self.calls = 0
        commands = rig.file(f"commands-{len(rig.processes)}")
        os.mkfifo(commands)
        self.process = rig.spawn(
            [rig.programs.find("sockets-paths"), commands, str(port), *addresses],
            "sockets-paths", engine.namespace,
            environment={"MILLRACE_SOCKET": engine.applications_socket})
        self.process.wait_for("ready")
        self.commands = os.open(commands, os.O_WRONLY)
        rig.stack.callback(os.close, self.commands)

    def call(self, *words):
        """One of the calls that sockets_paths.c lists; comes back when it is done."""
        self.calls += 1
        os.write(self.commands, (" ".join(map(str, words)) + "\n").encode())
        self.process.wait_for(f"done {self.calls}\n")

    def said(self, since=0):
        """Lines of what was received, without the first `since`."""
        heard = [line for line in self.process.output().splitlines()
                 if line != "ready" and not line.startswith("done ")]
        check(not any(line.startswith("failed") for line in heard), self.process.describe())
        return heard[since:]

    def wait_for(self, line, seconds=10, since=0):
        wait_until(lambda: line in self.said(since), seconds, f"told: {line}; not only "
                   f"{self.said()}")
