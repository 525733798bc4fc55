"""Fragments give the datagram, however they come; what is missing is told, and nothing costs more than it should."""

from __future__ import annotations

import random
import time
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from imsniff.base.limits import FRAGMENT_TIMEOUT, MAX_FRAGMENT_BYTES, MAX_FRAGMENTED
from imsniff.net.defrag import LARGEST, Defrag, Key

A = Key(b"\x0a\0\0\1", b"\x0a\0\0\2", 7, 17)


def add(defrag, offset, data, *, more, key=A, size=None, at=0, frame=1, protocol=17):
    return defrag.add(key, protocol, offset, data, len(data) if size is None else size, more=more, time=at, frame=frame)


@st.composite
def cut_up(draw):
    """A datagram and enough of its pieces, overlapping, more than once, in any order."""
    data = draw(st.binary(min_size=9, max_size=400))
    words = (len(data) + 7) // 8
    borders = sorted({0, words, *draw(st.lists(st.integers(1, words), max_size=8))})
    pieces = list(pairwise(borders))
    pieces += draw(st.lists(st.tuples(st.integers(0, words - 1), st.integers(1, words)).map(sorted), max_size=6))
    pieces += draw(st.lists(st.sampled_from(pieces), max_size=4))
    pieces = [(start, end) for start, end in pieces if start < end]
    return data, draw(st.permutations(pieces))


@given(cut_up())
@settings(max_examples=300, deadline=None)
def test_any_order_overlap_and_repetition(made):
    data, pieces = made
    defrag = Defrag()
    whole = []
    for number, (start, end) in enumerate(pieces, 1):
        piece = data[start * 8 : end * 8]
        got = add(defrag, start * 8, piece, more=end * 8 < len(data), at=number, frame=number)
        if got:
            whole.append(got)
            break
    assert [(w.data, w.size, w.protocol) for w in whole] == [(data, len(data), 17)]
    assert whole[0].frame == whole[0].time == number
    assert len(defrag) == 0
    assert defrag.expired == []


def test_first_wins():
    defrag = Defrag()
    add(defrag, 8, b"22222222", more=True)
    add(defrag, 0, b"1111111111111111", more=True)
    assert add(defrag, 8, b"33333333444", more=False).data == b"1111111122222222444"


def test_datagrams_do_not_mix():
    defrag = Defrag()
    other = A._replace(identification=8)
    add(defrag, 0, b"aaaaaaaa", more=True)
    assert add(defrag, 8, b"b", more=False, key=other) is None
    assert add(defrag, 8, b"c", more=False).data == b"aaaaaaaac"
    assert add(defrag, 0, b"dddddddd", more=True, key=other).data == b"ddddddddb"


def test_only_the_last_may_end_anywhere():
    defrag = Defrag()
    add(defrag, 0, b"12345678901", more=True)
    assert add(defrag, 8, b"end", more=False).data == b"12345678end"


def test_snap_length_leaves_the_front():
    """All fragments came, but not all of one: no need to wait."""
    defrag = Defrag()
    add(defrag, 0, b"abc", size=16, more=True)
    whole = add(defrag, 16, b"xyz", more=False)
    assert (whole.data, whole.size) == (b"abc", 19)


def test_time_out_gives_the_front():
    defrag = Defrag()
    add(defrag, 0, b"aaaaaaaa", more=True, frame=3)
    add(defrag, 16, b"cccccccc", more=True, frame=4, at=5)
    other = A._replace(source=b"x")
    add(defrag, 8, b"b", more=False, key=other, at=FRAGMENT_TIMEOUT)
    assert defrag.expired == []
    add(defrag, 8, b"b", more=False, key=other, at=FRAGMENT_TIMEOUT + 1)
    (front,) = defrag.take_expired()
    assert (front.data, front.size, front.frame, front.time) == (b"aaaaaaaa", 24, 4, 5)
    assert front.key == A
    defrag.flush()
    assert defrag.take_expired() == []  # the other's front never came


def test_flush_says_that_something_is_missing():
    defrag = Defrag()
    add(defrag, 0, b"aaaaaaaa", more=True)
    defrag.flush()
    (front,) = defrag.take_expired()
    assert (front.data, front.size) == (b"aaaaaaaa", 9)
    assert len(defrag) == 0


def test_impossible_fragments_are_dropped():
    defrag = Defrag()
    assert add(defrag, LARGEST - 7, b"12345678", more=True) is None
    assert add(defrag, 0, b"1234567", more=True) is None
    assert add(defrag, 0, b"", more=False) is None
    assert len(defrag) == 0
    add(defrag, 8, b"end", more=False)
    add(defrag, 16, b"beyond", more=False)
    assert add(defrag, 0, b"12345678", more=True).data == b"12345678end"


def test_caps():
    defrag = Defrag()
    for number in range(MAX_FRAGMENTED + 10):
        add(defrag, 0, b"12345678", more=True, key=A._replace(identification=number))
    assert len(defrag) == MAX_FRAGMENTED
    assert [d.key.identification for d in defrag.take_expired()] == list(range(10))
    for number in range(2 * MAX_FRAGMENT_BYTES // 64_000):
        add(defrag, 0, bytes(64_000), more=True, key=A._replace(identification=number, protocol=6))
    assert len(defrag) < MAX_FRAGMENT_BYTES // 60_000
    defrag.flush()
    assert defrag._cost == 0


def test_no_order_of_fragments_is_slow():
    """Thousands of holes, then the same large fragment again and again: the holes close once."""
    defrag = Defrag()
    began = time.process_time()
    offsets = list(range(0, 65_000, 16))
    random.Random(1).shuffle(offsets)
    for offset in offsets:
        add(defrag, offset, b"12345678", more=True)
    for _ in range(20_000):
        add(defrag, 8, b"", size=65_000, more=True)
    assert time.process_time() - began < 2
