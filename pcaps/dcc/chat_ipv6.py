"""A chat between IPv6 hosts, with an action in it."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

from tcpflow import Capture

ALICE, BOB, SERVER = "2001:db8::21", "2001:db8::22", "2001:db8::10"

capture = Capture(__file__)
irc = capture.flow((BOB, 42005), (SERVER, 6667))
irc.client("NICK bob\r\nUSER bob 0 * :Bob\r\n")
irc.server(":irc.lab.test 001 bob :Welcome\r\n")
irc.client(f"PRIVMSG alice :\x01DCC CHAT chat {BOB} 5002\x01\r\n")
chat = capture.flow((ALICE, 42006), (BOB, 5002))
chat.client("nobody reads this\n")
chat.server("are you sure?\r\n\x01ACTION looks round\x01\r\n")
chat.close()
irc.close()
