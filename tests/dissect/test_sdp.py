"""SDP: addresses, message sessions, files."""

from __future__ import annotations

import pytest

from imsniff.dissect.cursor import Malformed
from imsniff.dissect.sip import sdp

OFFER = """v=0
o=alice 2890844526 2890844527 IN IP4 192.0.2.10
s=
c=IN IP4 192.0.2.11/127
t=0 0
a=candidate:1 1 UDP 2130706431 2001:db8::1 4011 typ host
m=audio 49170/2 RTP/AVP 0
c=IN IP6 2001:db8::5
a=rtcp:53020 IN IP4 192.0.2.12
a=candidate:2 1 UDP 1694498815 203.0.113.7 45664 typ srflx raddr 10.0.1.1 rport 8998
m=message 7654 TCP/TLS/MSRP *
a=sendonly
a=setup:passive
a=path:msrps://relay.example.com:9000/j;tcp msrp://192.0.2.13:7654/jshA7we;tcp
a=file-selector:type:image/jpeg name:"My cool%20picture.jpg" hash:sha-1:72:24 size:4092
a=file-transfer-id:vBnG916bdberum2fFEABR1FR3ExZMUrd
"""


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_what_an_offer_tells(end):
    found = sdp.parse(OFFER.replace("\n", end).encode())
    assert (found.origin, found.addresses) == ("192.0.2.10", ["192.0.2.11"])
    assert found.candidates == [("2001:db8::1", 4011)]
    audio, chat = found.media
    assert (audio.kind, audio.port, audio.addresses) == ("audio", 49170, ["2001:db8::5", "192.0.2.12"])
    assert audio.candidates == [("203.0.113.7", 45664), ("10.0.1.1", 8998)]
    assert (chat.kind, chat.port, chat.protocol) == ("message", 7654, "TCP/TLS/MSRP")
    assert [(uri.host, uri.port) for uri in chat.paths] == [("relay.example.com", 9000), ("192.0.2.13", 7654)]
    assert (chat.direction, chat.setup, chat.transfer) == ("sendonly", "passive", "vBnG916bdberum2fFEABR1FR3ExZMUrd")
    assert chat.file is not None
    assert (chat.file.name, chat.file.size, chat.file.type) == ("My cool picture.jpg", 4092, "image/jpeg")


@pytest.mark.parametrize(
    "line",
    [
        "m=",
        "m=audio",
        "m=audio x RTP/AVP",
        "m=audio 99999999 RTP/AVP",
        "c=IN IP4",
        "o=x",
        "a=candidate:1 1 UDP",
        "a=candidate:1 1 UDP 1 192.0.2.1 http typ host raddr",
        'a=file-selector:name:"unfinished',
        "a=path:",
        "a",
        "",
    ],
)
def test_odd_lines_are_passed_over(line):
    found = sdp.parse(f"v=0\n{line}\nc=IN IP4 192.0.2.1\n".encode())
    assert "192.0.2.1" in [*found.addresses, *(ip for media in found.media for ip in media.addresses)]


def test_something_else_is_malformed():
    with pytest.raises(Malformed):
        sdp.parse(b"\x80\x00 this is not a description\nat all\n")


def test_a_description_of_many_lines_is_cut():
    assert len(sdp.parse(b"v=0\n" + b"m=audio 1 RTP/AVP 0\n" * 10_000).media) < 1_000
