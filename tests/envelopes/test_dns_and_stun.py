"""DNS and STUN messages, well-formed and hostile."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imsniff.dissect.cursor import Malformed
from imsniff.envelopes import dns, stun
from tests.envelopes import hello


def test_an_answer_with_an_alias_and_addresses():
    found = dns.parse(
        hello.answer(
            "chat.Signal.org",
            hello.alias(hello.labels("edge.example.net")),
            hello.address(b"\xc0\0\2\7", 300),
            hello.address(bytes(15) + b"\1", 30),
        )
    )
    assert found.names == ("chat.signal.org", "edge.example.net")
    assert (found.addresses, found.ttl) == (("192.0.2.7", "::1"), 30)


def test_hints_of_https_records_are_addresses():
    hints = b"\0\4\0\4\xc0\0\2\7" + b"\0\6\0\x10" + bytes(15) + b"\2"
    data = b"\0\1\0" + hints
    record = b"\xc0\x0c" + b"\0\x41\0\1\0\0\0\x3c" + len(data).to_bytes(2, "big") + data
    assert dns.parse(hello.answer("signal.org", record)).addresses == ("192.0.2.7", "::2")


@pytest.mark.parametrize(
    "name", [b"\xc0\x0c", b"\xc0\xff", b"\x03abc\xc0\x0c", b"\x40" + bytes(64), b"\x3f" + b"a" * 63]
)
def test_names_that_loop_or_lie(name):
    with pytest.raises(Malformed):
        dns.parse(hello.question("x")[:12] + name + b"\0\1\0\1")


def test_a_mapped_address_is_told():
    xored = bytes(a ^ b for a, b in zip(b"\xc0\0\2\7", b"\x21\x12\xa4\x42", strict=True))
    found = stun.parse(hello.stun(0x0101, (0x0020, b"\0\1" + (5000 ^ 0x2112).to_bytes(2, "big") + xored)))
    assert found.addresses == (stun.Address("stun.mapped", "192.0.2.7", 5000),)


def test_an_attribute_past_its_end_is_malformed():
    with pytest.raises(Malformed):
        stun.parse(hello.stun(1)[:2] + b"\0\x08" + hello.stun(1)[4:] + b"\x00\x14\x00\x40aaaa")


@given(st.binary(max_size=300))
def test_anything_is_survived(data):
    for parse in (dns.parse, stun.parse):
        with contextlib.suppress(Malformed):
            parse(data)
    stun.is_stun(data)
