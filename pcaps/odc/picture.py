"""A direct AIM connection: greeting, typing, a text in UCS-2, a text with a picture in it."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

from tcpflow import Capture


def frame(sender: bytes, payload: bytes = b"", charset: int = 0, flags: int = 0) -> bytes:
    return (
        b"ODC2"
        + struct.pack("!HHHH8s8x", 76, 1, 6, 0, b"cookie78")
        + struct.pack("!IHHHHHH", len(payload), charset, 0, 0, flags, 0, 0)
        + sender.ljust(32, b"\0")
        + payload
    )


PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 12

capture = Capture(__file__)
peer = capture.flow(("10.77.0.22", 42002), ("10.77.0.21", 4443))
peer.client(frame(b"Lab Bob", flags=0x60))
peer.server(frame(b"Lab Alice", flags=0x60), frame(b"Lab Alice", flags=0x0A))
peer.server(frame(b"Lab Alice", "<HTML>grüße ☃</HTML>".encode("utf-16-be"), charset=2))
peer.client(
    frame(
        b"Lab Bob",
        b'<HTML>the <B>plan</B>: <IMG SRC="plan.png" ID="1" WIDTH="20" HEIGHT="20" DATASIZE="%d"></HTML>' % len(PICTURE)
        + b'<BINARY><DATA ID="1" SIZE="%d">' % len(PICTURE)
        + PICTURE
        + b"</DATA></BINARY>",
    )
)
peer.server(frame(b"Lab Alice", b"<HTML>looks good</HTML>"))
peer.close()
