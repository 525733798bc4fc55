"""Two engines that find which of many expressions match: Hyperscan, and `re` with the same answers.

What a match is: it begins at the first byte (`anchored`) or anywhere, and it *ends* within the first `within` bytes.
Neither engine says more than that, since their ideas of the longest or first match differ.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from imsniff.rules import compiled
from imsniff.rules.pattern import Expression

Bytes = bytes | bytearray | memoryview


class Needle(NamedTuple):
    """One expression as it is looked for."""

    expression: Expression
    anchored: bool
    within: int | None = None
    """None: wherever the data ends."""


class Engine(Protocol):
    def find(self, data: Bytes) -> Sequence[int]:
        """Which needles match, by number, each once, in order."""
        ...


_LEADING_BLANKS = re.compile(r"\\s\*(?![?+])")


def written(needle: Needle) -> str:
    """The expression with its anchor, for either engine.

    Of one that may begin anywhere, blanks that it may begin with say nothing: they are left out, for `re` would try
    every blank of a long row as the first."""
    text = needle.expression.text
    if needle.anchored:
        return f"^(?:{text})"
    blanks = _LEADING_BLANKS.match(text)
    return text[blanks.end() :] if blanks else text


class Plain:
    """Python's `re`, one expression after the other."""

    def __init__(self, needles: Sequence[Needle]) -> None:
        self._needles = []
        for number, needle in enumerate(needles):
            flags = re.IGNORECASE if needle.expression.caseless else re.NOFLAG
            flags |= re.DOTALL if needle.expression.dotall else re.NOFLAG
            pattern = re.compile(written(needle).encode(), flags)
            find = pattern.match if needle.anchored else pattern.search
            self._needles.append((number, find, needle.within))

    def find(self, data: Bytes) -> Sequence[int]:
        size = len(data)
        return [
            number
            for number, find, within in self._needles
            if find(data, 0, size if within is None or within > size else within)
        ]


class Fast:
    """Hyperscan, all at once. Raises ImportError where it is not installed, BadExpressions where it refuses one."""

    def __init__(self, needles: Sequence[Needle]) -> None:
        import hyperscan  # imported here: half the platforms we run on have no wheel of it

        self._hyperscan = hyperscan
        self._limits = [needle.within for needle in needles]
        flags = [
            hyperscan.HS_FLAG_SINGLEMATCH
            | (hyperscan.HS_FLAG_CASELESS if needle.expression.caseless else 0)
            | (hyperscan.HS_FLAG_DOTALL if needle.expression.dotall else 0)
            for needle in needles
        ]
        if not needles:
            return
        expressions = [written(needle).encode() for needle in needles]

        def compile_() -> hyperscan.Database:
            made = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
            made.compile(expressions=expressions, ids=list(range(len(needles))), elements=len(needles), flags=flags)
            return made

        try:
            self._database: Any = compiled.database(expressions, flags, compile_, hyperscan)
        except hyperscan.error as why:
            raise BadExpressions(str(why)) from None
        self._scratches = threading.local()

    def find(self, data: Bytes) -> Sequence[int]:
        if not self._limits or not len(data):
            return ()
        found: list[tuple[int, int]] = []
        try:
            scratch = self._scratches.one
        except AttributeError:  # one scratch a thread: sharing one fails
            scratch = self._scratches.one = self._hyperscan.Scratch(self._database)
        self._database.scan(data, _note, context=found, scratch=scratch)
        if not found:
            return ()
        limits = self._limits
        # An expression's matches come by their ends, and SINGLEMATCH tells the first: if that ends too late, all do.
        return sorted({number for number, end in found if (limit := limits[number]) is None or end <= limit})


class BadExpressions(ValueError):
    """Hyperscan refuses the set."""


def _note(number: int, _start: int, end: int, _flags: int, found: list[tuple[int, int]]) -> None:
    found.append((number, end))


def engine(name: str, needles: Sequence[Needle]) -> Engine:
    """`hyperscan`, `re`, or `auto`: the first where it is installed, else the second."""
    if name == "re":
        return Plain(needles)
    try:
        return Fast(needles)
    except (ImportError, BadExpressions):
        if name == "hyperscan":
            raise
        return Plain(needles)  # slower, and right: `imsniff signatures check` names the rule that Hyperscan refuses
