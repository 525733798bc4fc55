"""ICQ on the telnet port: a wrong password, then a main connection with what libpurple does not send: kept messages,
extended and old-style messages, a file over ICQ's own connection, contacts with their inside addresses, keep-alives."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
sys.path.append(str(Path(__file__).parents[2]))

from tcpflow import Capture
from tests.dissect.oscar_bytes import (
    capability,
    counted,
    counted_le,
    flap,
    hello,
    ip,
    own,
    rendezvous,
    snac,
    tlv,
    to_client,
    to_server,
    user,
)

ALICE, SERVER = "10.77.0.21", "192.0.2.10"
ROASTED = bytes.fromhex("9a45f0b458f5a8a3")  # icqpass1


def extended(kind: int, words: bytes, more: bytes = b"") -> bytes:
    first = struct.pack("<H", 9) + bytes(16) + b"\0\0" + struct.pack("<IBH", 3, 0, 1)
    second = struct.pack("<H", 1) + bytes(12)
    message = struct.pack("<BBHH", kind, 0, 0, 1) + counted_le(words + b"\0") + more
    return tlv(0x2711, counted_le(first) + counted_le(second) + message)


capture = Capture(__file__)
login = capture.flow((ALICE, 41000), (SERVER, 23))
login.server(hello())
login.client(hello(tlv(1, b"100001"), tlv(2, ROASTED), tlv(3, b"ICQ Inc. - Product of ICQ (TM).2001b.5.17.1.3642.85")))
login.server(flap(4, 1, tlv(1, b"100001") + tlv(4, b"http://www.example.org/errors") + tlv(8, b"\0\5")))
login.close()

main = capture.flow((ALICE, 41001), (SERVER, 23))
main.server(hello())
main.client(hello(tlv(6, bytes(range(256)))))
main.server(snac(1, 3, b"\0\1\0\2\0\3\0\4\0\x13\0\x15", sequence=1))
main.client(snac(1, 0x17, b"\0\1\0\3", sequence=1))
main.server(own(b"100001"))
direct = struct.pack("!4sIBHIIIIIIH", ip("10.77.0.21"), 4000, 4, 8, 0x1234, 80, 3, 0, 0, 0, 0)
main.client(snac(1, 0x1E, tlv(6, b"\0\0\0\x20") + tlv(0xC, direct), sequence=2))
group = struct.pack("!H7sHHHH", 7, b"Friends", 1, 0, 1, 0)
main.server(
    snac(0x13, 6, b"\0\0\1" + group + bytes(4), flags=1),
    snac(0x13, 6, b"\0\0\1" + struct.pack("!H6sHHHH", 6, b"100002", 1, 5, 0, 0) + bytes(4)),
)
meta = struct.pack("<IHH", 100001, 0x41, 2) + struct.pack("<IHBBBBBB", 100002, 2004, 12, 31, 23, 59, 1, 0)
main.server(
    snac(0x15, 3, tlv(1, counted_le(meta + counted_le(b"Happy new year, the key is under the mat\0"))), flags=1)
)
inside = struct.pack("!4sIBHIIIIIIH", ip("192.168.7.7"), 4001, 3, 8, 0x11223344, 80, 3, 1, 2, 3, 0)
main.server(
    snac(3, 0xB, user(b"100002", tlv(1, b"\0\x50"), tlv(6, b"\0\1\0\1"), tlv(0xA, ip("203.0.113.9")), tlv(0xC, inside)))
)
main.server(
    to_client(
        b"100002", tlv(5, struct.pack("<IBB", 100002, 4, 0) + counted_le(b"plan\xfehttp://example.org/\0")), channel=4
    )
)
main.server(to_client(b"100002", rendezvous(0, capability(0x1349), extended(1, "grüße".encode())), channel=2))
offer = struct.pack(">HH", 5000, 0) + counted_le(b"budget.xls\0") + struct.pack("<II", 20_480, 0)
main.client(to_server(b"100002", rendezvous(0, capability(0x1349), extended(3, b"as agreed", offer)), channel=2))
main.server(snac(4, 0xB, b"12345678\0\2" + counted(b"100002") + b"\0\3" + extended(0xE8, b"back at two")[4:]))
main.client(*(flap(5, n, b"") for n in range(0x7FFE, 0x8001)))
main.close()
