"""Yahoo! Pager of 1999: YPNS from the client, YHOO from the server; log-on with a cookie, a message each way, one that
waited on the server."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

from tcpflow import Capture
from ymsg_bytes import old

CLIENT, SERVER = b"YPNS2.0", b"YHOO1.0"

session = Capture(__file__).flow(("10.78.0.21", 40003), ("10.78.0.10", 5050))
session.client(old(CLIENT, 1, "alice", "Y=v=1&n=6mq5b&l=0b824/o; T=z=8eX1DB80yCDB"))
session.server(old(SERVER, 1, "alice", "alice,bob(99,3A1B,0,1)", kind=0))
session.server(old(SERVER, 6, "alice", "6,6,alice,carol,Sat Jan  1 00:00:01 2005,call me when you are back", kind=5))
session.client(old(CLIENT, 6, "alice", "bob,are you there, Bob?"))
session.server(old(SERVER, 6, "alice", "bob,yes, as ever"))
session.client(old(CLIENT, 2, "alice", "alice"))
session.close()
