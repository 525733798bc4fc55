"""OFT version 3 over AOL's relay: what the sender and the relay say first, then the file."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

from forge import ACK, DONE, PROMPT, header
from tcpflow import Capture

FILE = b"meet at nine"


def relay(kind: int, body: bytes = b"") -> bytes:
    return struct.pack("!HHHIH", 10 + len(body), 0x44A, kind, 0, 0) + body


capture = Capture(__file__)
peer = capture.flow(("10.77.0.21", 42001), ("192.0.2.80", 5190))
peer.client(relay(2, b"\x08labalicecookie78\0\1\0\x10" + bytes.fromhex("094613434c7f11d18222444553540000")))
peer.server(relay(3, b"\x12\x34\xc0\x00\x02\x50"), relay(5))
peer.client(header(PROMPT, b"secret.txt", len(FILE), magic=b"OFT3"))
peer.server(header(ACK, b"secret.txt", len(FILE), magic=b"OFT3"))
peer.client(FILE)
peer.server(header(DONE, b"secret.txt", len(FILE), len(FILE), magic=b"OFT3"))
peer.close()
