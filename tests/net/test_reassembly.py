"""Any order, overlap and repetition of segments gives the bytes that were sent; what was lost is a gap of its size."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imsniff.base.limits import HOLD_NS, MAX_AHEAD, MAX_HELD_BYTES, MAX_HELD_SEGMENTS
from imsniff.net.reassembly import Data, Gap, Stream

SENT = bytes(range(256)) * 4


def read(items):
    """The bytes with gaps as (offset, missing)."""
    out, gaps = bytearray(), []
    for item in items:
        if isinstance(item, Data):
            out += item.data
        else:
            gaps.append((len(out), item.missing))
    return bytes(out), gaps


@st.composite
def arrivals(draw):
    """Segments that cover SENT whole, cut anywhere, overlapping, repeated and shuffled."""
    cuts = sorted({0, len(SENT), *draw(st.lists(st.integers(1, len(SENT) - 1), max_size=20))})
    pieces = list(itertools.pairwise(cuts))
    for _ in range(draw(st.integers(0, 6))):
        a = draw(st.integers(0, len(SENT) - 1))
        pieces.append((a, draw(st.integers(a + 1, len(SENT)))))
    return draw(st.permutations(pieces))


@given(arrivals(), st.integers(0, 2**32 - 1))
def test_any_order_gives_what_was_sent_also_across_the_wrap(pieces, origin):
    stream, items = Stream(origin), []
    for frame, (a, b) in enumerate(pieces, 1):
        items += stream.push((origin + a) % 2**32, SENT[a:b], 0, frame, 0)
    items += stream.flush()
    assert read(items) == (SENT, [])


@given(arrivals(), st.data())
def test_what_was_not_captured_is_a_gap_of_its_size(pieces, data):
    lost = data.draw(st.sampled_from(pieces))
    stream, items, seen = Stream(0), [], bytearray(len(SENT))
    for frame, (a, b) in enumerate(pieces, 1):
        if (a, b) != lost:
            seen[a:b] = b"\1" * (b - a)
            items += stream.push(a, SENT[a:b], 0, frame, 0)
    items += stream.flush()
    assert stream.position == seen.rfind(b"\1") + 1
    assert sum(len(i.data) if isinstance(i, Data) else i.missing for i in items) == stream.position
    assert read(items)[0] == bytes(byte for byte, there in zip(SENT, seen, strict=True) if there)


def test_the_first_copy_wins():
    stream = Stream(0)
    items = [*stream.push(0, b"aaaa", 0, 1, 0), *stream.push(2, b"BBBB", 0, 2, 0)]
    assert read(items) == (b"aaaaBB", [])


def test_a_cut_packet_is_used_as_far_as_it_goes():
    stream = Stream(0)
    items = [*stream.push(0, b"abc", 7, 1, 0), *stream.push(10, b"def", 0, 2, 0)]
    assert items == [Data(b"abc", 1, 0), Gap(7, 1, 0), Data(b"def", 2, 0)]


def test_a_hole_that_the_peer_acknowledged_was_not_captured():
    stream = Stream(0)
    assert not list(stream.push(10, b"later", 0, 1, 0))
    assert not list(stream.acknowledged(15, 1))  # a tap may merge its ports out of order
    assert list(stream.acknowledged(15, 10**9)) == [Gap(10, 1, 0), Data(b"later", 1, 0)]


def test_a_hole_is_given_up_when_nothing_fills_it():
    stream = Stream(0)
    list(stream.push(10, b"later", 0, 1, 0))
    assert not list(stream.tick(HOLD_NS - 1))
    assert read(stream.tick(HOLD_NS)) == (b"later", [(0, 10)])


def test_one_forged_segment_does_not_make_the_stream_jump():
    stream = Stream(0)
    assert not list(stream.push(MAX_AHEAD + 1, b"forged", 0, 1, 0))
    assert read(stream.push(0, b"real", 0, 2, 10 * HOLD_NS)) == (b"real", [])


@pytest.mark.parametrize("size", [1, 1400])
def test_what_is_held_is_bounded(size):
    stream = Stream(0)
    for n in range(3000):
        list(stream.push(1 + n * (size + 1), b"x" * size, 0, n, 0))
        assert len(stream._held) <= MAX_HELD_SEGMENTS
        assert stream._held_bytes <= MAX_HELD_BYTES


def test_keepalive_probes_and_late_copies_say_nothing():
    stream = Stream(100)
    assert read(stream.push(100, b"hello", 0, 1, 0)) == (b"hello", [])
    assert not list(stream.push(104, b"o", 0, 2, 0))
    assert not list(stream.push(100, b"hello", 0, 3, 0))
