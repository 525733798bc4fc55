"""`capture -w`: packets of messaging sessions into a file, or a row of files of limited size or time.

A file of a row is named like `im_00003_20261122T053600Z.pcapng`: its number and the time of its first packet. Files
are pcapng whatever their name says, since one file may hold packets of several link types."""

from __future__ import annotations

import re
from collections import deque
from datetime import UTC, datetime, timedelta
from pathlib import Path

from imsniff.capture.captured import CapturedPacket
from imsniff.capture.writer import PcapngWriter

_RECORD = 36
"""Bytes of a packet's record beside the packet, at most."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def written(target: Path) -> list[Path]:
    """The files that `capture -w` wrote which named this one: itself, or those of its row, in order."""
    if target.is_file():
        return [target]
    row = re.compile(rf"{re.escape(target.stem)}_[0-9]{{5,}}_[0-9]{{8}}T[0-9]{{6}}Z{re.escape(target.suffix)}")
    return sorted(file for file in target.parent.glob("*") if row.fullmatch(file.name) and file.is_file())


class Rotating:
    """Opens its file with the first packet; `flush` makes it readable for others."""

    def __init__(
        self, target: Path, *, octets: int | None = None, seconds: float | None = None, keep: int | None = None
    ) -> None:
        """A new file after `octets` bytes or `seconds` of packet time; the last `keep` files stay."""
        self._target = target
        self._octets = octets
        self._nanoseconds = None if seconds is None else int(seconds * 1e9)
        self._keep = keep
        self._row = octets is not None or seconds is not None
        self._out: PcapngWriter | None = None
        self._size = 0
        self._began = 0
        self._number = 0
        self._files: deque[Path] = deque()
        self.packets = 0

    def write(self, packet: CapturedPacket) -> None:
        """Raises OSError."""
        size = len(packet.data) + _RECORD
        if self._out is None or self._full(packet, size):
            self._turn(packet)
        assert self._out is not None, "_turn opens it"
        self._out.write(packet.ts, packet.link, packet.wire, packet.data)
        self._size += size
        self.packets += 1

    def _full(self, packet: CapturedPacket, size: int) -> bool:
        if self._octets is not None and self._size + size > self._octets:
            return True
        return self._nanoseconds is not None and packet.ts - self._began >= self._nanoseconds

    def _turn(self, packet: CapturedPacket) -> None:
        self.close()
        self._number += 1
        file = self._name(packet.ts)
        # the packets are other people's conversations: for the owner alone
        file.touch(mode=0o600)
        self._out = PcapngWriter(file.open("wb"))
        self._size, self._began = 0, packet.ts
        self._files.append(file)
        while self._keep is not None and len(self._files) > self._keep:
            self._files.popleft().unlink(missing_ok=True)

    def _name(self, ts: int) -> Path:
        if not self._row:
            return self._target
        moment = (_EPOCH + timedelta(microseconds=ts // 1000)).strftime("%Y%m%dT%H%M%SZ")
        return self._target.with_name(f"{self._target.stem}_{self._number:05}_{moment}{self._target.suffix}")

    def flush(self) -> None:
        """Raises OSError."""
        if self._out is not None:
            self._out.flush()

    def close(self) -> None:
        if self._out is not None:
            self._out.close()
            self._out = None
