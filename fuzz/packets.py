"""Targets below the dissectors: one packet, one stream out of order, one capture file, and the whole way through."""

from __future__ import annotations

import atexit
import os
import struct
import tempfile
from collections.abc import Iterator
from contextlib import closing, suppress
from functools import cache
from pathlib import Path

from imsniff.base.limits import MAX_HELD_BYTES, MAX_HELD_SEGMENTS
from imsniff.base.records import CoverageRecord, Record, from_json, to_json
from imsniff.capture.errors import CaptureError
from imsniff.capture.pcapfile import open_capture
from imsniff.detect import Aggregate, Observation, Sighting
from imsniff.net.decode import Decoder
from imsniff.net.link import LINKS
from imsniff.net.reassembly import Data, Stream
from imsniff.pipeline import Options, Sensor
from imsniff.rules.loader import load

PCAPS = Path(__file__).resolve().parents[1] / "pcaps"
LINK_TYPES = sorted(LINKS)
LARGEST_SEED = 20_000


def small_captures() -> Iterator[bytes]:
    for path in sorted(PCAPS.glob("*/*.pcap*")):
        if path.stat().st_size <= LARGEST_SEED:
            yield path.read_bytes()


# --- decode -----------------------------------------------------------------------------------------------------------


def decode(data: bytes) -> None:
    """Link type's number, then packets of two length bytes each, decoded by one decoder: fragments meet."""
    decoder = Decoder()
    link = LINK_TYPES[data[0] % len(LINK_TYPES)] if data else 1
    at, frame = 1, 0
    while at + 2 <= len(data):
        size = int.from_bytes(data[at : at + 2], "big")
        packet = bytearray(data[at + 2 : at + 2 + size])
        at, frame = at + 2 + size, frame + 1
        for segment in decoder.segments(packet, frame, 0, len(packet), size, frame * 1_000_000, link):
            assert len(segment.payload) <= len(packet) * 64, "more than came in"
    decoder.flush()


def decode_seeds() -> Iterator[bytes]:
    for capture in small_captures():
        if capture[:4] != b"\xd4\xc3\xb2\xa1":
            continue
        (link,) = struct.unpack_from("<I", capture, 20)
        out, at = bytearray([LINK_TYPES.index(link) if link in LINK_TYPES else 0]), 24
        while at + 16 <= len(capture):
            (size,) = struct.unpack_from("<I", capture, at + 8)
            out += size.to_bytes(2, "big") + capture[at + 16 : at + 16 + size]
            at += 16 + size
        yield bytes(out)


# --- reassembly -------------------------------------------------------------------------------------------------------

SEGMENT = struct.Struct("!IBBBB")
"""Sequence number, payload length, bytes cut, acknowledgement's distance, milliseconds since the one before."""


def reassembly(data: bytes) -> None:
    """Segments of a stream whose byte at n is n mod 251: whatever comes out must say so too."""
    stream, position, now = Stream(0), 0, 0
    for frame, at in enumerate(range(0, len(data) - SEGMENT.size + 1, SEGMENT.size)):
        seq, size, cut, ack, wait = SEGMENT.unpack_from(data, at)
        now += wait * 1_000_000
        payload = bytes((seq + n) % (1 << 32) % 251 for n in range(size))
        for item in (*stream.push(seq, payload, cut & 15, frame, now), *stream.acknowledged(seq + ack, now)):
            position = _checked(item, position)
        assert len(stream._held) <= MAX_HELD_SEGMENTS + 1, "hoards"
        assert stream._held_bytes <= MAX_HELD_BYTES + 256, "hoards"
    for item in stream.flush():
        position = _checked(item, position)
    assert position == stream.position


def _checked(item: object, position: int) -> int:
    if isinstance(item, Data):
        assert item.data == bytes((position + n) % (1 << 32) % 251 for n in range(len(item.data))), "wrong bytes"
        return position + len(item.data)
    assert item.missing > 0, "an empty gap"
    return position + item.missing


def reassembly_seeds() -> Iterator[bytes]:
    orders = ([0, 100, 200, 300], [200, 0, 100, 300], [0, 0, 50, 100], [0, 200, 1000], [100, 90, 0])
    for order in orders:
        yield b"".join(SEGMENT.pack(seq, 100, 0, 0, 1) for seq in order)
        yield b"".join(SEGMENT.pack(seq, 100, 3, 100, 200) for seq in order)


# --- capture files and the whole way ----------------------------------------------------------------------------------


@cache
def scratch_file() -> Path:
    """In memory where that is possible: a file is written for every input."""
    folder = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    handle, name = tempfile.mkstemp(prefix="imsniff-fuzz-", dir=folder)
    os.close(handle)
    path = Path(name)
    atexit.register(path.unlink, missing_ok=True)
    return path


def capture(data: bytes) -> None:
    """A capture file as it is, opened by content."""
    path = scratch_file()
    path.write_bytes(data)
    with suppress(CaptureError), closing(open_capture(path, slab_size=4096)) as opened:
        for batch in opened:
            for at, captured, _, _, _ in batch.rows():
                assert batch.start <= at, "before the slab"
                assert at + captured <= batch.end, "behind the slab"


@cache
def options() -> Options:
    return Options(signatures=load(user=Path("/nonexistent")), fingerprint_key=b"fuzz")


def spine(data: bytes) -> None:
    """From a capture file to records; each must be what the contract says a line is."""
    path = scratch_file()
    path.write_bytes(data)
    sensor, records, found = Sensor(options(), "fuzz"), list[Record](), Aggregate()
    with suppress(CaptureError), closing(open_capture(path, slab_size=65536)) as opened:
        for batch in opened:
            records += sensor.read(batch)
    records += sensor.finish()
    for record in records:
        if isinstance(record, Sighting):
            found.add(record)
        elif not isinstance(record, Observation | CoverageRecord):  # which are no lines of the contract
            from_json(to_json(record))
    for finding in found.findings():
        from_json(to_json(finding))
