"""What failed, said once more at the end of a run, where a reader of a long log looks first."""
import re

from process import show

LINES_MAX = 12  # of one program

# A failed end-to-end test, an assertion of Catch2 or unittest, a sanitizer's finding.
_TELLING = re.compile(r"^failed |FAILED:|Error: |runtime error: |^SUMMARY: |^FAIL: |^ERROR: ")

_findings = []


def telling_lines(output):
    """The lines that say what went wrong; the last lines where none says so."""
    lines = [line.rstrip() for line in output.splitlines() if line.strip()]
    return [line for line in lines if _TELLING.search(line)][:LINES_MAX] or lines[-3:]


def keep(name, output):
    _findings.append((name, telling_lines(output)))


def show_all():
    for name, lines in _findings:
        show("\n".join([f"failed in {name}:", *lines]))
