"""What every dissector and carrier inherits: any segmentation gives the same events, hostile bytes never raise or hang,
memory stays under its cap, a mid-stream start works, one direction alone works.

A dissector joins by placing `CONVERSATIONS: list[Said]` (well-formed conversations it must get events from) in
`tests/dissect/test_<name>.py` (`tests/carriers/`); the table below names them.
"""

from __future__ import annotations

import importlib
import itertools
import random
import time

import pytest

from imsniff.base.events import Anomaly, InnerGap, Side
from imsniff.base.limits import LOOKAHEAD
from imsniff.classify import readers
from imsniff.dissect.core import REGISTRY
from transcript import Said, events, random_sizes, resegmented

readers.load()

NAMES = sorted(name for name in REGISTRY if not REGISTRY[name].datagrams_only)
DATAGRAMS = sorted(set(REGISTRY) - set(NAMES))


def conversations(name: str) -> list[Said]:
    where = REGISTRY[name].__module__.split(".")[1]  # dissect, carriers
    return importlib.import_module(f"tests.{where}.test_{name.replace('-', '_')}").CONVERSATIONS


CASES = [(name, number) for name in NAMES for number in range(len(conversations(name)))]
case = pytest.mark.parametrize(("name", "number"), CASES)
each = pytest.mark.parametrize("name", NAMES)


@each
def test_has_conversations(name):
    assert conversations(name)


@case
def test_says_something(name, number):
    assert [e for e in events(REGISTRY[name], conversations(name)[number]) if not isinstance(e, Anomaly)]


@case
@pytest.mark.parametrize("sizes", ["1", "7", "random", "whole"])
def test_any_segmentation_gives_the_same_events(name, number, sizes):
    said = conversations(name)[number]
    cut = {
        "1": itertools.repeat(1),
        "7": itertools.repeat(7),
        "random": random_sizes(number),
        "whole": itertools.repeat(1 << 30),
    }[sizes]
    assert events(REGISTRY[name], resegmented(said, cut)) == events(REGISTRY[name], said)


@case
def test_any_segmentation_gives_the_same_events_mid_stream(name, number):
    said = resegmented(conversations(name)[number], itertools.repeat(1 << 30))
    late = [(side, data[len(data) // 3 :]) for side, data in said]
    whole = events(REGISTRY[name], late, midstream=True)
    for sizes in (itertools.repeat(1), itertools.repeat(7), random_sizes(number)):
        assert events(REGISTRY[name], resegmented(late, sizes), midstream=True) == whole


@case
@pytest.mark.parametrize("side", list(Side))
def test_one_direction_alone_neither_raises_nor_desyncs(name, number, side):
    said = [turn for turn in conversations(name)[number] if turn[0] is side]
    assert not [e for e in events(REGISTRY[name], said) if isinstance(e, Anomaly) and e.code.endswith(".desync")]


@each
@pytest.mark.parametrize("midstream", [False, True])
def test_hostile_bytes_never_raise_or_hoard(name, midstream):
    dice = random.Random(name)
    for said in conversations(name):
        flat = [(side, bytearray(data)) for side, data in said]
        for _ in range(12):
            mutated = [(side, bytearray(data)) for side, data in flat]
            for _ in range(dice.randint(1, 20)):
                side, data = dice.choice(mutated)
                if data:
                    at = dice.randrange(len(data))
                    data[at : at + dice.choice((0, 1, 4))] = dice.randbytes(dice.choice((0, 1, 2, 4)))
            dissector = REGISTRY[name](midstream=midstream)
            for side, data in mutated:
                list(dissector.feed(side, bytes(data)))
                assert len(dissector._inbox[side]) <= dissector.max_frame + LOOKAHEAD
            list(dissector.gap(Side.CLIENT, 10))
            list(dissector.feed(Side.CLIENT, dice.randbytes(500)))
            list(dissector.end())


@each
@pytest.mark.parametrize("filling", [b"\x00", b"\xff", b"A", b"\r\n", b"<", b"*\x02", b" ", b":", b"\n"])
def test_a_megabyte_of_anything_takes_linear_time_and_little_memory(name, filling):
    dissector = REGISTRY[name]()
    block = filling * (4096 // len(filling))
    began = time.process_time()
    for _ in range(256):
        for _event in dissector.feed(Side.CLIENT, block):
            pass
        assert len(dissector._inbox[Side.CLIENT]) <= dissector.max_frame + LOOKAHEAD
    assert time.process_time() - began < 10


@each
def test_a_gap_is_an_event_and_not_the_end(name):
    for said in conversations(name):
        dissector = REGISTRY[name]()
        out = []
        half = len(said) // 2
        for side, data in said[:half]:
            out += dissector.feed(side, data)
        out += dissector.gap(Side.CLIENT, 100)
        out += dissector.gap(Side.SERVER, 100)
        for side, data in said[half:] + said:
            out += dissector.feed(side, data)
        assert (
            any(isinstance(e, InnerGap) or (isinstance(e, Anomaly) and e.code == "stream.gap") for e in out)
            or dissector.opaque
        )


@pytest.mark.parametrize("name", DATAGRAMS)
def test_datagrams_say_something_and_hostile_ones_never_raise_or_hoard(name):
    dice = random.Random(name)
    for said in conversations(name):
        assert [e for e in events(REGISTRY[name], said, udp=True) if not isinstance(e, Anomaly)]
        for _ in range(12):
            dissector = REGISTRY[name]()
            for side, data in said:
                mutated = bytearray(data)
                for _ in range(dice.randint(1, 4)):
                    at = dice.randrange(len(mutated) + 1)
                    mutated[at : at + dice.choice((0, 1, 4))] = dice.randbytes(dice.choice((0, 1, 2, 4)))
                list(dissector.datagram(side, bytes(mutated)))
                assert not dissector._inbox[side]
            list(dissector.end())
