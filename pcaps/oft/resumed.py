"""A file that is resumed where it broke off, then a second one, with a path in UCS-2, on the same connection."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

from forge import ACK, DONE, PROMPT, RESUME, RESUME_ACCEPT, RESUME_ACK, header
from tcpflow import Capture

FIRST, SECOND = bytes(range(256)) * 20, b"MZ" + bytes(510)
NAME = "trip\x01grüße.scr".encode("utf-16-be")

capture = Capture(__file__)
peer = capture.flow(("10.77.0.22", 42000), ("10.77.0.21", 5600))
peer.server(header(PROMPT, b"photo.jpg", len(FIRST)))
peer.client(header(RESUME, b"photo.jpg", len(FIRST), 2000))
peer.server(header(RESUME_ACCEPT, b"photo.jpg", len(FIRST), 2000))
peer.client(header(RESUME_ACK, b"photo.jpg", len(FIRST), 2000))
peer.server(FIRST[2000:])
peer.client(header(DONE, b"photo.jpg", len(FIRST), len(FIRST)))
peer.server(header(PROMPT, NAME, len(SECOND), encoding=2))
peer.client(header(ACK, NAME, len(SECOND), encoding=2))
peer.server(SECOND)
peer.client(header(DONE, NAME, len(SECOND), len(SECOND), encoding=2))
peer.close()
