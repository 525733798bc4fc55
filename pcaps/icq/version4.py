"""ICQ 98: the header is disguised, the password is behind that part; the server answers in version 3. First refused."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2]))
sys.path.append(str(Path(__file__).parents[2] / "src"))

from datagrams import write
from tests.dissect.oscar_bytes import counted_le, ip

from imsniff.dissect.oscar import icq_crypt

ALICE, BOB = 100001, 100002


def asked(command: int, sequence: int, body: bytes = b"") -> tuple[bool, bytes]:
    """XOR is its own inverse: what opens a packet also closes it, once the check code stands in it."""
    clear = struct.pack("<HHHHHHII", 4, 0x1234, 0, command, sequence, 1, ALICE, 0) + body
    header = clear[8] << 24 | clear[4] << 16 | clear[2] << 8 | clear[6]
    check = header ^ int.from_bytes(bytes((3, clear[3], 77, icq_crypt.TEXT[77])), "big") ^ 0x00FF00FF
    return True, icq_crypt.opened_4(clear[:16] + check.to_bytes(4, "little") + clear[20:])[0]


def told(command: int, sequence: int, body: bytes = b"") -> tuple[bool, bytes]:
    return False, struct.pack("<HHHHII", 3, command, sequence, 1, ALICE, 0) + body


def login(password: bytes) -> bytes:
    start = struct.pack("<II", 915_148_800, 4000) + counted_le(password + b"\0")
    return start + struct.pack("<I4sBI", 0x98, ip("10.77.0.21"), 4, 0) + bytes(12)


write(
    __file__,
    ("10.77.0.21", 1034),
    ("192.0.2.10", 4000),
    [
        asked(0x3E8, 1, login(b"wrongpw")),
        told(0xA, 1),
        told(0x64, 1),
        asked(0x3E8, 2, login(b"icqpass1")),
        told(0xA, 2),
        told(0x5A, 2, bytes(24)),
        asked(0x10E, 3, struct.pack("<IH", BOB, 4) + counted_le(b"the plan\xfehttp://example.org/plan\0")),
        told(0xA, 3),
        told(0x104, 4, struct.pack("<IH", BOB, 1) + counted_le(b"I have it, thanks\0")),
        told(0x6E, 5, struct.pack("<I4sI4sBHHHH", BOB, ip("203.0.113.9"), 4001, ip("10.77.0.22"), 4, 1, 0, 3, 0)),
    ],
)
