"""Alice has the first 1000 bytes already: the rest completes the file, but nobody here saw it whole."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

from tcpflow import Capture

ALICE, BOB, SERVER = "10.78.0.21", "10.78.0.22", "10.78.0.10"
FILE = b"".join(b"Resumed line %03d\n" % number for number in range(160))

capture = Capture(__file__)
irc = capture.flow((ALICE, 42003), (SERVER, 6667))
irc.client("NICK alice\r\nUSER alice 0 * :Alice\r\n")
irc.server(
    ":irc.lab.test 001 alice :Welcome\r\n"
    f":bob!b@{BOB} PRIVMSG alice :\x01DCC SEND plan of mine.txt 172883990 5001 {len(FILE)}\x01\r\n"
)
irc.client("PRIVMSG bob :\x01DCC RESUME file.ext 5001 1000\x01\r\n")
irc.server(f":bob!b@{BOB} PRIVMSG alice :\x01DCC ACCEPT file.ext 5001 1000\x01\r\n")
data = capture.flow((ALICE, 42004), (BOB, 5001))
data.server(FILE[1000:])
data.client(len(FILE).to_bytes(4, "big"))
data.close()
irc.close()
