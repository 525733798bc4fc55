"""FLAP, the framing under OSCAR and TOC. One frame, big-endian:

    "*" | channel:1 | sequence:2 | length:2 | body

Channels: 1 sign-on, 2 data (a SNAC, or a line of TOC), 3 error, 4 sign-off, 5 keep-alive. The sequence counts one up a
frame and direction; 16 bits, though old ICQ clients keep to 15. A sign-on body is the version (always 1) and TLVs.

Nothing marks the end of a frame, so a lost reader must find the next header among arbitrary bytes. The header alone
is weak (16 known bits), which is why OSCAR and TOC each add what must stand in the body.

References: open-oscar-server wire/frames.go and docs/TOC.md.
"""

from __future__ import annotations

import re
import struct

from msgspec import Struct

from imsniff.dissect.core import Inbox
from imsniff.dissect.cursor import Malformed

MARKER = 0x2A
HEADER = 6
LARGEST = HEADER + 0xFFFF
"""Bytes of the largest frame that a header can announce."""

MARK = re.compile(rb"\x2a[\x01-\x05]")
VERSION = b"\0\0\0\1"
_FIELDS = struct.Struct("!xBHH")


class Channel:
    SIGN_ON = 1
    DATA = 2
    ERROR = 3
    SIGN_OFF = 4
    KEEP_ALIVE = 5


class Flap(Struct, gc=False):
    channel: int
    sequence: int
    body: bytes


class Header(Struct, gc=False):
    channel: int
    sequence: int
    size: int
    """Bytes of the body."""


def header(data: bytes | bytearray, at: int = 0) -> Header | None:
    """The header at `data[at:]`; None while it is not all there. Raises Malformed as soon as it cannot be one."""
    if len(data) > at and data[at] != MARKER:
        raise Malformed(f"no FLAP marker but 0x{data[at]:02x}")
    if len(data) > at + 1 and not 1 <= data[at + 1] <= 5:
        raise Malformed(f"FLAP channel {data[at + 1]}")
    if len(data) < at + HEADER:
        return None
    return Header(*_FIELDS.unpack_from(data, at))


def follows(earlier: int, later: int) -> bool:
    """Whether one sequence number comes right after another, in 16 bits or in the 15 of old ICQ clients."""
    return later in ((earlier + 1) & 0xFFFF, (earlier + 1) & 0x7FFF)


def cut(box: Inbox, head: Header | None) -> Flap | None:
    """The frame at the front of `box`, whose header was looked at; None while it is not all there."""
    if head is None or len(box.data) < HEADER + head.size:
        return None
    body = bytes(box.data[HEADER : HEADER + head.size])
    box.drop(HEADER + head.size)
    return Flap(head.channel, head.sequence, body)
