"""Legal maxima, and frames above what we keep: every dissector reads the first in full; of the second it tells
`<name>.too-large`, passes them over and reads the frame behind them.

A protocol whose length field cannot announce more than the buffer holds has nothing above it: it is in `BOUNDED` with
the reason.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

import pytest

from imsniff.base.events import Anomaly, Expect, Side
from imsniff.base.limits import (
    MAX_FRAME,
    MAX_IRC_LINE,
    MAX_LINE,
    MAX_MSNP_PAYLOAD,
    MAX_MSRP_CHUNK,
    MAX_P2P_FRAME,
    MAX_SIP_MESSAGE,
)
from imsniff.carriers.core import Carrier
from imsniff.classify import readers
from imsniff.dissect.core import REGISTRY
from imsniff.dissect.oscar.odc import LARGEST_PAYLOAD
from imsniff.dissect.xmpp.cutter import LIMIT as XMPP_LIMIT

readers.load()

DISSECTORS = sorted(
    name for name, kind in REGISTRY.items() if not kind.datagrams_only and not issubclass(kind, Carrier)
)


class Sizes(NamedTuple):
    largest: bytes
    """A frame as large as the protocol, or our buffer, allows."""
    above: bytes | None
    """A legal frame larger than our buffer; None: the protocol has none."""
    next: bytes
    """An ordinary frame."""
    before: bytes = b""
    """What a flow begins with."""
    expected: Expect | None = None


def msnp(size: int) -> bytes:
    head = b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\n\r\n"
    name = b"%C3%A4" * 64 + b"abc"  # 387 bytes of display name, the most that servers allow
    return b"MSG bob@example.net %b %d\r\n%b" % (name, size, head.ljust(size, b"x"))


def p2p(size: int) -> bytes:
    data = size - 48
    return struct.pack("<IIIQQIIIIQ", size, 7, 1, 0, 1 << 24, data, 0x0100_0030, 0, 0, 0) + bytes(data)


def msrp(number: int, size: int) -> bytes:
    head = (
        b"MSRP tid%05d SEND\r\nTo-Path: msrp://192.0.2.1:2855/a;tcp\r\nFrom-Path: msrp://192.0.2.2:2855/b;tcp\r\n"
        b"Message-ID: m%d\r\nContent-Type: text/plain\r\n\r\n" % (number, number)
    )
    return head.ljust(size - 1, b"x") + b"\r\n-------tid%05d$\r\n" % number


def icbm(size: int) -> bytes:
    sender = b"\x03bob\0\0\0\0"
    text = b"\0\0\0\0".ljust(size - 48, b"x")
    fragments = b"\5\1\0\1\1" + b"\1\1" + len(text).to_bytes(2, "big") + text
    body = b"cookie78\0\1" + sender + b"\0\2" + len(fragments).to_bytes(2, "big") + fragments
    return flap(2, bytes.fromhex("0004000700000000002a") + body)


def odc(size: int) -> bytes:
    return struct.pack("!4sHHHH8sQIHIH4x32s", b"ODC2", 76, 1, 6, 0, b"cookie78", 0, size, 0, 0, 0, b"bob").ljust(
        76, b"\0"
    ) + b"x".ljust(size, b"x")


def oft(size: int) -> bytes:
    return (b"OFT2" + struct.pack("!HH", size, 0x0204)).ljust(size, b"\0")


def flap(channel: int, body: bytes) -> bytes:
    return struct.pack("!BBHH", 0x2A, channel, 1, len(body)) + body


def ymsg(size: int) -> bytes:
    body = b"5\xc0\x80bob\xc0\x8014\xc0\x80".ljust(size - 2, b"x") + b"\xc0\x80"
    return struct.pack("!4sHHHHII", b"YMSG", 12, 0, len(body), 6, 0, 1) + body


def ypns(size: int) -> bytes:
    return (b"YPNS2.0\0" + struct.pack("<II", size, 6)).ljust(size, b"\0")


def sip(number: int, size: int) -> bytes:
    head = (
        b"MESSAGE sip:bob@example.net SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.1\r\nFrom: <sip:alice@example.net>;tag=1\r\n"
        b"To: <sip:bob@example.net>\r\nCall-ID: c%d\r\nCSeq: 1 MESSAGE\r\nContent-Type: text/plain\r\n"
        b"Content-Length: %d\r\n\r\n"
    )
    room = size - len(head % (number, 0)) - 8
    return head % (number, room) + b"x" * room


def xmpp(size: int) -> bytes:
    start, end = b"<message to='bob@example.org' type='chat'><body>", b"</body></message>"
    return start + b"x" * (size - len(start) - len(end)) + end


HEADER = b"<stream:stream to='example.org' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
CHAT = Expect(side=Side.CLIENT, protocol="dcc", ip="192.0.2.1", port=5000, sender="a", recipient="b")

SIZES = {
    "irc": Sizes(
        b"@" + b"t=v;" * 2047 + b"a :bob!b@h PRIVMSG #x :" + b"x" * 450 + b"\r\n",
        b":bob!b@h PRIVMSG #x :" + b"x" * 2 * MAX_IRC_LINE + b"\r\n",
        b":bob!b@h PRIVMSG #x :hi\r\n",
    ),
    "dcc": Sizes(b"x" * (MAX_LINE - 1) + b"\n", b"x" * 2 * MAX_LINE + b"\n", b"hi\n", expected=CHAT),
    "msnp": Sizes(msnp(MAX_MSNP_PAYLOAD), msnp(MAX_MSNP_PAYLOAD + 1), msnp(100)),
    "msnp2p": Sizes(p2p(MAX_P2P_FRAME), p2p(MAX_P2P_FRAME + 1), p2p(100), before=b"\4\0\0\0foo\0"),
    "msrp": Sizes(msrp(1, MAX_MSRP_CHUNK), msrp(2, MAX_MSRP_CHUNK + 1), msrp(3, 300)),
    "odc": Sizes(odc(LARGEST_PAYLOAD), odc(LARGEST_PAYLOAD + 1), odc(10)),
    "sip": Sizes(sip(1, MAX_SIP_MESSAGE), sip(2, 2 * MAX_SIP_MESSAGE), sip(3, 400)),
    "xmpp": Sizes(xmpp(XMPP_LIMIT), xmpp(XMPP_LIMIT + 1), xmpp(100), before=HEADER),
    "ymsg": Sizes(ymsg(0xFFFF), ypns(MAX_FRAME + 1), ymsg(100)),
    "oscar": Sizes(icbm(0xFFFF), None, icbm(100), before=flap(1, b"\0\0\0\1")),
    "toc": Sizes(
        flap(2, b"IM_IN:bob:F:" + b"x" * 0xFF00), None, flap(2, b"IM_IN:bob:F:hi"), before=flap(1, b"\0\0\0\1")
    ),
    "oft": Sizes(oft(0x1000), None, oft(256)),
    "msnftp": Sizes(b"\0\xfd\7" + bytes(2045), None, b"\0\xfd\7" + bytes(2045), before=b"VER MSNFTP\r\nFIL 9000\r\n"),
}
BOUNDED = {"bytestream": "a handshake of fixed size, then a file"}
"""And those without `above`: a length of 16 bits (OSCAR, TOC), a name no file system takes (OFT), a fixed block
(MSNFTP)."""


@pytest.mark.parametrize("name", DISSECTORS)
def test_every_dissector_is_in_the_table(name):
    assert (name in SIZES) != (name in BOUNDED)


def fed(name: str, *frames: bytes, step: int) -> tuple[list[str], int]:
    """Codes of the anomalies, and how many well-formed frames the last of `frames` added."""
    sizes = SIZES[name]
    dissector = REGISTRY[name](expected=sizes.expected)
    codes: list[str] = []
    before = 0
    for frame in (sizes.before, *frames):
        before = dissector.good
        for at in range(0, len(frame), step):
            found = list(dissector.feed(Side.SERVER, frame[at : at + step]))
            codes += [event.code for event in found if isinstance(event, Anomaly)]
    return codes, dissector.good - before


@pytest.mark.parametrize("step", [1448, 1 << 30])
@pytest.mark.parametrize("name", SIZES)
def test_a_legal_maximum_is_read(name, step):
    assert fed(name, SIZES[name].largest, step=step) == ([], 1)
    assert fed(name, SIZES[name].largest, SIZES[name].next, step=step) == ([], 1)


@pytest.mark.parametrize("step", [1448, 1 << 30])
@pytest.mark.parametrize("name", [name for name in SIZES if SIZES[name].above is not None])
def test_a_frame_above_our_cap_is_told_and_passed_over(name, step):
    above = SIZES[name].above
    assert above is not None
    codes, after = fed(name, SIZES[name].next, above, SIZES[name].next, step=step)
    assert codes == [f"{name}.too-large"]
    assert after == 1


@pytest.mark.parametrize("name", ["msnp", "msnp2p", "ymsg", "sip"])
def test_a_hole_inside_what_is_passed_over_costs_nothing_else(name):
    sizes = SIZES[name]
    dissector = REGISTRY[name]()
    above = sizes.above or b""
    list(dissector.feed(Side.SERVER, sizes.before + sizes.next + above[:-2000]))
    list(dissector.gap(Side.SERVER, 1000))
    before = dissector.good
    list(dissector.feed(Side.SERVER, above[-1000:] + sizes.next))
    assert dissector.good == before + 1
