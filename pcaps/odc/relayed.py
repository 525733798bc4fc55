"""A direct connection between two ICQ users over AOL's relay: what they and the relay say first, then messages."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

from forge import GREETING, TYPING, frame, pictures
from tcpflow import Capture

PNG = b"\x89PNG\r\n\x1a\n"


def relay(kind: int, body: bytes = b"") -> bytes:
    return struct.pack("!HHHIH", 10 + len(body), 0x44A, kind, 0, 0) + body


capture = Capture(__file__)
peer = capture.flow(("10.77.0.21", 42004), ("192.0.2.80", 5190))
peer.client(relay(2, b"\x06100001cookie78\0\1\0\x10" + bytes.fromhex("094613454c7f11d18222444553540000")))
peer.server(relay(3, b"\x12\x34\xc0\x00\x02\x50"), relay(5))
peer.client(frame(b"100001", flags=GREETING))
peer.server(frame(b"100002", flags=GREETING), frame(b"100002", flags=TYPING))
peer.server(frame(b"100002", b"<HTML>is this the hinge?</HTML>"))
peer.client(frame(b"100001", pictures(b"no, this: ", hinge=PNG + bytes(range(256)) * 10)))
peer.server(frame(b"100002", "<HTML>тогда завтра</HTML>".encode("utf-16-be"), charset=2))
peer.close()
