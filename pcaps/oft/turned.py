"""Two files that Alice offers in one go. Bob cannot call her, so he proposes in turn and she, the sender, calls him on
the port of HTTPS. The first file arrives; of the second its receiver has enough half way."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
sys.path.append(str(Path(__file__).parents[2]))

from forge import ACK, DONE, PROMPT, header
from tcpflow import Capture
from tests.dissect.oscar_bytes import capability, hello, ip, own, rendezvous, snac, tlv, to_client, to_server

ALICE, BOB, SERVER = "10.77.0.21", "10.77.0.22", "192.0.2.10"
SEND = capability(0x1343)
NOTES, SONG = b"minutes of Tuesday\r\n" * 40, b"ID3" + bytes(6000)


def place(turn: int, address: str, port: int) -> bytes:
    return tlv(0xA, struct.pack("!H", turn)) + tlv(3, ip(address)) + tlv(5, struct.pack("!H", port))


capture = Capture(__file__)
main = capture.flow((ALICE, 41004), (SERVER, 5190))
main.server(hello())
main.client(hello(tlv(6, bytes(range(256)))))
main.server(snac(1, 3, b"\0\1\0\2\0\3\0\4\0\x13"), own(b"Lab Alice"))
files = tlv(0x2711, struct.pack("!HHI", 2, 2, len(NOTES) + len(SONG)) + b"for you\0")
main.client(to_server(b"Lab Bob", rendezvous(0, SEND, place(1, ALICE, 5566), files), channel=2))
main.server(to_client(b"Lab Bob", rendezvous(0, SEND, place(2, BOB, 443)), channel=2))
main.client(to_server(b"Lab Bob", rendezvous(2, SEND), channel=2))

peer = capture.flow((ALICE, 42005), (BOB, 443))
peer.client(header(PROMPT, b"for you\x01notes.txt", len(NOTES)))
peer.server(header(ACK, b"for you\x01notes.txt", len(NOTES)))
peer.client(NOTES)
peer.server(header(DONE, b"for you\x01notes.txt", len(NOTES), len(NOTES)))
peer.client(header(PROMPT, b"for you\x01song.mp3", len(SONG)))
peer.server(header(ACK, b"for you\x01song.mp3", len(SONG)))
peer.client(SONG[:2800])
peer.server(header(DONE, b"for you\x01song.mp3", len(SONG), 2800))
peer.close()
main.close()
