"""Headers of OFT for the scripts beside this file."""

from __future__ import annotations

import struct

PROMPT, RESUME_ACCEPT, ACK, DONE, RESUME, RESUME_ACK = 0x101, 0x106, 0x202, 0x204, 0x205, 0x207


def header(kind: int, name: bytes, size: int, received: int = 0, *, encoding: int = 0, magic: bytes = b"OFT2") -> bytes:
    name = name.ljust(64, b"\0")
    return (
        magic
        + struct.pack("!HH8sHHHHHH", 192 + len(name), kind, b"cookie78", 0, 0, 1, 1, 1, 1)
        + struct.pack("!IIII", size, size, 0, 0xFFFF0000)
        + struct.pack("!IIIIII", 0xFFFF0000, 0, 0, 0, received, 0xFFFF0000)
        + b"Cool FileXfer".ljust(32, b"\0")
        + bytes(1 + 2 + 69 + 16)
        + struct.pack("!HH", encoding, 0)
        + name
    )
