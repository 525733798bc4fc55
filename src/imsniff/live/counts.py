"""What a live run counts: nothing is lost without a number saying so."""

from __future__ import annotations

from msgspec import Struct

from imsniff.base.limits import BLIND_JOIN_NS, MAX_BLIND


class Counts(Struct, kw_only=True):
    """Of one interface in one worker, or summed. Since the start."""

    received: int = 0
    """Packets that passed the capture filter, whether or not there was room for them."""
    packets: int = 0
    """Packets seen. received = packets + kernel_drops + unread, once the run is over."""
    kernel_drops: int = 0
    """Packets for which the ring had no room."""
    unread: int = 0
    """Packets in the ring at the end for which there was no time."""
    ring_full: int = 0
    """How often the whole ring was full."""
    interface_drops: int = 0
    """Packets that the interface or its driver dropped before."""
    octets: int = 0
    """Bytes of ring used, about those captured."""
    gate_skips: int = 0
    """Packets of flows known not to be messaging, skipped at one look."""
    sessions: int = 0
    """Flows found to be messaging."""
    flows: int = 0
    """Flows in the table now."""
    evicted: int = 0
    """Flows that a full table pushed out."""
    queue_drops: int = 0
    """Records that a worker could not hand to the writer."""
    unheld: int = 0
    """Packets of sessions that `-w` had no room to hold."""

    @property
    def lost(self) -> int:
        """Packets that nobody looked at."""
        return self.kernel_drops + self.interface_drops + self.unread

    def __add__(self, other: Counts) -> Counts:
        names = self.__struct_fields__
        return Counts(**{name: getattr(self, name) + getattr(other, name) for name in names})


class Blind(Struct, kw_only=True):
    """A span in which packets of an interface were lost."""

    capture: str
    since: int
    """Nanoseconds since 1970: when nothing was lost yet."""
    until: int
    """When the loss was noticed."""
    lost: int


class Blindness:
    """The spans of a run, at most MAX_BLIND."""

    def __init__(self) -> None:
        self.spans: list[Blind] = []

    def add(self, new: Blind) -> None:
        last = next((span for span in reversed(self.spans[-8:]) if span.capture == new.capture), None)
        full = len(self.spans) >= MAX_BLIND
        if last is None and full:
            last = self.spans[-1]
        if last is not None and (full or new.since - last.until <= BLIND_JOIN_NS):
            last.since, last.until = min(last.since, new.since), max(last.until, new.until)
            last.lost += new.lost
        else:
            self.spans.append(new)
