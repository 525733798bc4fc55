"""What an envelope shows does not depend on how its bytes were cut into segments."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imsniff.base.events import Side
from imsniff.envelopes.naming import Naming
from imsniff.envelopes.prefilter import Prefilter
from imsniff.envelopes.reader import FlowEnvelope
from imsniff.net.segment import TCP
from imsniff.rules.loader import load
from tests.envelopes import hello

HOST = "web.whatsapp.com"
_QUESTION, _ANSWER = hello.question(HOST), hello.answer(HOST, hello.address(b"\xc0\x00\x02\x07"))
SAID = {
    "tls": [(Side.CLIENT, hello.record(hello.client_hello(HOST)))],
    "tls in small records": [(Side.CLIENT, hello.record(hello.client_hello(HOST), 50))],
    "http": [(Side.CLIENT, f"POST /chat HTTP/1.1\r\nAccept: */*\r\nHost: {HOST}\r\n\r\n".encode())],
    "dns over tcp": [
        (Side.CLIENT, len(_QUESTION).to_bytes(2, "big") + _QUESTION),
        (Side.SERVER, len(_ANSWER).to_bytes(2, "big") + _ANSWER),
    ],
}


def read(said):
    envelope = FlowEnvelope()
    return [fact for side, data in said for fact in envelope.stream(side, data)]


@pytest.mark.parametrize("name", SAID)
@given(cuts=st.sets(st.integers(1, 400), max_size=6))
def test_any_segmentation_shows_the_same(name, cuts):
    pieces = []
    for side, data in SAID[name]:
        borders = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]
        pieces += [(side, data[a:b]) for a, b in itertools.pairwise(borders)]
    whole = read(SAID[name])
    assert whole
    assert read(pieces) == whole


@pytest.mark.parametrize("name", SAID)
def test_byte_by_byte(name):
    assert read([(side, bytes((one,))) for side, data in SAID[name] for one in data]) == read(SAID[name])


SIGNATURES = load(None)
PREFILTER = Prefilter(Naming(SIGNATURES.services, SIGNATURES.openings))


@pytest.mark.parametrize("name", SAID)
def test_the_gate_lets_up_what_may_still_name_a_service(name):
    data = SAID[name][0][1]
    for size in range(1, len(data) + 1):
        assert PREFILTER(TCP, data, 0, size), data[:size]


def test_sides_do_not_mix():
    """Half a question from one side and an answer from the other are no message."""
    (_, question), (_, answer) = SAID["dns over tcp"]
    said = [(Side.CLIENT, question[:20]), (Side.SERVER, answer), (Side.CLIENT, question[20:])]
    assert sorted(map(str, read(said))) == sorted(map(str, read(SAID["dns over tcp"])))
