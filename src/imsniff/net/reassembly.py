"""One TCP direction put in order: what a receiver would have read, as far as the capture shows it.

Positions are bytes since the start of the stream and never wrap; sequence numbers do (RFC 9293 §3.4). Where segments
overlap the first copy wins, as it was the one that came through. A hole is waited for until

* the peer has acknowledged it (it was received, so the capture lost it), or
* it stayed open for HOLD_NS of packet time, or
* too much is held behind it, or the stream ends;

then it is a `Gap`, an event and not an error. Whatever the order of arrival, memory stays under MAX_HELD_BYTES.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from msgspec import Struct

from imsniff.base.limits import ACK_GRACE_NS, HOLD_NS, MAX_AHEAD, MAX_HELD_BYTES, MAX_HELD_SEGMENTS

WRAP, HALF = 1 << 32, 1 << 31


class Data(Struct, frozen=True, gc=False):
    """Bytes next in order, and the packet that brought them."""

    data: bytes
    frame: int
    ts: int


class Gap(Struct, frozen=True, gc=False):
    """Bytes that were sent and not captured."""

    missing: int
    frame: int
    ts: int


class HeldSegment(NamedTuple):
    """A segment that came before its turn. Sorts by position, then by arrival."""

    position: int
    arrival: int
    ts: int
    payload: bytes
    cut: int
    frame: int


class Stream:
    """One direction of one connection."""

    __slots__ = ("_acked", "_acked_at", "_arrivals", "_held", "_held_bytes", "_origin", "position")

    def __init__(self, origin: int) -> None:
        """`origin`: the sequence number of the first byte."""
        self.position = 0
        """Where the next byte in order goes."""
        self._origin = origin
        self._held: list[HeldSegment] = []
        self._held_bytes = 0
        self._arrivals = 0
        self._acked = 0
        self._acked_at = 0

    @property
    def waits(self) -> bool:
        """Whether there is a hole with something behind it."""
        return bool(self._held)

    def push(self, seq: int, payload: bytes, cut: int, frame: int, ts: int) -> Iterable[Data | Gap]:
        """A segment with payload arrived; `cut` more bytes were on the wire than were captured.

        What comes of it must be taken before the next segment."""
        ahead = (seq - self._origin - self.position) % WRAP
        if ahead >= HALF:  # how far it lies ahead of the next byte; negative where it lies behind
            ahead -= WRAP
        if ahead <= 0 and not self._held:  # in order, by far the most frequent
            return self._take(-ahead, payload, cut, frame, ts)
        return self._insert(ahead, payload, cut, frame, ts) if ahead <= MAX_AHEAD else ()

    def _insert(self, ahead: int, payload: bytes, cut: int, frame: int, ts: int) -> Iterator[Data | Gap]:
        if ahead > 0:
            self._arrivals += 1
            insort(self._held, HeldSegment(self.position + ahead, self._arrivals, ts, payload, cut, frame))
            self._held_bytes += len(payload)
        else:
            yield from self._take(-ahead, payload, cut, frame, ts)
        yield from self._drain()
        yield from self.tick(ts)

    def acknowledged(self, ack: int, ts: int) -> Iterable[Data | Gap]:
        """The peer has everything before `ack`."""
        ahead = (ack - self._origin - self.position) % WRAP
        if 0 < ahead <= MAX_AHEAD and self.position + ahead > self._acked:
            self._acked, self._acked_at = self.position + ahead, ts
        return self.tick(ts) if self._held else ()

    def holds(self, ack: int) -> bool:
        """Whether an acknowledgement number covers payload that was seen, and at most the FIN behind it."""
        return self.position > 0 and 0 < (ack - self._origin) % WRAP <= self.position + 1

    def tick(self, ts: int) -> Iterator[Data | Gap]:
        """Packet time is now `ts`: give up on holes that nothing will fill."""
        while self._held:
            first = self._held[0]
            if not (
                len(self._held) > MAX_HELD_SEGMENTS
                or self._held_bytes > MAX_HELD_BYTES
                or (self._acked >= first.position and ts - max(self._acked_at, first.ts) >= ACK_GRACE_NS)
                or ts - first.ts >= HOLD_NS
            ):
                return
            yield from self._jump(first)

    def flush(self) -> Iterator[Data | Gap]:
        """The stream ended: everything held, with the gaps between."""
        while self._held:
            yield from self._jump(self._held[0])

    def _jump(self, first: HeldSegment) -> Iterator[Data | Gap]:
        yield Gap(first.position - self.position, first.frame, first.ts)
        self.position = first.position
        yield from self._drain()

    def _drain(self) -> Iterator[Data | Gap]:
        done = 0
        for held in self._held:
            if held.position > self.position:
                break
            done += 1
            self._held_bytes -= len(held.payload)
            yield from self._take(self.position - held.position, held.payload, held.cut, held.frame, held.ts)
        del self._held[:done]

    def _take(self, known: int, payload: bytes, cut: int, frame: int, ts: int) -> Sequence[Data | Gap]:
        """Deliver a segment that begins `known` bytes before the position."""
        fresh = len(payload) - known
        if fresh > 0:
            self.position += fresh + cut
            data = Data(payload[known:] if known else payload, frame, ts)
            return (data, Gap(cut, frame, ts)) if cut else (data,)
        missing = cut + fresh
        if missing <= 0:
            return ()
        self.position += missing
        return (Gap(missing, frame, ts),)
