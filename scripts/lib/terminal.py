"""Figures for people, and colour where there is a terminal."""

import os
import sys


def count(number):
    return f"{number:,}"


def rate(report):
    return count(round(report["rate"]))


def milliseconds(microseconds):
    return f"{microseconds / 1000:.2f} ms"


class Terminal:
    def __init__(self):
        self.has_colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")

    def paint(self, text, code):
        return f"\x1b[{code}m{text}\x1b[0m" if self.has_colour else text

    def line(self, text="", bold=False, bad=False):
        if bold:
            text = self.paint(text, 1)
        if bad:
            text = self.paint(text, 31)
        print(text, flush=True)

    def text(self, text):
        print(text.rstrip("\n"), flush=True)
        print(flush=True)

    def heading(self, text):
        self.line()
        self.line(text, bold=True)

    def event(self, text):
        self.line("          " + self.paint(f"-- {text}", 33))

    def state(self, state):
        return self.paint(state, 32 if state == "active" else 31)

    def row(self, name, value, bad=False):
        self.line(f"  {name:<20} {self.paint(value, 31) if bad else value}")

    def verdict(self, is_good):
        self.line()
        if is_good:
            self.line(self.paint("Nothing was lost. Everything that was made for this is gone "
                                 "again.", 32))
        else:
            self.line("It did not go well.", bad=True)
