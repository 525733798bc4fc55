"""Faults of signature files, with the place where the author has to look."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from tomllib import TOMLDecodeError
from typing import NamedTuple


class Fault(NamedTuple):
    """One thing wrong with one file."""

    path: Path
    line: int
    """1-based; 0 where it is the file as a whole."""
    key: str
    """As `payload[2].side`; empty where it is the file as a whole."""
    message: str

    def __str__(self) -> str:
        line = f":{self.line}" if self.line else ""
        key = f" {self.key}:" if self.key else ""
        return f"{self.path}{line}:{key} {self.message}"


def not_toml(path: Path, text: str, why: TOMLDecodeError) -> Fault:
    """What the parser says of a text, at its line."""
    message, _, where = str(why).partition(" (at ")
    line = re.search(r"line (\d+)", where)
    number = int(line[1]) if line else text.count("\n") + 1
    return Fault(path, number, "", f"not TOML: {message[:1].lower()}{message[1:]}")


class SignatureError(ValueError):
    """Signature files cannot be used. All faults at once: nobody wants them one by one."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(sorted(set(faults)))
        super().__init__("\n".join(str(fault) for fault in self.faults))

    def __reduce__(self) -> tuple[type[SignatureError], tuple[tuple[Fault, ...]]]:
        return type(self), (self.faults,)


_TABLE = re.compile(r"\s*(\[\[?)\s*([\w.\"' -]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"\s*([\w.\"'-]+)\s*=")
_TOKEN = re.compile(r'"""|\'\'\'|"(?:[^"\\]|\\.)*"|\'[^\']*\'|#.*|[\[\]{}]')


class Lines:
    """Which line of a TOML text holds which key. The text must be valid TOML."""

    def __init__(self, text: str) -> None:
        self._lines: dict[str, int] = {}
        table = ""
        counts: dict[str, int] = {}
        depth, open_string = 0, ""
        for number, line in enumerate(text.split("\n"), 1):
            if not open_string and depth == 0:
                if header := _TABLE.match(line):
                    table = _unquoted(header[2])
                    if header[1] == "[[":
                        table = f"{table}[{counts.setdefault(table, 0)}]"
                        counts[table.partition("[")[0]] += 1
                    self._lines.setdefault(table, number)
                    continue
                if key := _KEY.match(line):
                    name = _unquoted(key[1])
                    self._lines.setdefault(f"{table}.{name}" if table else name, number)
            depth, open_string = _after(line, depth, open_string)

    def __getitem__(self, key: str) -> int:
        """The line of a key as `payload[2].side`, or of the nearest thing around it; 0 where there is none."""
        while key:
            if key in self._lines:
                return self._lines[key]
            key = key.rpartition("[")[0] if key.endswith("]") else key.rpartition(".")[0]
        return 0


def _unquoted(name: str) -> str:
    return name.replace('"', "").replace("'", "").replace(" ", "")


def _after(line: str, depth: int, open_string: str) -> tuple[int, str]:
    """How deep in brackets, and in which multi-line string, the end of a line is."""
    at = 0
    while True:
        if open_string:
            end = line.find(open_string, at)
            if end < 0:
                return depth, open_string
            at, open_string = end + 3, ""
        token = _TOKEN.search(line, at)
        if not token:
            return depth, ""
        at = token.end()
        if token[0] in ('"""', "'''"):
            open_string = token[0]
        elif token[0] in "[{":
            depth += 1
        elif token[0] in "]}":
            depth -= 1
