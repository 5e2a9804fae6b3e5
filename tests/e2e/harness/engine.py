"""millraced in a namespace, and what millracectl says of it."""

import json
import os
import signal
import time

from .process import Process, run
from .registry import check, wait_until

START_SECONDS = 30
ANSWER_SECONDS = 10


def to_toml(config):
    """Tables of scalars and lists, and lists of tables: all that the configuration needs."""
    lines = []

    def emit(prefix, table):
        for key, value in table.items():
            if not isinstance(value, dict) and not _is_tables(value):
                lines.append(f"{key} = {json.dumps(value)}")
        for key, value in table.items():
            name = f"{prefix}{key}"
            if isinstance(value, dict):
                lines.append(f"[{name}]")
                emit(name + ".", value)
            elif _is_tables(value):
                for item in value:
                    lines.append(f"[[{name}]]")
                    emit(name + ".", item)

    emit("", config)
    return "\n".join(lines) + "\n"


def _is_tables(value):
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


class Engine:
    def __init__(self, namespace, programs, directory, config):
        self.namespace = namespace
        self.programs = programs
        self.run_directory = os.path.join(directory, "run")
        self.config_path = os.path.join(directory, "millraced.toml")
        config = {**config, "engine": {"run_directory": self.run_directory, "huge_pages": "no",
                                       **config.get("engine", {})}}
        with open(self.config_path, "w", encoding="utf-8") as file:
            file.write(to_toml(config))
        self.log = os.path.join(directory, "millraced.log")
        self.process = None

    @property
    def applications_socket(self):
        return os.path.join(self.run_directory, "applications.sock")

    @property
    def operator_socket(self):
        return os.path.join(self.run_directory, "operator.sock")

    def start(self):
        self.process = Process(
            self.namespace.command([self.programs.find("millraced"), "--config",
                                    self.config_path]), self.log)
        wait_until(self._is_up, START_SECONDS, "the engine is up")

    def _is_up(self):
        check(self.process.status() is None, f"engine ended: {self.process.describe()}")
        if not os.path.exists(self.operator_socket):
            return False
        return self._ctl("counters").returncode == 0

    def _ctl(self, *words):
        return run([self.programs.find("millracectl"), "--socket", self.operator_socket, "--json",
                    *words], check=False, timeout=10)

    def ask(self, *words):
        """millracectl's JSON. An lcore has a second to answer in; where machines are so busy that it is
        given none of it, it is asked again."""
        end = time.monotonic() + ANSWER_SECONDS
        result = self._ctl(*words)
        while "does not answer" in result.stderr and time.monotonic() < end:
            result = self._ctl(*words)
        check(result.returncode == 0,
              f"millracectl {words} gave {result.returncode}: {result.stdout}{result.stderr}")
        return json.loads(result.stdout)

    def is_alive(self):
        return self.process is not None and self.process.status() is None

    def stop(self):
        """A clean stop; gives the exit status."""
        return self.process.stop(signal.SIGTERM, patience=10)

    def kill(self):
        self.process.stop(signal.SIGKILL)
