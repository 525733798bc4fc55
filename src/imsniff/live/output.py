"""What a live sensor tells beside its records: sessions that still go on, announced flows, packets worth keeping.

Whether a flow is messaging shows after its first packets. `capture -w` wants those too, so they are held until the flow
is decided: at most MAX_HELD_PACKETS a flow and MAX_HELD_OCTETS in all. A file so written has every packet of a session,
but those of its beginning may stand behind later packets of other sessions (`reordercap` puts them in order).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from imsniff.base.events import Expect
from imsniff.base.limits import MAX_HELD_OCTETS, MAX_HELD_PACKETS
from imsniff.base.records import Record, SessionRecord
from imsniff.capture.captured import CapturedPacket


class OpenSession(NamedTuple):
    """A session that goes on, as it is known now. It comes once more, as a record, when it ends."""

    session: SessionRecord


class HeldPackets:
    """The first packets of one flow."""

    __slots__ = ("missing", "packets")

    def __init__(self) -> None:
        self.packets: list[CapturedPacket] = []
        self.missing = 0


class LiveOutput:
    """Filled by a sensor, emptied by whoever runs it."""

    def __init__(self, *, keep_packets: bool = False, one_of_several: bool = False) -> None:
        self.keep_packets = keep_packets
        self.one_of_several = one_of_several
        """Whether flows of the same link come to other sensors, too."""
        self.sessions: list[SessionRecord] = []
        """See `among`."""
        self.announced: list[tuple[Expect, int]] = []
        """Announced flows, which may come to another worker, and when they were announced."""
        self.packets: list[CapturedPacket] = []
        """Of messaging sessions."""
        self.missing = 0
        """Packets of messaging sessions that there was no room to hold."""
        self._octets = 0

    def among(self, records: Iterable[Record]) -> Iterator[Record | OpenSession]:
        """The sensor's records, and in front of each the sessions that were identified or have changed before it: a
        session is there before what belongs to it."""
        for record in records:
            yield from self._opened()
            yield record
        yield from self._opened()

    def _opened(self) -> Iterator[OpenSession]:
        yield from map(OpenSession, self.sessions)
        self.sessions.clear()

    def hold(self, held: HeldPackets, packet: CapturedPacket) -> None:
        """A packet of a flow that is not decided."""
        if len(held.packets) >= MAX_HELD_PACKETS or self._octets + len(packet.data) > MAX_HELD_OCTETS:
            held.missing += 1
            return
        held.packets.append(packet)
        self._octets += len(packet.data)

    def claim(self, held: HeldPackets) -> None:
        """The flow is messaging: what was held of it is kept."""
        self.packets += held.packets
        self.missing += held.missing
        self.drop(held)

    def drop(self, held: HeldPackets) -> None:
        self._octets -= sum(len(packet.data) for packet in held.packets)
        held.packets, held.missing = [], 0
