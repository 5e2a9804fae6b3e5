"""What CPUs did meanwhile, and for which processes: from /proc, by the kernel's own account."""

import os
import pathlib
import time

TICK = os.sysconf("SC_CLK_TCK")
# Columns of a CPU's line in /proc/stat.
IDLE = (3, 4, 7)  # idle, iowait, steal


def process_times(pid):
    """Seconds that its threads have spent, (in user code, in system calls)."""
    user = system = 0
    for stat in pathlib.Path(f"/proc/{pid}/task").glob("*/stat"):
        fields = stat.read_text(encoding="utf-8", errors="replace").rsplit(")", 1)[1].split()
        user, system = user + int(fields[11]), system + int(fields[12])
    return user / TICK, system / TICK


def idle_time(cpu):
    """Seconds that the CPU had nothing to do, or was somebody else's."""
    with open("/proc/stat", encoding="utf-8") as file:
        fields = next(line for line in file if line.startswith(f"cpu{cpu} ")).split()[1:]
    return sum(int(fields[column]) for column in IDLE) / TICK


class Account:
    """Of one CPU, to which processes are pinned; counts from when it is made."""

    def __init__(self, cpu, pids):
        """`pids` by name."""
        self.cpu, self.pids = cpu, pids
        self.start = self._now()

    def _now(self):
        return time.monotonic(), idle_time(self.cpu), {name: process_times(pid)
                                                       for name, pid in self.pids.items()}

    def shares(self):
        """What part of the time went where: the parts add up to 1."""
        now, idle, processes = self._now()
        seconds = now - self.start[0]
        parts = {}
        for name, (user, system) in processes.items():
            before = self.start[2][name]
            parts[f"{name}, user"] = (user - before[0]) / seconds
            parts[f"{name}, system"] = (system - before[1]) / seconds
        parts["idle"] = (idle - self.start[1]) / seconds
        other = 1 - sum(parts.values())
        return {**parts, "other": other}
