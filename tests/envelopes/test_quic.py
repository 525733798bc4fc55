"""QUIC Initials: the published example, every version, and a hello in pieces."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imsniff.dissect.cursor import Malformed
from imsniff.envelopes.quic import VERSIONS, Initials, Keys
from imsniff.envelopes.tls import server_name
from tests.envelopes import hello

WHOLE = hello.client_hello("web.whatsapp.com", hello.extension(0x33, bytes(1_200)))


def test_the_keys_are_those_of_the_rfc():
    """RFC 9001 appendix A.1."""
    keys = Keys(VERSIONS[1], bytes.fromhex("8394c8f03e515708"))
    assert keys._iv.to_bytes(12, "big").hex() == "fa044b2f42a3fd3b46fb255c"
    assert keys._mask.hex() == "9f50449e04a0e810283a1e9933adedd2"


@pytest.mark.parametrize("version", sorted(VERSIONS))
def test_every_version(version):
    found = Initials().feed(hello.initial((0, hello.client_hello()), version=version))
    assert server_name(found) == "chat.signal.org"


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_a_hello_over_frames_and_datagrams_in_any_order(order):
    third = len(WHOLE) // 3 + 1
    pieces = [(at, WHOLE[at : at + third]) for at in range(0, len(WHOLE), third)]
    initials = Initials()
    found = [initials.feed(hello.initial(pieces[n], number=n)) for n in order]
    assert found[:2] == [None, None]
    assert server_name(found[2]) == "web.whatsapp.com"


def test_coalesced_packets():
    half = len(WHOLE) // 2
    both = hello.initial((0, WHOLE[:half])) + hello.initial((half, WHOLE[half:]), number=1)
    assert server_name(Initials().feed(both)) == "web.whatsapp.com"


def test_initials_to_the_id_that_the_server_chose_keep_their_keys():
    half = len(WHOLE) // 2
    initials = Initials()
    assert initials.feed(hello.initial((0, WHOLE[:half]))) is None
    later = hello.initial((half, WHOLE[half:]), number=1, to=bytes(range(7)))
    assert server_name(initials.feed(later)) == "web.whatsapp.com"


def test_a_stray_packet_takes_nothing_away():
    half = len(WHOLE) // 2
    initials = Initials()
    broken = bytearray(hello.initial((0, WHOLE), number=3))
    broken[400] ^= 1
    assert initials.feed(hello.initial((0, WHOLE[:half]))) is None
    assert initials.feed(bytes(broken)) is None
    assert server_name(initials.feed(hello.initial((half, WHOLE[half:]), number=1))) == "web.whatsapp.com"


def test_googles_hello_in_clear():
    value = b"mtalk.google.com"
    tags = b"CHLO" + (2).to_bytes(2, "little") + b"\0\0"
    tags += b"PAD\0" + (5).to_bytes(4, "little") + b"SNI\0" + (5 + len(value)).to_bytes(4, "little")
    assert Initials().feed(b"\x09" + bytes(12) + tags + b"-----" + value) == "mtalk.google.com"


def test_what_does_not_decrypt_is_malformed():
    broken = bytearray(hello.initial((0, WHOLE)))
    broken[400] ^= 1
    with pytest.raises(Malformed, match="decrypt"):
        Initials().feed(bytes(broken))


@given(st.binary(max_size=200), st.sampled_from(sorted(VERSIONS)))
def test_anything_is_survived(data, version):
    initials = Initials()
    for _ in range(3):
        try:
            initials.feed(b"\xc3" + version.to_bytes(4, "big") + data)
        except Malformed:
            return
