"""What mr-diameter-client says while it runs, and at its end: lines of JSON."""

import json
import statistics


class ClientReport:
    NOTHING = {"sent": 0, "answered": 0, "rate": 0, "p50_us": 0, "p99_us": 0, "max_us": 0}

    def __init__(self, process):
        self.process = process

    def _lines(self):
        for line in self.process.output().splitlines():
            if line.startswith("{") and line.endswith("}"):
                yield json.loads(line)

    def latest(self):
        """The last progress line."""
        found = self.NOTHING
        for line in self._lines():
            if "lost" not in line:
                found = {**self.NOTHING, **line}
        return found

    def median_second(self):
        """The times of an ordinary second: the middle one's, for each figure by itself."""
        seconds = [line for line in self._lines() if "lost" not in line] or [self.NOTHING]
        return {name: statistics.median(second[name] for second in seconds)
                for name in ("p50_us", "p99_us")}

    def summary(self):
        """The last line of all."""
        lines = [line for line in self._lines() if "lost" in line]
        if not lines:
            raise AssertionError(f"no summary: {self.process.describe()}")
        return lines[-1]
