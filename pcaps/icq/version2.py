"""ICQ 95: nothing is hidden. Login, contacts, a message sent twice because its answer was slow, a kept message."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2]))

from datagrams import write
from tests.dissect.oscar_bytes import counted_le, ip

ALICE, BOB = 100001, 100002


def asked(command: int, sequence: int, body: bytes = b"") -> tuple[bool, bytes]:
    return True, struct.pack("<HHHI", 2, command, sequence, ALICE) + body


def told(command: int, sequence: int, body: bytes = b"") -> tuple[bool, bytes]:
    return False, struct.pack("<HHH", 2, command, sequence) + body


TEXT = asked(0x10E, 3, struct.pack("<IH", BOB, 1) + counted_le(b"Hello Bob, this is Alice\0"))
LOGIN = struct.pack("<I", 4000) + counted_le(b"icqpass1\0") + struct.pack("<I4sBH", 0x78, ip("10.77.0.21"), 4, 0)

write(
    __file__,
    ("10.77.0.21", 1033),
    ("192.0.2.10", 4000),
    [
        asked(0x3E8, 1, LOGIN + struct.pack("<H", 2) + bytes(12)),
        told(0xA, 1),
        told(0x5A, 1, struct.pack("<I", ALICE) + bytes(29)),
        asked(0x406, 2, b"\1" + struct.pack("<I", BOB)),
        told(0xA, 2),
        told(0x6E, 2, struct.pack("<I4sH4sHBH", BOB, ip("203.0.113.9"), 4001, ip("10.77.0.22"), 3, 4, 0x11) + bytes(6)),
        TEXT,
        TEXT,
        told(0xA, 3),
        told(0xDC, 3, struct.pack("<IHBBBBH", BOB, 1998, 12, 31, 23, 59, 1) + counted_le(b"see you next year\0")),
        told(0x78, 4, struct.pack("<I", BOB)),
        asked(0x438, 4, counted_le(b"B_USER_DISCONNECTED\0")),
    ],
)
