"""Conversations as tests see them: which side said which bytes, in order.

`conversations(capture)` reads one straight from a clean capture with dpkt, on purpose without the program's own
decoding and reassembly, so that a dissector's test fails for its own faults only.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import dpkt

from imsniff.base.events import Event, Expect, InnerData, Side
from imsniff.dissect.core import Dissector

CLIENT, SERVER = Side.CLIENT, Side.SERVER
Said = list[tuple[Side, bytes]]


class Conversation(NamedTuple):
    transport: str
    client: tuple[bytes, int]
    server: tuple[bytes, int]
    said: Said


def conversations(capture: Path) -> list[Conversation]:
    """Every TCP and UDP flow with payload of a clean Ethernet capture, by first packet."""
    flows: dict[object, Conversation] = {}
    following: dict[object, int] = {}
    with capture.open("rb") as file:
        for _, frame in dpkt.pcap.UniversalReader(file):
            ip = dpkt.ethernet.Ethernet(frame).data
            if not isinstance(ip, (dpkt.ip.IP, dpkt.ip6.IP6)) or not isinstance(ip.data, (dpkt.tcp.TCP, dpkt.udp.UDP)):
                continue
            segment = ip.data
            transport = "tcp" if isinstance(segment, dpkt.tcp.TCP) else "udp"
            here, there = (ip.src, segment.sport), (ip.dst, segment.dport)
            key = (transport, frozenset((here, there)))
            flow = flows.setdefault(key, Conversation(transport, here, there, []))
            side = CLIENT if here == flow.client else SERVER
            data = bytes(segment.data)
            if transport == "tcp" and data:
                expected = following.get((key, side), segment.seq)
                data = data[(expected - segment.seq) & 0xFFFFFFFF :] if expected != segment.seq else data
                following[key, side] = (segment.seq + len(bytes(segment.data))) & 0xFFFFFFFF
            if data:
                flow.said.append((side, data))
    return [flow for flow in flows.values() if flow.said]


def events(
    kind: type[Dissector[object]],
    said: Iterable[tuple[Side, bytes]],
    *,
    midstream: bool = False,
    udp: bool = False,
    expected: Expect | None = None,
) -> list[Event]:
    """Everything a fresh dissector says of a conversation, its end included."""
    dissector = kind(midstream=midstream, expected=expected)
    out: list[Event] = []
    for side, data in said:
        out += dissector.datagram(side, data) if udp else dissector.feed(side, data)
    out += dissector.end()
    return joined(out)


def joined(out: list[Event]) -> list[Event]:
    """Neighbouring pieces of an inner stream as one: how a carrier cuts them means nothing."""
    whole: list[Event] = []
    for event in out:
        last = whole[-1] if whole else None
        if (
            isinstance(event, InnerData)
            and isinstance(last, InnerData)
            and (event.side, event.stream) == (last.side, last.stream)
        ):
            whole[-1] = InnerData(side=event.side, stream=event.stream, data=last.data + event.data)
        else:
            whole.append(event)
    return whole


def resegmented(said: Said, sizes: Iterator[int]) -> Said:
    """The same bytes of each side in the same order of turns, cut elsewhere.

    Neighbouring pieces of one side are joined first, then cut anew: `sizes` gives the length of each piece."""
    out: Said = []
    for side, run in itertools.groupby(said, key=lambda turn: turn[0]):
        data = b"".join(piece for _, piece in run)
        at = 0
        while at < len(data):
            size = max(1, next(sizes))
            out.append((side, data[at : at + size]))
            at += size
    return out


def random_sizes(seed: int, largest: int = 64) -> Iterator[int]:
    dice = random.Random(seed)
    while True:
        yield dice.randint(1, largest)
