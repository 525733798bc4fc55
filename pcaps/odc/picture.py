"""A direct AIM connection: greeting, typing, a text in UCS-2, a text with a picture in it."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

from forge import GREETING, TYPING, frame, pictures
from tcpflow import Capture

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 12

capture = Capture(__file__)
peer = capture.flow(("10.77.0.22", 42002), ("10.77.0.21", 4443))
peer.client(frame(b"Lab Bob", flags=GREETING))
peer.server(frame(b"Lab Alice", flags=GREETING), frame(b"Lab Alice", flags=TYPING))
peer.server(frame(b"Lab Alice", "<HTML>grüße ☃</HTML>".encode("utf-16-be"), charset=2))
peer.client(frame(b"Lab Bob", pictures(b"the <B>plan</B>: ", plan=PICTURE)))
peer.server(frame(b"Lab Alice", b"<HTML>looks good</HTML>"))
peer.close()
