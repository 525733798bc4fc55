"""What workers and the writer say to each other, over a socket of their own.

    size:4, network order | kind:1 | MessagePack

Workers read hostile packets; what they say is decoded as these kinds and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from imsniff import records
from imsniff.aside import Packet
from imsniff.detect import Sighting
from imsniff.events import Expect
from imsniff.live.counts import Blind, Counts


class Announced(NamedTuple):
    """A flow that one worker heard announced."""

    expect: Expect
    ts: int


def _record_type() -> Any:  # noqa: ANN401 - a union that mypy need not know
    union: Any = Sighting  # findings come as sightings
    for kind in records.AnyRecord.__args__[:-1]:
        union = union | kind
    return union


RECORD, SESSION, PACKET, BLIND, ANNOUNCED, FAULT, COUNTS, ENDED = b"rspbxfce"
TYPES: dict[int, Any] = {
    RECORD: _record_type(),
    SESSION: records.SessionRecord,
    PACKET: Packet,
    BLIND: Blind,
    ANNOUNCED: Announced,
    FAULT: str,
    COUNTS: dict[str, Counts],
    ENDED: None,
}
_DECODERS = {kind: msgspec.msgpack.Decoder(given) for kind, given in TYPES.items()}
_ENCODER = msgspec.msgpack.Encoder()


def message(kind: int, value: object) -> bytes:
    try:
        body = _ENCODER.encode(value)
    except UnicodeEncodeError:  # lone surrogates are stored and shown as escapes in any case
        body = _ENCODER.encode(_encodable(msgspec.to_builtins(value)))
    return (len(body) + 1).to_bytes(4, "big") + bytes((kind,)) + body


def _encodable(value: object) -> object:
    match value:
        case str():
            return value.encode("utf-8", "backslashreplace").decode()
        case list():
            return [_encodable(item) for item in value]
        case dict():
            return {key: _encodable(item) for key, item in value.items()}
    return value


class Inbox:
    """Puts messages together from what a socket gives."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[int, Any]]:
        """Kind and value of every message that is complete. Raises msgspec.DecodeError."""
        waiting = self._bytes
        waiting += data
        at = 0
        while len(waiting) - at >= 4:
            size = int.from_bytes(waiting[at : at + 4], "big")
            if len(waiting) - at - 4 < size:
                break
            kind, body = waiting[at + 4], waiting[at + 5 : at + 4 + size]
            decoder = _DECODERS.get(kind)
            if decoder is None:
                raise msgspec.DecodeError(f"no message is of kind {kind}")
            yield kind, decoder.decode(body)
            at += 4 + size
        del waiting[:at]
