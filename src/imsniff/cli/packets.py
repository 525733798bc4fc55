"""Writing out the packets of messaging sessions: `analyze -w`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import IO

from imsniff.base.records import SessionRecord
from imsniff.capture.errors import CaptureError
from imsniff.capture.pcapfile import open_capture
from imsniff.capture.writer import PacketWriter, PcapngWriter
from imsniff.net.decode import Decoder
from imsniff.net.segment import TCP, Segment, endpoint

Flow = tuple[str, frozenset[tuple[str, int]]]


def write_sessions(paths: Iterable[Path], sessions: Iterable[SessionRecord], stream: IO[bytes]) -> int:
    """Read the captures once more and write the packets of these sessions; how many. Raises OSError of the stream.

    Of a datagram that came in fragments, the last one is written. What cannot be read was told the first time."""
    wanted: dict[str, dict[Flow, list[tuple[int, int]]]] = {}
    for s in sessions:
        flow = (s.transport, frozenset(((s.client_ip, s.client_port), (s.server_ip, s.server_port))))
        wanted.setdefault(s.capture, {}).setdefault(flow, []).append((s.first_frame, s.last_frame))
    count = 0
    out = PcapngWriter(stream)
    for path in paths:
        try:
            count += _copy(path, wanted, out)
        except CaptureError:
            continue
    return count


def _copy(path: Path, wanted: dict[str, dict[Flow, list[tuple[int, int]]]], out: PacketWriter) -> int:
    count = 0
    with open_capture(path) as capture:
        flows = wanted.get(capture.name)
        if not flows:
            return 0
        segments = Decoder().segments
        for batch in capture:
            for frame, (at, size, wire, ts, link) in enumerate(batch.rows(), batch.first_frame):
                if any(_within(flows, segment) for segment in segments(batch.slab, frame, at, size, wire, ts, link)):
                    out.write(ts, link, wire, batch.slab[at : at + size])
                    count += 1
    return count


def _within(flows: dict[Flow, list[tuple[int, int]]], segment: Segment) -> bool:
    ends = frozenset((endpoint(segment.source), endpoint(segment.target)))
    spans = flows.get(("tcp" if segment.protocol == TCP else "udp", ends), ())
    return any(first <= segment.frame <= last for first, last in spans)
