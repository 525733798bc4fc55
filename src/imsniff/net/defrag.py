"""Putting fragmented IP datagrams together again (RFC 791 §3.2, RFC 8200 §4.5).

Fragments come in any order, twice, overlapping, cut by the snap length, or not at all. Where two say something else
about the same bytes, the first that came wins. A datagram whose end does not come, or of which something was not
captured, is given out as far as its front is known, with its real size beside it.

What is known is kept as stretches that grow together. A fragment that meets many of them makes one of them all, so the
time for it was paid for by those that came before: all together it is linear, whatever the fragments are.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import OrderedDict
from typing import NamedTuple

from imsniff.base.limits import FRAGMENT_COST, FRAGMENT_TIMEOUT, MAX_FRAGMENT_BYTES, MAX_FRAGMENTED

LARGEST = 65_535
"""Bytes of a datagram's payload (a jumbogram cannot be fragmented)."""


class Key(NamedTuple):
    """What fragments of one datagram have in common. `protocol` is 0 for IPv6, where only the first has to know it."""

    source: bytes
    target: bytes
    identification: int
    protocol: int


class Datagram(NamedTuple):
    key: Key
    protocol: int
    data: bytes
    """The payload behind the IP header, from its first byte on."""
    size: int
    """Bytes it had on the wire, or at least had; more than `data` where something is missing."""
    time: int
    """Of its last fragment, as `frame`."""
    frame: int


class _Waiting:
    """The fragments of one datagram."""

    __slots__ = ("began", "borders", "cost", "covered", "frame", "pieces", "protocol", "seen", "size", "time")

    def __init__(self, time: int) -> None:
        self.began = time
        self.time = time
        self.frame = 0
        self.borders: list[int] = []
        """Where what is known begins and ends, begins and ends, ... in order; stretches that touch are one."""
        self.pieces: list[tuple[int, int, bytes]] = []
        """Where it begins, where it ends, and what was captured of that; none overlaps another."""
        self.covered = 0
        self.size: int | None = None
        self.seen = 0
        """The furthest byte any fragment reached."""
        self.protocol: int | None = None
        self.cost = 0

    def add(self, start: int, end: int, data: bytes) -> None:
        """What these bytes tell that is not yet known."""
        first, last = bisect_left(self.borders, start), bisect_right(self.borders, end)
        opens, closes = first % 2 == 0, last % 2 == 0  # whether the start, the end, lie in a hole
        edges = [start] * opens + self.borders[first:last] + [end] * closes
        self.borders[first:last] = [start] * opens + [end] * closes
        for hole, behind in zip(edges[::2], edges[1::2], strict=True):
            if hole < behind:
                self.pieces.append((hole, behind, data[hole - start : behind - start]))
                self.covered += behind - hole

    def front(self) -> bytes:
        """The bytes from the first on, up to the first that is missing."""
        parts, reached = [], 0
        for start, end, data in sorted(self.pieces):
            if start != reached:
                break
            parts.append(data)
            reached += len(data)
            if reached < end:
                break
        return b"".join(parts)


class Defrag:
    """All datagrams that wait for fragments."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[Key, _Waiting] = OrderedDict()
        self._cost = 0
        self.expired: list[Datagram] = []
        """Fronts of datagrams that were given up; who calls `add` takes them from here."""

    def __len__(self) -> int:
        return len(self._waiting)

    def add(
        self,
        key: Key,
        protocol: int,
        offset: int,
        data: bytes,
        size: int,
        *,
        more: bool,
        time: int,
        frame: int,
    ) -> Datagram | None:
        """One fragment: `size` bytes on the wire at `offset` of the datagram, `data` as much of it as was captured,
        `more` where it is not the last. The datagram, if that was the one that was missing."""
        self._expire(time)
        if more:
            size &= ~7  # as receivers do: only the last may end anywhere
            data = data[:size]
        end = offset + size
        if end > LARGEST or size <= 0:
            return None
        waiting = self._waiting.get(key)
        if waiting is None:
            waiting = self._waiting[key] = _Waiting(time)
        if waiting.size is not None and end > waiting.size:
            return None
        before = len(waiting.pieces), waiting.covered
        waiting.add(offset, end, data)
        waiting.time, waiting.frame = time, frame
        waiting.seen = max(waiting.seen, end)
        if offset == 0 and waiting.protocol is None:
            waiting.protocol = protocol
        if not more and waiting.size is None:
            waiting.size = waiting.seen
        cost = (len(waiting.pieces) - before[0]) * FRAGMENT_COST + waiting.covered - before[1]
        waiting.cost += cost
        self._cost += cost
        if waiting.covered == waiting.size:
            return self._give(key)
        while len(self._waiting) > MAX_FRAGMENTED or self._cost > MAX_FRAGMENT_BYTES:
            self._give_up(next(iter(self._waiting)))
        return None

    def flush(self) -> None:
        """Give up all that is still waiting."""
        while self._waiting:
            self._give_up(next(iter(self._waiting)))

    def take_expired(self) -> list[Datagram]:
        expired, self.expired = self.expired, []
        return expired

    def _expire(self, now: int) -> None:
        while self._waiting:
            key, oldest = next(iter(self._waiting.items()))
            if now - oldest.began <= FRAGMENT_TIMEOUT:
                return
            self._give_up(key)

    def _give_up(self, key: Key) -> None:
        front = self._give(key)
        if front.data:
            self.expired.append(front)

    def _give(self, key: Key) -> Datagram:
        waiting = self._waiting.pop(key)
        self._cost -= waiting.cost
        data = waiting.front()
        size = len(data) + 1 if waiting.size is None else waiting.size
        return Datagram(key, waiting.protocol or 0, data, max(size, waiting.seen), waiting.time, waiting.frame)
