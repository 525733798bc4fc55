"""TLS hellos: the name, ALPN and JA4 however they are cut; lies about lengths are Malformed and nothing else."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imsniff.dissect.cursor import Malformed
from imsniff.envelopes.tls import Handshake, client_hello, server_name
from tests.envelopes import hello

WHOLE = hello.client_hello()


def read(stream, size):
    handshake, found = Handshake(), []
    for at in range(0, len(stream), size):
        found += handshake.feed(stream[at : at + size])
    return found


@pytest.mark.parametrize("records", [3, 50, 16_384])
@pytest.mark.parametrize("segments", [1, 7, 1_460])
def test_a_hello_over_records_and_segments(records, segments):
    ((kind, body),) = read(hello.record(WHOLE, records), segments)
    found = client_hello(body)
    assert (kind, found.name, found.alpn, found.version) == (1, "chat.signal.org", ("h2",), 0x0304)


def test_ja4_leaves_grease_out_and_sorts():
    one = client_hello(hello.client_hello(None, ciphers=(0x1302, 0x1301, 0x2A2A))[4:])
    other = client_hello(hello.client_hello(None, ciphers=(0x1301, 0x1302))[4:])
    assert one.ja4() == other.ja4()
    assert one.ja4().startswith("t13i0203h2_")
    assert client_hello(WHOLE[4:]).ja4("q").startswith("q13d0104h2_")


def test_an_encrypted_hello_is_said_to_be_one():
    ech = hello.extension(0xFE0D, b"\0" + bytes(20))
    assert client_hello(hello.client_hello("cloudflare-ech.com", ech)[4:]).encrypted


@pytest.mark.parametrize("name", ["a b.org", "x\x1b[31m.org", "ü.org"])
def test_what_is_no_host_name_is_none(name):
    assert client_hello(hello.client_hello(name)[4:]).name is None


def test_the_gates_look_at_a_name_agrees():
    assert server_name(hello.record(WHOLE), 9) == "chat.signal.org"
    for cut in range(len(hello.record(WHOLE))):
        assert server_name(hello.record(WHOLE)[:cut], 9) in (None, "chat.signal.org")


@given(st.data())
def test_lies_are_malformed_and_nothing_else(data):
    body = bytearray(WHOLE[4:])
    for _ in range(data.draw(st.integers(1, 5))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    server_name(bytes(body))
    with contextlib.suppress(Malformed):
        client_hello(bytes(body)).ja4()


@given(st.lists(st.binary(max_size=60), max_size=20))
def test_anything_as_records(pieces):
    handshake = Handshake()
    for piece in pieces:
        try:
            list(handshake.feed(piece))
        except Malformed:
            return
