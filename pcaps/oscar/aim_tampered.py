"""AIM: a direct connection for messages proposed behind a router that rewrites addresses, a file over AOL's relay, a
changed password, and a message in code page 1252 with a link that is not what it seems."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
sys.path.append(str(Path(__file__).parents[2]))

from tcpflow import Capture
from tests.dissect.oscar_bytes import capability, hello, ip, own, rendezvous, snac, text, tlv, to_client, to_server

ALICE, SERVER = "10.77.0.21", "192.0.2.10"

capture = Capture(__file__)
main = capture.flow((ALICE, 41002), (SERVER, 5190))
main.server(hello())
main.client(
    hello(tlv(6, bytes(range(256))), tlv(3, b"AOL Instant Messenger, version 5.9.3702/WIN32"), tlv(0x4A, b"\1"))
)
main.server(snac(1, 3, b"\0\1\0\2\0\3\0\4\0\x13"), own(b"Lab Alice"))
main.client(snac(7, 4, tlv(2, b"N3wSecret") + tlv(0x12, b"OldSecret")))
main.server(
    to_client(
        b"Lab Bob", text('<HTML>“see” <A HREF="http://198.51.100.7/photo.scr">my photo</A></HTML>'.encode("cp1252"), 3)
    )
)
place = (tlv(2, ip("203.0.113.5")), tlv(3, ip("10.77.0.21")), tlv(5, struct.pack("!H", 4443)))
check = (tlv(0x16, bytes(b ^ 0xFF for b in ip("10.77.0.21"))), tlv(0x17, struct.pack("!H", 4443 ^ 0xFFFF)))
main.client(
    to_server(
        b"Lab Bob", rendezvous(0, capability(0x1345), tlv(0xA, b"\0\1"), *place, *check), channel=2, cookie=b"direct01"
    )
)
file = tlv(0x2711, b"\0\1\0\1\0\0\0\x0csecret.txt\0")
relay = (tlv(2, ip("192.0.2.80")), tlv(3, ip("10.77.0.21")), tlv(5, b"\x12\x34"), tlv(0x10))
main.client(
    to_server(
        b"Lab Bob",
        rendezvous(0, capability(0x1343), tlv(0xA, b"\0\1"), *relay, file, cookie=b"relayed1"),
        channel=2,
        cookie=b"relayed1",
    )
)
main.server(to_client(b"Lab Bob", rendezvous(2, capability(0x1343), cookie=b"relayed1"), channel=2, cookie=b"relayed1"))
main.close()
