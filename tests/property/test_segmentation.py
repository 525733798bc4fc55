"""However the streams of a capture are cut into segments, repeated or swapped, the same is told of them."""

from __future__ import annotations

import random
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from imsniff.base.records import CoverageRecord, SessionRecord
from imsniff.capture.pcapfile import open_capture
from imsniff.detect import Sighting
from imsniff.net.decode import Decoder
from imsniff.net.segment import TCP, Segment
from imsniff.pipeline import Options, Sensor
from imsniff.record.privacy import Content
from imsniff.rules import loader
from tests.net.forge import pcap_batch, tcp, udp

ROOT = Path(__file__).parents[2]
CAPTURES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("pcaps/**/*.pcap*"))
PLACE = (
    *("id", "ts", "frame", "session", "first_frame", "last_frame", "first_seen", "last_seen"),
    *("packets", "bytes", "bytes_up", "bytes_down"),
)
"""What may differ: where in the capture something stands, and how often it was sent."""


def segments(name: str) -> list[Segment]:
    decoder, found = Decoder(), []
    with open_capture(ROOT / name) as capture:
        for batch in capture:
            for frame, row in enumerate(batch.rows(), batch.first_frame):
                found += decoder.segments(batch.slab, frame, *row)
    return [*found, *decoder.flush()]


def cut(segment: Segment, sizes: list[int]) -> list[Segment]:
    """A TCP segment as several. FIN goes with the last."""
    if segment.protocol != TCP or len(segment.payload) < 2 or segment.cut:
        return [segment]
    pieces, at = [], 0
    while at < len(segment.payload):
        size = sizes[len(pieces) % len(sizes)]
        last = at + size >= len(segment.payload)
        flags = segment.flags if last else segment.flags & ~1
        seq = (segment.seq + at) % 2**32
        pieces.append(replace(segment, payload=segment.payload[at : at + size], seq=seq, flags=flags))
        at += size
    return pieces


def told(pieces: list[Segment]) -> list[object]:
    packets = []
    for piece in pieces:
        if piece.protocol == TCP:
            frame = tcp(piece.source, piece.target, piece.payload, seq=piece.seq, ack=piece.ack, flags=piece.flags)
        else:
            frame = udp(piece.source, piece.target, piece.payload)
        packets.append((piece.ts, frame))
    options = Options(signatures=loader.load(user=Path("/nonexistent")), content=Content.ALL, keep_secrets=True)
    sensor = Sensor(options, "test")
    told = [*sensor.read(pcap_batch(packets)), *sensor.finish()]
    records = [record for record in told if not isinstance(record, CoverageRecord)]
    plain = []
    for record in records:
        if isinstance(record, Sighting):
            continue
        fields = {key: value for key, value in msgspec.to_builtins(record).items() if key not in PLACE}
        if isinstance(record, SessionRecord):
            fields["software"] = sorted(record.software)
            fields.pop("signature", None)  # of several rules that match, the first to see enough nominates
        plain.append(fields)
    return sorted(plain, key=repr)


@pytest.mark.parametrize("name", CAPTURES)
def test_any_segmentation_tells_the_same(name):
    whole = segments(name)
    if any(segment.cut for segment in whole):
        pytest.skip("a capture with cut packets has gaps where its segments end")
    want = told(whole)
    dice = random.Random(name)
    for sizes in ([1], [7], [dice.randint(1, 400) for _ in range(50)]):
        assert told([piece for segment in whole for piece in cut(segment, sizes)]) == want


@pytest.mark.parametrize("name", CAPTURES)
def test_copies_and_neighbours_swapped_tell_the_same(name):
    """Retransmissions, and the pieces of one segment in any order; but for a direction's first, since where no SYN was
    captured the stream begins with what comes first."""
    whole = segments(name)
    if any(segment.cut for segment in whole):
        pytest.skip("a capture with cut packets has gaps where its segments end")
    want, dice, pieces, begun = told(whole), random.Random(name), [], set()
    for segment in whole:
        if (segment.source, segment.target) not in begun:
            begun.add((segment.source, segment.target))
            pieces.append(segment)
            continue
        part = cut(segment, [40])
        if segment.protocol == TCP:
            part += dice.sample(part, dice.randint(0, len(part)))
        dice.shuffle(part)
        pieces += part
    assert told(pieces) == want
