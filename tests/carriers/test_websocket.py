"""WebSocket: masked, fragmented, compressed, with control frames between."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest

from imsniff.base.events import Anomaly, InnerData, InnerEnd, InnerOpened
from imsniff.carriers.websocket import WebSocket
from transcript import CLIENT, SERVER, Said, conversations, events

PCAPS = Path(__file__).parents[2] / "pcaps" / "carriers"
ASK = b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: upgrade\r\n"
MASK = b"\x37\xfa\x21\x3d"


def frame(data: bytes, opcode: int = 1, *, masked: bool = True, final: bool = True, compressed: bool = False) -> bytes:
    first = opcode | (0x80 if final else 0) | (0x40 if compressed else 0)
    size = len(data)
    length = (
        bytes((size,))
        if size < 126
        else b"\x7e" + size.to_bytes(2, "big")
        if size < 65_536
        else b"\x7f" + size.to_bytes(8, "big")
    )
    head = bytes((first, length[0] | (0x80 if masked else 0))) + length[1:]
    if not masked:
        return head + data
    return head + MASK + bytes(byte ^ MASK[n % 4] for n, byte in enumerate(data))


def opened(*turns: tuple[object, bytes], extra: bytes = b"") -> Said:
    return [(CLIENT, ASK + extra + b"\r\n"), (SERVER, SWITCH + extra + b"\r\n"), *turns]


def texts(said: Said) -> list[tuple[object, bytes]]:
    return [(e.side, e.data) for e in events(WebSocket, said) if isinstance(e, InnerData)]


CONVERSATIONS: list[Said] = [
    opened((CLIENT, frame(b"<open/>")), (SERVER, frame(b"<open/>", masked=False))),
    *(
        flow.said
        for name in ("sip_websocket", "xmppjs_prosody_websocket")
        for flow in conversations(PCAPS / f"{name}.pcap")
        if flow.server[1] in (8089, 5280)
    ),
]


def test_messages_are_one_stream_a_side():
    assert events(WebSocket, CONVERSATIONS[0]) == [
        InnerOpened(side=CLIENT, carrier="websocket"),
        InnerData(side=CLIENT, data=b"<open/>"),
        InnerData(side=SERVER, data=b"<open/>"),
    ]


@pytest.mark.parametrize("size", [125, 126, 65_535, 65_536, 200_000])
def test_every_form_of_the_length(size):
    assert texts(opened((CLIENT, frame(b"x" * size)))) == [(CLIENT, b"x" * size)]


def test_fragments_and_pings_between_them():
    turns = frame(b"<mess", final=False) + frame(b"", 9) + frame(b"age/>", 0) + frame(b"bye", 8)
    found = events(WebSocket, opened((CLIENT, turns)))
    assert found[1:] == [InnerData(side=CLIENT, data=b"<message/>"), InnerEnd(side=CLIENT)]


@pytest.mark.parametrize("takeover", [True, False])
def test_compressed_messages(takeover):
    extra = (
        b"Sec-WebSocket-Extensions: permessage-deflate"
        + (b"" if takeover else b"; client_no_context_takeover")
        + b"\r\n"
    )
    shared, frames = zlib.compressobj(wbits=-15), b""
    for _ in range(2):
        press = shared if takeover else zlib.compressobj(wbits=-15)
        data = press.compress(b"<message to='bob'/>" * 3) + press.flush(zlib.Z_SYNC_FLUSH)
        frames += frame(data[:-4], compressed=True)
    assert texts(opened((CLIENT, frames), extra=extra)) == [(CLIENT, b"<message to='bob'/>" * 6)]


def test_a_bomb_is_refused_and_the_next_message_read():
    press = zlib.compressobj(wbits=-15)
    bomb = press.compress(bytes(50_000_000)) + press.flush(zlib.Z_SYNC_FLUSH)
    found = events(
        WebSocket, opened((SERVER, frame(bomb[:-4], 2, masked=False, compressed=True) + frame(b"hi", masked=False)))
    )
    assert [e.code for e in found if isinstance(e, Anomaly)] == ["websocket.malformed"]
    assert found[-1] == InnerData(side=SERVER, data=b"hi")


def test_endless_fragments_are_dropped():
    many = frame(b"a", final=False) + frame(b"a", 0, final=False) * 10_000 + frame(b"", 0) + frame(b"hi")
    found = events(WebSocket, opened((CLIENT, many)))
    assert "websocket.too-large" in [e.code for e in found if isinstance(e, Anomaly)]
    assert found[-1] == InnerData(side=CLIENT, data=b"hi")


def test_irc_has_a_line_a_message():
    extra = b"Sec-WebSocket-Protocol: text.ircv3.net\r\n"
    assert texts(opened((CLIENT, frame(b"NICK a") + frame(b"USER a 0 * :a\r\n")), extra=extra)) == [
        (CLIENT, b"NICK a\r\nUSER a 0 * :a\r\n")
    ]
