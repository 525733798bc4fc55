"""The hold queue keeps silent flows, turns foreign ones away, and brings up all else whole and in order."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imsniff.base.limits import (
    MAX_HELD_FLOW_PACKETS,
    MAX_HELD_FLOWS,
    MAX_HOLD_QUEUE_OCTETS,
    MAX_PROBES,
    UNDECIDED_IDLE_NS,
)
from imsniff.base.records import to_json
from imsniff.capture.batch import Batch
from imsniff.capture.pcap import NativeOrderWalk
from imsniff.classify.openings import openings
from imsniff.net.decode import Decoder
from imsniff.net.flows import FlowData, Flows
from imsniff.net.gate import Gate
from imsniff.net.hold_queue import HoldQueue, Opening, OpeningKind
from imsniff.net.segment import TCP, flow_key
from imsniff.pipeline import Options, Sensor
from imsniff.rules.loader import load
from tests.net.forge import ACK, FIN, RST, SYN, batch, end, pcap_batch, segment, tcp, udp

try:
    from imsniff.net._gate import Gate as Compiled
except ImportError:  # no compiler was there
    GATES = [Gate]
else:
    GATES = [Gate, Compiled]

A, B = end("192.0.2.1", 40000), end("198.51.100.9", 443)
A6, B6 = end("2001:db8::1", 40000), end("2001:db8::9", 443)
HELLO = bytes.fromhex("160301020001000100fc0303") + b"x" * 60
QUESTION = bytes.fromhex("12340100000100000000000003777777076578616d706c6500000100 01")
SHUT = Opening(6, rb"\x16\x03\x01")
ASKED = Opening(17, rb"(?!\x12\x34\xff)\x12\x34")
DULL = Opening(6, rb"(?!VER|USR)(?s:.{16})", OpeningKind.UNMATCHABLE)
MUTE = Opening(17, rb"(?!VER|USR|\x12\x34)", OpeningKind.UNMATCHABLE)
BLANK = Opening(17, rb"\0*\Z", OpeningKind.NOTHING)
SECOND = 1_000_000_000


@pytest.fixture
def no_second_look(monkeypatch):
    """Ignored is ignored, whatever comes: the second look has tests of its own."""
    monkeypatch.setattr(HoldQueue, "may_begin", lambda *_: False)


def handshake(a=A, b=B, seq=100, ack=900, ts=0):
    yield ts, tcp(a, b, seq=seq, flags=SYN)
    yield ts + 1, tcp(b, a, seq=ack, ack=seq + 1, flags=SYN | ACK)
    yield ts + 2, tcp(a, b, seq=seq + 1, ack=ack + 1)


def played(gate, *packets, first=1):
    """The frames that come up."""
    return [row[1] for row in gate.raise_packets(pcap_batch(packets) if first == 1 else batch(packets, first))]


@pytest.fixture(params=GATES, ids=lambda kind: kind.__module__)
def opened(request):
    def make(known=(), announced=()):
        return request.param(HoldQueue((SHUT, ASKED, DULL, MUTE, BLANK), known, announced))

    return make


@pytest.mark.usefixtures("no_second_look")
@pytest.mark.parametrize(("a", "b"), [(A, B), (A6, B6)])
def test_a_foreign_flow_never_comes_up(opened, a, b):
    gate = opened()
    packets = [
        *handshake(a, b),
        (3, tcp(a, b, HELLO, seq=101, ack=901)),
        (4, tcp(b, a, b"more", seq=901, ack=101 + len(HELLO))),
    ]
    assert played(gate, *packets) == []
    assert (gate.frames, gate.skipped) == (5, 5)


@pytest.mark.parametrize(("a", "b"), [(A, B), (A6, B6)])
def test_any_other_flow_comes_up_whole_and_in_order(opened, a, b):
    gate = opened()
    packets = [*handshake(a, b), (3, tcp(a, b, b"VER 1 MSNP8 CVR0\r\n", seq=101)), (4, tcp(b, a, b"VER", seq=901))]
    raised = [
        (row[1], bytes(row[0][row[2] : row[2] + row[3]]), row[4:]) for row in gate.raise_packets(pcap_batch(packets))
    ]
    assert raised == [(number, packet, (len(packet), ts, 1)) for number, (ts, packet) in enumerate(packets, 1)]


def test_what_is_held_outlives_its_slab(opened):
    gate = opened()
    shaken = pcap_batch(handshake())
    assert list(gate.raise_packets(shaken)) == []
    shaken.slab[:] = bytes(len(shaken.slab))
    rows = list(gate.raise_packets(pcap_batch([(3, tcp(A, B, b"hello there", seq=101))])))
    assert bytes(rows[0][0][14:]) == tcp(A, B, seq=100, flags=SYN)[14:]


@pytest.mark.parametrize(
    "last",
    [
        pytest.param(tcp(A, B, HELLO, seq=102), id="not the first byte"),
        pytest.param(tcp(B, A, HELLO, seq=100), id="the other side's numbers"),
        pytest.param(tcp(A, B, HELLO[:2], seq=101), id="too short to tell"),
        pytest.param(tcp(A, B, seq=101, flags=RST), id="reset"),
        pytest.param(tcp(A, B, seq=101, flags=FIN | ACK), id="closed without a word"),
        pytest.param(tcp(A, B, seq=7, flags=SYN), id="another connection"),
        pytest.param(tcp(B, A, seq=901, flags=SYN | ACK), id="another answer"),
        pytest.param(tcp(A, B, HELLO, seq=101, flags=SYN), id="a SYN with payload"),
    ],
)
def test_whatever_is_not_plain_comes_up(opened, last):
    assert played(opened(), *handshake(), (3, last)) == [1, 2, 3, 4]


def test_a_repeated_syn_waits_too_but_not_endlessly(opened):
    syn = tcp(A, B, seq=100, flags=SYN)
    assert played(opened(), (0, syn), (1, syn), (2, syn), (3, syn), (4, tcp(A, B, HELLO, seq=101))) == []
    most = MAX_HELD_FLOW_PACKETS + 1
    assert played(opened(), *[(number, syn) for number in range(most)]) == list(range(1, most + 1))


def test_who_waits_too_long_comes_up(opened):
    late = UNDECIDED_IDLE_NS + 3
    assert played(opened(), *handshake(), (late, tcp(A, B, HELLO, seq=101))) == [1, 2, 3, 4]


def test_a_datagram_is_asked_at_once(opened):
    gate = opened()
    assert played(gate, (0, udp(A, B, QUESTION)), (1, udp(B, A, b"anything"))) == []
    assert played(gate, (0, udp(A, end("198.51.100.9", 53), b"\x12\x34\xff doubtful"))) == [1]


def test_flows_that_are_known_or_announced_come_up(opened):
    low, high = sorted((A, B))
    assert played(opened(known={low + high}), *handshake(), (3, tcp(A, B, HELLO, seq=101))) == [1, 2, 3, 4]
    assert played(opened(known={low + high + b"u"}), (0, udp(A, B, QUESTION))) == [1]
    assert played(opened(announced={("tcp", B)}), *handshake(), (3, tcp(A, B, HELLO, seq=101))) == [1, 2, 3, 4]
    assert played(opened(announced={("udp", A)}), (0, udp(A, B, QUESTION))) == [1]
    assert played(opened(announced={("udp", A)}), *handshake(), (3, tcp(A, B, HELLO, seq=101))) == []


def test_a_new_connection_on_the_ports_of_an_ignored_one_is_asked_again(opened):
    gate = opened()
    gate.ignore(segment(A, B))
    again = [*handshake(), (3, tcp(A, B, b"something else", seq=101)), (4, tcp(A, B, b"more", seq=115))]
    assert played(gate, *again) == [1, 2, 3, 4, 5]


def test_in_a_flood_the_oldest_comes_up(opened):
    gate = opened()
    callers = [number.to_bytes(4, "big") + b"\1\1" for number in range(MAX_HELD_FLOWS + 10)]
    packets = [(number, tcp(caller, B, seq=5, flags=SYN)) for number, caller in enumerate(callers)]
    assert played(gate, *packets) == list(range(1, 11))


# --- sides that begin as no messenger does ----------------------------------------------------------------------------

ASK, TELL = b"GET /index.html HTTP/1.1\r\n", b"HTTP/1.1 200 OK\r\nServer: nginx\r\n"


@pytest.mark.usefixtures("no_second_look")
@pytest.mark.parametrize(("a", "b"), [(A, B), (A6, B6)])
def test_a_flow_never_comes_up_both_sides_of_which_begin_as_no_messenger_does(opened, a, b):
    gate = opened()
    packets = [
        *handshake(a, b),
        (3, tcp(a, b, ASK, seq=101, ack=901)),
        (4, tcp(b, a, seq=901, ack=101 + len(ASK))),
        (5, tcp(a, b, b"VER 1", seq=101 + len(ASK), ack=901)),  # it has spoken: what it says next decides nothing
        (6, tcp(b, a, TELL, seq=901, ack=106 + len(ASK))),
        (7, tcp(a, b, b"more", seq=106 + len(ASK))),
    ]
    assert played(gate, *packets) == []
    assert (gate.frames, gate.skipped) == (8, 8)


@pytest.mark.parametrize(
    "last",
    [
        pytest.param(tcp(B, A, b"VER 1 MSNP8 CVR0\r\n", seq=901), id="the other side may be a messenger"),
        pytest.param(tcp(B, A, TELL[:15], seq=901), id="too short to tell"),
        pytest.param(tcp(B, A, TELL, seq=902), id="a hole in the other side"),
        pytest.param(tcp(A, B, ASK, seq=101), id="a repetition"),
        pytest.param(tcp(A, B, ASK, seq=103 + len(ASK)), id="a hole"),
        pytest.param(tcp(A, B, b"x" * MAX_HOLD_QUEUE_OCTETS, seq=101 + len(ASK)), id="too much"),
        pytest.param(tcp(A, B, b"x", seq=101 + len(ASK), flags=FIN | ACK), id="the last word"),
        pytest.param(tcp(B, A, seq=901, flags=RST), id="reset"),
        pytest.param(tcp(A, B, seq=100, flags=SYN), id="a SYN"),
        pytest.param(tcp(B, A, seq=900, flags=SYN | ACK), id="an answer"),
    ],
)
def test_one_side_alone_decides_nothing(opened, last):
    assert played(opened(), *handshake(), (3, tcp(A, B, ASK, seq=101)), (4, last)) == [1, 2, 3, 4, 5]


def test_a_foreign_answer_ends_it_too(opened):
    packets = *handshake(), (3, tcp(A, B, ASK, seq=101)), (4, tcp(B, A, HELLO, seq=901))
    assert played(opened(), *packets) == []


def test_whoever_waits_for_the_flow_hears_both_sides(opened):
    packets = *handshake(), (3, tcp(A, B, ASK, seq=101)), (4, tcp(B, A, TELL, seq=901))
    assert played(opened(announced={("tcp", B)}), *packets) == [1, 2, 3, 4, 5]


# --- datagrams that no messenger sends --------------------------------------------------------------------------------


def muttering(a=A, b=B, number=MAX_PROBES - 1, first=0):
    """As many datagrams by turns as do not yet make their flow foreign."""
    for at in range(first, first + number):
        yield at, udp(*((a, b) if at % 2 else (b, a)), b"\x80%d mutters" % at)


@pytest.mark.usefixtures("no_second_look")
@pytest.mark.parametrize(("a", "b"), [(A, B), (A6, B6)])
def test_a_udp_flow_never_comes_up_when_so_many_datagrams_are_no_messengers(opened, a, b):
    gate = opened()
    packets = [*muttering(a, b), (5, udp(b, a, b"\0" * 8)), (6, udp(a, b, b"USX USX")), (7, udp(b, a, b"VER 1 2"))]
    assert played(gate, *packets) == []
    assert (gate.frames, gate.skipped) == (7, 7)


@pytest.mark.parametrize("word", [b"VER 1 2", b"USR", b"x" * MAX_HOLD_QUEUE_OCTETS])
def test_a_datagram_that_a_messenger_may_have_sent_brings_up_all_before_it(opened, word):
    gate = opened()
    packets = [*muttering(), (5, udp(B, A, word))]
    raised = [(row[1], bytes(row[0][row[2] : row[2] + row[3]]), row[5]) for row in gate.raise_packets(batch(packets))]
    assert raised == [(number, packet, ts) for number, (ts, packet) in enumerate(packets, 1)]
    assert gate.skipped == 0


@pytest.mark.usefixtures("no_second_look")
def test_datagrams_that_say_nothing_are_not_counted_but_are_held_no_longer_than_others(opened):
    blank = [(number, udp(A, B, b"\0" * 8)) for number in range(MAX_HELD_FLOW_PACKETS)]
    assert played(opened(), *blank) == []
    assert played(opened(), *blank, (99, udp(B, A, b"\x80 mutters"))) == list(range(1, MAX_HELD_FLOW_PACKETS + 2))
    few = [*blank[:5], *muttering(first=10)]
    assert played(opened(), *few, (20, udp(A, B, b"VER"))) == list(range(1, len(few) + 2))
    assert played(opened(), *few, (20, udp(A, B, b"\x80 mutters")), (21, udp(A, B, b"VER"))) == []


def test_who_waits_for_the_udp_flow_or_knows_it_hears_it(opened):
    low, high = sorted((A, B))
    known, announced = set(), set()
    gate = opened(known, announced)
    rows = iter([*muttering(number=2), *muttering(first=2, number=1)])
    assert played(gate, next(rows), next(rows)) == []
    announced.add(("udp", A))
    assert played(gate, next(rows), first=3) == [1, 2, 3]
    announced.clear()
    known.add(low + high + b"u")
    assert played(gate, *muttering(number=9), first=4) == list(range(4, 13))


def test_datagrams_that_come_too_late_come_up_with_those_before(opened):
    assert played(opened(), *muttering(), (UNDECIDED_IDLE_NS + 9, udp(A, B, b"\x80 mutters"))) == [1, 2, 3, 4, 5]


def test_in_a_flood_of_datagrams_those_come_up_that_wait_the_longest(opened):
    callers = [number.to_bytes(4, "big") + b"\1\1" for number in range(MAX_HELD_FLOWS + 2)]
    packets = [(number, udp(caller, B, b"\x80 hello there")) for number, caller in enumerate(callers[:-1])]
    again = [*packets[:-1], (9, udp(callers[0], B, b"\x80 again")), packets[-1]]
    assert played(opened(), *again, (10, udp(callers[-1], B, b"\x80 again"))) == [1, len(again) - 1, 2]


# --- the signatures' own openings -------------------------------------------------------------------------------------


SIGNATURES = load(user=Path("/nonexistent"))


def test_the_signatures_hand_their_foreign_rules_down():
    made = HoldQueue(openings(SIGNATURES.payload))
    assert made.foreign[6](HELLO)
    assert made.foreign[17](QUESTION)
    assert made.foreign[17](bytes.fromhex("c30000000108010203"))
    for rule in SIGNATURES.payload:
        for example in rule.examples if rule.protocol != "foreign" else ():
            for protocol in (6, 17):
                if {6: "tcp", 17: "udp"}[protocol] in rule.transport:
                    assert not made.foreign[protocol](example), rule.id


@given(data=st.binary(max_size=24))
def test_what_is_turned_away_no_messenger_rule_can_match(data):
    made = HoldQueue(openings(SIGNATURES.payload))
    for name, protocol in (("tcp", 6), ("udp", 17)):
        for start in (
            b"",
            b"\x16\x03\x01\x00",
            b"\x04\x00\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03",
            b"\x17\x03\x00\x00",
        ):
            if made.foreign[protocol](start + data):
                for rule in SIGNATURES.payload:
                    if rule.protocol != "foreign" and name in rule.transport:
                        flags = re.DOTALL if rule.expression.dotall else 0
                        assert not re.match(rule.expression.text.encode(), start + data, flags), rule.id


# --- with the gate or without it: the same ----------------------------------------------------------------------------

ENDS = [(A, B), (B, A), (A6, B6), (B6, A6)]
MESSAGE = (
    b"MESSAGE sip:b@x SIP/2.0\r\nFrom: <sip:a@x>\r\nTo: <sip:b@x>\r\nCall-ID: 1\r\nCSeq: 1 MESSAGE\r\n"
    b"Via: SIP/2.0/UDP x\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi"
)
WORDS = [
    HELLO,
    HELLO[:2],
    QUESTION,
    b"VER 1 MSNP8 CVR0\r\n",
    MESSAGE,
    b"",
    b"\x80\0\1 mutter",
    b"\x80\0\2 mutter",
    b"\r\n\r\n",
    b"hi",
    b"\0\1\0\0\x21\x12\xa4\x42" + bytes(12),
]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(ENDS),
        st.sampled_from(["udp", "udp", "udp", "shake", "tcp", "tcp", "tcp"]),
        st.sampled_from([ACK, ACK, ACK, SYN, SYN | ACK, FIN | ACK, RST]),
        st.sampled_from([100, 101, 101, 101, 900, 901, 901]),
        st.sampled_from(WORDS),
        st.sampled_from([1, 1, 1, SECOND, UNDECIDED_IDLE_NS]),
    ),
    max_size=25,
)


def told(steps):
    """The packets of the steps, by time."""
    ts = SECOND
    for (a, b), kind, flags, seq, words, wait in steps:
        ts += wait
        if kind == "shake":
            yield from handshake(a, b, ts=ts)
        elif kind == "udp":
            yield ts, udp(a, b, words)
        else:
            yield ts, tcp(a, b, words, seq=seq, ack=1, flags=flags)


@given(steps=STEPS)
def test_either_gate_and_none_tell_the_same(steps):
    packets = list(told(steps))
    results = []
    for kind, on in [(kind, True) for kind in GATES] + [(Gate, False)]:
        sensor = Sensor(Options(signatures=SIGNATURES), "test")
        sensor.gate = kind(sensor._hold_queue, enabled=on)
        records = list(sensor.read(pcap_batch(packets)))
        results.append([to_json(record) for record in (*records, *sensor.finish())])
    assert all(result == results[0] for result in results)


@given(steps=STEPS)
def test_what_comes_up_makes_the_same_flows(steps):
    """All that is heard of flows that are not turned away, packet counts and moments included."""
    packets = list(told(steps))
    heard = []
    for on in (True, False):
        flows = Flows(object)
        gate = Gate(HoldQueue((SHUT, ASKED), flows.known), enabled=on)
        decoder, seen = Decoder(), {}
        for raised in gate.raise_packets(pcap_batch(packets)):
            for one in decoder.segments(*raised):
                if gate.covers(one):  # which also lifts it, where a SYN with payload came up
                    continue
                for happening in flows.segment(one):
                    if isinstance(happening, FlowData):
                        flow = happening.flow
                        seen.setdefault((flow.key, flow.first), []).append((happening.side, happening.item))
        heard.append(seen)
    with_gate, without = heard
    for key, items in without.items():
        foreign = key not in with_gate
        assert foreign or with_gate[key] == items or _turned_away(items), key


def _turned_away(items):
    """Whether some of a flow's first words are foreign: what follows it need not come up."""
    return any(getattr(item, "data", b"").startswith((b"\x16\x03\x01", b"\x12\x34")) for _, item in items)


