"""Which gate: the compiled one where it was built, else the reference in Python.

`IMSNIFF_GATE=python` or `IMSNIFF_GATE=compiled` forces one of them, to compare them or to look for a fault.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Protocol

from imsniff.capture.batch import Batch, ReadAhead, Walk
from imsniff.net import gate
from imsniff.net.decode import Decoder
from imsniff.net.hold_queue import HoldQueue, RaisedPacket
from imsniff.net.segment import Segment

CHOICE = "IMSNIFF_GATE"


class GateError(Exception):
    """The gate asked for is not to be had."""


class Gate(Protocol):
    """What either gate is to those who use it."""

    frames: int
    """Number of the last packet seen."""
    skipped: int
    last_ts: int
    """Nanoseconds of the last packet seen, known at the end of each batch."""

    def raise_packets(self, batch: Batch) -> Iterator[RaisedPacket]:
        """The packets of a batch that must be looked at. Walks the batch."""

    def segments(self, batch: Batch, decoder: Decoder) -> Iterator[Segment]:
        """What is in those packets: as `decoder` decodes them, in order."""

    def read_ahead(self, walk: Walk) -> AbstractContextManager[ReadAhead] | None:
        """Who goes ahead on a capture that is walked so; None where nobody can."""

    def ignore(self, segment: Segment) -> None:
        """Both directions of the segment's flow are not instant messaging: ignored, but for second looks."""

    def covers(self, segment: Segment) -> bool:
        """Whether this segment belongs to an ignored flow."""


def open_gate(hold_queue: HoldQueue | None = None, *, enabled: bool = True) -> Gate:
    """`hold_queue`: where flows wait that have not said a word. Raises GateError."""
    return chosen()(hold_queue, enabled=enabled)


def chosen() -> Callable[..., Gate]:
    """The kind of gate that this program opens. Raises GateError."""
    choice = os.environ.get(CHOICE, "")
    if choice not in ("", "python", "compiled"):
        raise GateError(f"the variable {CHOICE} is python or compiled, not {choice!r}; without it either will do")
    if choice != "python":
        try:
            from imsniff.net._gate import Gate as Compiled
        except ImportError as why:
            if choice:
                raise GateError(
                    f"{CHOICE}=compiled, but it was not built ({why}); `make setup` needs a compiler"
                ) from why
        else:
            return Compiled
    return gate.Gate
