"""A direct AIM connection that is proposed and then turned round: Bob cannot be called, so Alice waits on the telnet
port and Bob calls her. Two pictures in one message, an automatic answer, code page 1252, and a proposal withdrawn."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
sys.path.append(str(Path(__file__).parents[2]))

from forge import AUTOMATIC, GREETING, TYPING, frame, pictures
from tcpflow import Capture
from tests.dissect.oscar_bytes import capability, hello, ip, own, rendezvous, snac, tlv, to_client, to_server

ALICE, BOB, SERVER = "10.77.0.21", "10.77.0.22", "192.0.2.10"
DIRECT = capability(0x1345)
PNG = b"\x89PNG\r\n\x1a\n"


def place(turn: int, address: str, port: int) -> bytes:
    return tlv(0xA, struct.pack("!H", turn)) + tlv(3, ip(address)) + tlv(5, struct.pack("!H", port))


capture = Capture(__file__)
main = capture.flow((ALICE, 41003), (SERVER, 5190))
main.server(hello())
main.client(hello(tlv(6, bytes(range(256))), tlv(3, b"AOL Instant Messenger, version 5.9.3702/WIN32")))
main.server(snac(1, 3, b"\0\1\0\2\0\3\0\4\0\x13"), own(b"Lab Alice"))
main.server(to_client(b"Lab Bob", rendezvous(0, DIRECT, place(1, BOB, 4443)), channel=2))
main.client(to_server(b"Lab Bob", rendezvous(0, DIRECT, place(2, ALICE, 23)), channel=2))

peer = capture.flow((BOB, 42003), (ALICE, 23))
peer.server(frame(b"Lab Alice", flags=GREETING))
peer.client(frame(b"Lab Bob", flags=GREETING), frame(b"Lab Bob", flags=TYPING))
peer.client(frame(b"Lab Bob", pictures(b"before, after: ", before=PNG + bytes(1500), after=PNG + bytes(700))))
peer.server(frame(b"Lab Alice", "<HTML>I am “away”</HTML>".encode("cp1252"), charset=3, flags=AUTOMATIC))
peer.close()

main.server(to_client(b"Lab Bob", rendezvous(0, DIRECT, place(1, BOB, 4444)), channel=2))
main.server(to_client(b"Lab Bob", rendezvous(1, DIRECT, tlv(0xB, b"\0\1")), channel=2))
main.close()
