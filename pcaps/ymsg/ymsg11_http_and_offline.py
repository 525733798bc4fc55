"""Version 11 inside HTTP: the client posts packets, the server answers with their number and more packets. A refused
log-in, then offline messages in one packet, a chat room, a decoy of 65 516 bytes, and a file from a peer's own host."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

from tcpflow import Capture, Flow
from ymsg_bytes import packet

ALICE, SERVER = "10.78.0.21", "10.78.0.10"
FAILED = 0xFFFF_FFFF


def v11(service: int, *pairs: tuple[int, str | bytes], status: int = 0) -> bytes:
    return packet(service, *pairs, version=11, status=status)


def post(flow: Flow, *packets: bytes) -> None:
    body = b"".join(packets)
    head = (
        f"POST http://shttp.msg.yahoo.com/notify/ HTTP/1.1\r\nHost: shttp.msg.yahoo.com\r\nContent-Length: {len(body)}"
    )
    flow.client(f"{head}\r\nUser-Agent: Mozilla/4.5 [en] (X11; U; FreeBSD 2.2.8)\r\n\r\n".encode() + body)


def answer(flow: Flow, *packets: bytes) -> None:
    body = struct.pack("<I", len(packets)) + b"".join(packets)
    flow.server(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: keep-alive\r\n\r\n".encode() + body)


capture = Capture(__file__)
flow = capture.flow((ALICE, 40004), (SERVER, 80))
post(flow, v11(0x57, (1, "alice")))
answer(flow, v11(0x57, (94, "p|1&4-(x^b*c%(d/h+2))"), (13, "1"), (1, "alice"), status=1))
post(flow, v11(0x54, (96, "b96.hash.one--"), (0, "alice"), (6, "b64.hash.two--"), (1, "alice"), (135, "6,0,0,1750")))
answer(flow, v11(0x54, (66, "13"), (20, "http://msg.edit.yahoo.com/config/"), status=FAILED))
post(flow, v11(0x57, (1, "alice")))
answer(flow, v11(0x57, (1, "alice"), (94, "t&2|8-(y^b*c%(d/h+5))"), (13, "1"), status=1))
post(flow, v11(0x54, (6, "b64.hash.three--"), (96, "b96.hash.four--"), (0, "alice"), (1, "alice")))
answer(
    flow,
    v11(0x55, (87, "Friends:bob,ca"), (89, "alice"), status=1),
    v11(0x55, (87, "rol\nWork:dave\n"), (59, "Y\tv=1&l=0b824/o; path=/"), (59, "T\tz=8eX1DB; path=/"), (3, "alice")),
    v11(
        0x06,
        *((31, "6"), (32, "6"), (5, "alice"), (4, "bob"), (15, "1104537601"), (14, "first, while you were out")),
        *(
            (31, "6"),
            (32, "6"),
            (5, "alice"),
            (4, "carol"),
            (15, "1104537602"),
            (14, "second, gr\xfc\xdfe".encode("cp1252")),
        ),
        status=5,
    ),
)
post(
    flow,
    v11(0x98, (1, "alice"), (104, "Lab Room:1"), (129, "0"), (62, "2")),
    v11(0xA8, (1, "alice"), (104, "Lab Room:1"), (117, "hello, room"), (124, "1")),
)
answer(
    flow,
    v11(0xA8, (104, "Lab Room:1"), (109, "dave"), (117, "hello, <fade #ff0000,#0000ff>alice</fade>"), (124, "1")),
    v11(
        0x4D,
        (5, "alice"),
        (4, "bob"),
        (49, "FILEXFER"),
        (1, "bob"),
        (13, "1"),
        (27, "songs.zip"),
        (28, "734003"),
        (20, "http://10.78.0.22:8099/Messenger.bob.1104537610000songs.zip?AppID=Messenger"),
        (53, "0"),
        (54, "MSG1.0"),
    ),
)
flow.server(v11(0x15, (240, b"A" * (65_516 - 8))))
flow.server(v11(0x8A, (0, "alice")))
flow.close()
