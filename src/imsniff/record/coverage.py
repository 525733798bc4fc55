"""What a sensor watched, by the hour: how many packets, and which inside hosts were alive.

An audit needs both to say that a finding is gone: its host was there, and it was not seen any more. A host is alive in
an hour when a flow of it begins. The gate tells of flows that never come up, `net.flows` of those that do.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy

from imsniff.base.addresses import address, is_inside
from imsniff.base.identity import identifier
from imsniff.base.limits import MAX_HOSTS_HOUR, MAX_HOURS_OPEN
from imsniff.base.records import CoverageRecord, timestamp
from imsniff.capture.batch import Batch

HOUR_NS = 3_600 * 1_000_000_000


class Coverage:
    """Of one sensor."""

    def __init__(self) -> None:
        self.part = 0
        """Tells sensors apart that watch one interface together or one after the other. A capture file has one part, so
        that reading it again counts nothing twice."""
        self._records: dict[tuple[str, int], CoverageRecord] = {}
        self._hosts: dict[int, set[bytes]] = {}
        self._frames = 0
        self._last = 0

    def flow(self, key: bytes, ts: int) -> None:
        """A flow begins at `ts` (nanoseconds since 1970). key: both addresses, then both ports."""
        size = len(key) // 2 - 2
        hosts = self._hosts.get(ts // HOUR_NS)
        if hosts is None:
            hosts = self._hosts.setdefault(ts // HOUR_NS, set())
        for host in (key[:size], key[size : 2 * size]):
            if host not in hosts and is_inside(host) and len(hosts) < MAX_HOSTS_HOUR:
                hosts.add(host)

    def batch(self, batch: Batch, frames: int, last: int) -> Iterator[CoverageRecord]:
        """A batch was read: the number of its last packet, and the time of that. Tells of the hours before."""
        count, self._frames = frames - self._frames, frames
        if count <= 0:
            return
        hour, begun = last // HOUR_NS, self._last // HOUR_NS
        self._last = last
        if hour == begun:
            self._count(batch, hour, batch.first_frame, last, count)
            return
        again = Batch(batch.capture, batch.slab, batch.start, batch.end, batch.first_frame, batch.walk)
        for frame, row in enumerate(again.rows(), batch.first_frame):
            self._count(batch, row[3] // HOUR_NS, frame, row[3], 1)
        if len(self._records) > MAX_HOURS_OPEN:
            yield from self.over(keep=hour)

    def over(self, keep: int | None = None) -> Iterator[CoverageRecord]:
        """What was counted; all but the hour to keep is then closed."""
        for (capture, hour), record in list(self._records.items()):
            record.hosts = sorted(filter(None, map(address, self._hosts.get(hour, ()))))
            if hour == keep:
                yield copy(record)
            else:
                yield self._records.pop((capture, hour))
        for hour in [one for one in self._hosts if one != keep]:
            del self._hosts[hour]

    def _count(self, batch: Batch, hour: int, frame: int, ts: int, packets: int) -> None:
        record = self._records.get((batch.capture, hour))
        if record is None:
            began = timestamp(hour * HOUR_NS)
            record = self._records[batch.capture, hour] = CoverageRecord(
                id=identifier("coverage", batch.capture, began, self.part),
                ts=began,
                capture=batch.capture,
                frame=frame,
                part=self.part,
                first_seen=timestamp(ts),
                last_seen=timestamp(ts),
                packets=0,
            )
        record.packets += packets
        record.last_seen = max(record.last_seen, timestamp(ts))
