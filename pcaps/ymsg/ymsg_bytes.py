"""Builds YMSG packets for the scripts here."""

from __future__ import annotations

import struct


def packet(service: int, *pairs: tuple[int, str | bytes], version: int = 16, status: int = 0) -> bytes:
    body = b"".join(
        str(key).encode() + b"\xc0\x80" + (value.encode() if isinstance(value, str) else value) + b"\xc0\x80"
        for key, value in pairs
    )
    return struct.pack("!4sHHHHII", b"YMSG", version, 0, len(body), service, status, 0x00403726) + body


def old(magic: bytes, service: int, nick: str, content: str, kind: int = 1) -> bytes:
    """YPNS or YHOO."""
    raw = content.encode() + b"\0"
    head = struct.pack("<8sIIIIII", magic, 104 + len(raw), service, 7, 0x00BADA55, 0, kind)
    return head + nick.encode().ljust(36, b"\0") * 2 + raw