def test_a_slab_that_ends_within_a_packet_is_no_harm():
    whole = tcp(A, B, HELLO, seq=101)
    for size in range(len(whole)):
        slab = bytearray(struct.pack("<IIII", 1, 0, size, len(whole)) + whole[:size])
        for kind in GATES:
            gate = kind(HoldQueue((SHUT, ASKED)))
            made = Batch("test", slab, 0, len(slab), 1, NativeOrderWalk("<", 1, 16, 1))
            assert [row[1] for row in gate.raise_packets(made)] == [1]


@pytest.mark.parametrize("kind", GATES)
class TestSecondLook:
    """An ignored flow is looked at again: its next four payloads at once, then after 1, 2, 4 ... seconds."""

    NOISE = b"\x17\x03\x03 0123456789 abcdef"
    MESSAGE = b"VER 1 MSNP8 CVR0\r\n and more"

    def ignored(self, kind):
        gate = kind(HoldQueue((SHUT, DULL)))
        gate.ignore(segment(A, B))
        return gate

    def test_what_may_be_a_message_comes_up(self, kind):
        gate = self.ignored(kind)
        packets = [(0, tcp(A, B, self.NOISE)), (1, tcp(A, B)), (2, tcp(B, A, self.MESSAGE))]
        assert played(gate, *packets) == [3]
        assert not gate.covers(segment(B, A, self.MESSAGE, ts=2))

    def test_after_four_payloads_time_decides(self, kind):
        gate = self.ignored(kind)
        start = 5 * SECOND
        packets = [(start, tcp(A, B, self.NOISE))] * 4 + [
            (start, tcp(A, B, self.MESSAGE)),  # the fourth look lasts a second
            (start + SECOND, tcp(A, B, self.NOISE)),  # the next one two
            (start + 2 * SECOND, tcp(A, B, self.MESSAGE)),
            (start + 3 * SECOND, tcp(A, B, self.MESSAGE)),
        ]
        assert played(gate, *packets) == [8]

    def test_a_flow_that_is_read_above_comes_up_whole(self, kind):
        known = {flow_key(A, B, TCP)}
        gate = kind(HoldQueue((SHUT, DULL), known))
        gate.ignore(segment(A, B))
        assert played(gate, (0, tcp(A, B, self.NOISE)), (1, tcp(A, B))) == [1, 2]

    def test_both_ways_of_asking_agree(self, kind):
        """`covers` counts as the walk does."""
        walked, asked = self.ignored(kind), self.ignored(kind)
        start = 5 * SECOND
        times = [start] * 5 + [start + n * SECOND for n in range(9)]
        for ts in times:
            came_up = bool(played(walked, (ts, tcp(A, B, self.NOISE))))
            assert came_up is not asked.covers(segment(A, B, self.NOISE, ts=ts))
        later = start + 20 * SECOND
        assert bool(played(walked, (later, tcp(A, B, self.MESSAGE)))) is not asked.covers(
            segment(A, B, self.MESSAGE, ts=later)
        )
