"""Unmodified programs on the engine, through millrace-run."""

import shutil

from .registry import missing
from .rig import Program, Rig


def run_command(rig, engine, words):
    """The command that runs a program with its SCTP sockets on an engine, in its namespace."""
    if not shutil.which(words[0]):
        missing(f"{words[0]} is not installed")
    runner = rig.programs.find("millrace-run")
    return engine.namespace.command([runner, "--socket", engine.applications_socket, *words])


def spawn(rig, engine, words, name=None):
    return rig.spawn(run_command(rig, engine, words), name or words[0])


def shell(rig, engine, line, name):
    """A shell's line in which $RUN runs a program on the engine."""
    runner = rig.programs.find("millrace-run")
    run = f"{runner} --socket {engine.applications_socket}"
    return rig.spawn(engine.namespace.command(["sh", "-c", line]), name, environment={"RUN": run})


def needs(*programs):
    for program in programs:
        if not shutil.which(program):
            missing(f"{program} is not installed")


def second_engine(rig, paths, **sections):
    """Another engine at the peer's end of the paths."""
    interfaces = [{"name": f"path{path.index}",
                   "device": f"net_af_packet{path.index},iface={path.bridge}",
                   "addresses": path.with_prefix(path.theirs)} for path in paths]
    return rig.engine(paths, namespace=rig.peer, interfaces=interfaces, **sections)


class Sockets:
    """Our end of a scene as a program that speaks lksctp's API, unmodified."""

    def __init__(self, rig, engine):
        self.rig, self.engine = rig, engine

    def start(self, role, arguments):
        program = self.rig.programs.find("sockets-traffic")
        command = [self.rig.programs.find("millrace-run"), "--socket",
                   self.engine.applications_socket, program, *arguments]
        return Rig.ready(Program(role, self.rig.spawn(command, f"sockets-{role}")))
