"""The files under check, and their text with comments and literals taken out."""
import functools
import os
import pathlib
import re
import subprocess
import typing

SOURCES = (".h", ".cc", ".c")


class Finding(typing.NamedTuple):
    path: str
    line: int
    rule: str
    text: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.rule}: {self.text}"


class Tree:
    """Tracked files of `root`, or all files of it where there is no git; paths are relative."""

    def __init__(self, root, only=()):
        self.root = pathlib.Path(root)
        self.whole = not only
        self.files = sorted(self._relative(path) for path in only) if only else self._tracked()
        self.files = [path for path in self.files if (self.root / path).is_file()]

    def _relative(self, path):
        path = pathlib.Path(path)
        return str(path.resolve().relative_to(self.root.resolve()) if path.exists() else path)

    def _tracked(self):
        if (self.root / ".git").exists():
            listing = subprocess.run(
                ["git", "-c", f"safe.directory={self.root.resolve()}", "ls-files", "-z"],
                cwd=self.root, check=True, capture_output=True, text=True)
            return sorted(name for name in listing.stdout.split("\0") if name)
        found = []
        for folder, folders, names in os.walk(self.root):
            folders[:] = [name for name in folders
                          if not name.startswith("build") and name != "__pycache__"]
            found += [str((pathlib.Path(folder) / name).relative_to(self.root)) for name in names]
        return sorted(found)

    def sources(self, *folders):
        """C and C++ files, of these folders if any are named."""
        return [path for path in self.files if path.endswith(SOURCES)
                and (not folders or path.startswith(tuple(f"{folder}/" for folder in folders)))]

    @functools.lru_cache(maxsize=None)
    def text(self, path):
        return (self.root / path).read_text(encoding="utf-8", errors="replace")

    @functools.lru_cache(maxsize=None)
    def code(self, path):
        """The text with comments and literals blanked; lines keep their numbers."""
        return strip(self.text(path))

    def exists(self, path):
        return (self.root / path).is_file()


_STRIPPED = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"([^()\\\s]{0,16})\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\'',
    re.DOTALL)


def strip(text):
    """Blanks comments and literals. The names in include directives stay."""
    def blank(match):
        line_start = text.rfind("\n", 0, match.start()) + 1
        if text[line_start:match.start()].lstrip().startswith("#include"):
            return match.group(0)
        return re.sub(r"[^\n]", " ", match.group(0))
    return _STRIPPED.sub(blank, text)
