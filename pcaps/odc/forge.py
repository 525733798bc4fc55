"""Frames of ODC for the scripts beside this file."""

from __future__ import annotations

import struct

TYPING, GREETING, AUTOMATIC = 0x0A, 0x60, 0x01


def frame(sender: bytes, payload: bytes = b"", charset: int = 0, flags: int = 0) -> bytes:
    return (
        b"ODC2"
        + struct.pack("!HHHH8s8x", 76, 1, 6, 0, b"cookie78")
        + struct.pack("!IHHHHHH", len(payload), charset, 0, 0, flags, 0, 0)
        + sender.ljust(32, b"\0")
        + payload
    )


def pictures(text: bytes, **files: bytes) -> bytes:
    """A text with pictures in it: what is named in the text follows behind it."""
    tags = b"".join(
        b'<IMG SRC="%s.png" ID="%d" WIDTH="20" HEIGHT="20" DATASIZE="%d">' % (name.encode(), number, len(data))
        for number, (name, data) in enumerate(files.items(), 1)
    )
    data = b"".join(
        b'<DATA ID="%d" SIZE="%d">%s</DATA>' % (number, len(data), data)
        for number, data in enumerate(files.values(), 1)
    )
    return b"<HTML>%s%s</HTML><BINARY>%s</BINARY>" % (text, tags, data)
