"""What live capture asks of an interface, whoever does it: the kernel's ring, or libpcap."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from imsniff.capture.batch import Batch


class Losses(NamedTuple):
    """What became of the packets of one interface, since it was opened. received = seen + dropped + waiting."""

    received: int
    """Packets that passed the capture filter."""
    dropped: int
    """Of these, those for which the buffer had no room."""
    interface: int = 0
    """Packets that the interface or its driver dropped before; they are not among the received."""
    frozen: int = 0
    """How often the whole ring was full."""


class LiveSource(Protocol):
    capture: str
    """The interface's name: the `capture` of every record."""
    frames: int
    """Packets given out so far."""

    def fileno(self) -> int:
        """To be polled; becomes readable when a batch is ready."""

    def take(self) -> Batch | None:
        """The next batch, valid until the next call; None where there is none yet. Never waits.

        Raises CannotCapture when there will be none any more: the interface is gone."""

    def losses(self) -> Losses: ...

    def stop(self) -> None:
        """No more packets are let in. Those that are there can still be taken."""

    def close(self) -> None: ...
