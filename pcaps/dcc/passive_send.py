"""Bob cannot listen: he offers with port 0 and a token, Alice answers with her address, and Bob connects and sends."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

from tcpflow import Capture

ALICE, BOB, SERVER = "10.78.0.21", "10.78.0.22", "10.78.0.10"
FILE = b"".join(b"Passive line %03d\n" % number for number in range(160))


def number(ip: str) -> int:
    return int.from_bytes(bytes(map(int, ip.split("."))), "big")


capture = Capture(__file__)
irc = capture.flow((BOB, 42001), (SERVER, 6667))
irc.client("NICK bob\r\nUSER bob 0 * :Bob\r\n")
irc.server(":irc.lab.test 001 bob :Welcome\r\n")
irc.client(f'PRIVMSG alice :\x01DCC SEND "my plan.txt" {number(BOB)} 0 {len(FILE)} 77\x01\r\n')
irc.server(f':alice!a@{ALICE} PRIVMSG bob :\x01DCC SEND "my plan.txt" {number(ALICE)} 5000 {len(FILE)} 77\x01\r\n')
data = capture.flow((BOB, 42002), (ALICE, 5000))
for at in range(0, len(FILE), 1000):
    data.client(FILE[at : at + 1000])
    data.server(min(at + 1000, len(FILE)).to_bytes(4, "big"))
data.close()
irc.client("QUIT\r\n")
irc.close()
