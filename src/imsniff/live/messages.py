"""What workers and the writer say to each other.

Workers read hostile packets; what they say is decoded as these kinds and nothing else.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from imsniff.base import ipc, records
from imsniff.base.events import Expect
from imsniff.capture.captured import CapturedPacket
from imsniff.detect import Observation, Sighting
from imsniff.live.counts import Blind, Counts


class Announced(NamedTuple):
    """A flow that one worker heard announced."""

    expect: Expect
    ts: int


RECORD, SESSION, PACKET, BLIND, ANNOUNCED, FAULT, COUNTS, ENDED = b"rspbxfce"
TYPES: dict[int, Any] = {
    RECORD: Sighting | Observation | records.CoverageRecord | records.AnyPlain,  # findings come as sightings
    SESSION: records.SessionRecord,
    PACKET: CapturedPacket,
    BLIND: Blind,
    ANNOUNCED: Announced,
    FAULT: str,
    COUNTS: dict[str, Counts],
    ENDED: None,
}
_DECODERS = ipc.decoders(TYPES)

message = ipc.message


def inbox() -> ipc.Inbox:
    return ipc.Inbox(_DECODERS)
