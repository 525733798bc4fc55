"""Whose segment it is, who opened, when a flow begins and is over."""

from __future__ import annotations

import pytest

from imsniff.base.events import Side
from imsniff.base.limits import (
    ACK_GRACE_NS,
    HOLD_NS,
    LINGER_NS,
    MAX_UNDECIDED,
    TCP_IDLE_NS,
    UDP_IDLE_NS,
    UNDECIDED_IDLE_NS,
)
from imsniff.net.flows import FlowData, FlowEnd, Flows
from imsniff.net.reassembly import Data, Gap
from tests.net.forge import ACK, FIN, RST, SYN, end, segment

A, B = end("192.0.2.1", 40000), end("198.51.100.9", 5190)


def run(*segments, ports=frozenset({5190}), finish=True):
    flows = Flows(object, ports)
    out = [happening for one in segments for happening in flows.segment(one)]
    return out + list(flows.finish()) if finish else out


def said(events):
    return [(h.side, h.item.data) for h in events if isinstance(h, FlowData) and isinstance(h.item, Data)]


def test_who_sent_the_syn_is_the_client():
    out = run(
        segment(B, A, seq=5, flags=SYN),
        segment(A, B, seq=8, ack=6, flags=SYN | ACK),
        segment(A, B, b"banner", seq=9, ack=6, flags=ACK),
        segment(B, A, b"hello", seq=6, ack=15, flags=ACK),
    )
    assert said(out) == [(Side.SERVER, b"banner"), (Side.CLIENT, b"hello")]
    assert out[0].flow.client == B
    assert out[0].flow.opened


def test_the_answer_to_a_syn_tells_too():
    out = run(segment(B, A, seq=5, ack=1, flags=SYN | ACK), segment(B, A, b"hi", seq=6, flags=ACK))
    assert (out[0].flow.client, out[0].side) == (A, Side.SERVER)


@pytest.mark.parametrize(("first", "second", "client"), [(A, B, A), (B, A, A)])
def test_without_a_syn_the_known_port_was_called(first, second, client):
    assert run(segment(first, second, b"x"))[0].flow.client == client


def test_without_any_sign_the_first_talker_is_the_client():
    here, there = end("192.0.2.1", 40000), end("192.0.2.2", 50000)
    assert run(segment(here, there, b"x"))[0].flow.client == here


@pytest.mark.parametrize(("acked", "patience"), [(False, HOLD_NS), (True, ACK_GRACE_NS)])
def test_on_a_quiet_link_the_clock_ends_a_hole(acked, patience):
    flows = Flows(object)
    told = [
        segment(A, B, b"one", seq=5, ts=0),
        segment(A, B, b"three", seq=13, ts=0),
        *([segment(B, A, seq=1, ack=18, flags=ACK, ts=0)] if acked else []),
    ]
    assert said([one for part in told for one in flows.segment(part)]) == [(Side.CLIENT, b"one")]
    assert list(flows.tick(patience - 1)) == []
    assert [events.item for events in flows.tick(patience)] == [Gap(5, 1, 0), Data(b"three", 1, 0)]
    assert list(flows.tick(patience + 1)) == []


def test_a_hole_that_was_filled_is_not_waited_for():
    flows = Flows(object)
    for number, (seq, payload) in enumerate([(5, b"one"), (13, b"three"), (8, b"and 2")], 1):
        heard = flows.segment(segment(A, B, payload, seq=seq, ts=number))
    assert said(heard) == [(Side.CLIENT, b"and 2"), (Side.CLIENT, b"three")]
    assert list(flows.tick(10 * HOLD_NS)) == []


def test_a_new_connection_on_the_same_ports_is_a_new_flow():
    out = run(
        segment(A, B, seq=5, flags=SYN),
        segment(A, B, b"one", seq=6),
        segment(A, B, seq=5, flags=SYN),  # a copy of the first
        segment(A, B, b"two", seq=9),
        segment(A, B, seq=99, flags=SYN),
        segment(A, B, b"three", seq=100),
    )
    assert [type(h) for h in out] == [FlowData, FlowData, FlowEnd, FlowData, FlowEnd]
    assert said(out) == [(Side.CLIENT, b"one"), (Side.CLIENT, b"two"), (Side.CLIENT, b"three")]


def test_a_syn_behind_its_answer_is_no_new_connection():
    out = run(
        segment(B, A, seq=100, ack=6, flags=SYN | ACK),
        segment(A, B, seq=5, flags=SYN),
        segment(B, A, b"later", seq=104, ack=6, flags=ACK),
        segment(B, A, b"now", seq=101, ack=6, flags=ACK),
    )
    assert said(out) == [(Side.SERVER, b"now"), (Side.SERVER, b"later")]
    assert sum(isinstance(h, FlowEnd) for h in out) == 1


def test_a_lost_syn_of_the_server_does_not_hide_its_first_bytes():
    out = run(
        segment(A, B, seq=5, flags=SYN),
        segment(A, B, b"hello", seq=6, ack=100, flags=ACK),
        segment(B, A, b"world", seq=105),
        segment(B, A, b"wide ", seq=100),
    )
    assert said(out) == [(Side.CLIENT, b"hello"), (Side.SERVER, b"wide "), (Side.SERVER, b"world")]


def test_an_acknowledgement_frees_the_other_sides_stream():
    out = run(
        segment(A, B, seq=5, flags=SYN),
        segment(A, B, b"later", seq=16, ts=1),
        segment(B, A, seq=1, ack=21, ts=2, flags=ACK),
        segment(B, A, seq=1, ack=21, ts=10**9, flags=ACK),
        finish=False,
    )
    assert [(h.side, h.item) for h in out] == [
        (Side.CLIENT, Gap(10, 1, 1)),
        (Side.CLIENT, Data(b"later", 1, 1)),
    ]


def test_a_reset_does_not_blind_us():
    """A forged RST that the endpoints ignore (Ptacek and Newsham, 1998) must not end what we see."""
    out = run(segment(A, B, b"one", seq=5), segment(B, A, seq=1, flags=RST), segment(A, B, b"two", seq=8))
    assert said(out) == [(Side.CLIENT, b"one"), (Side.CLIENT, b"two")]
    assert sum(isinstance(h, FlowEnd) for h in out) == 1


@pytest.mark.parametrize(
    ("protocol", "watched", "silence"),
    [(6, False, UNDECIDED_IDLE_NS), (6, True, TCP_IDLE_NS), (17, True, UDP_IDLE_NS)],
)
def test_silence_ends_a_flow(protocol, watched, silence):
    for wait, flows_seen in ((silence, 1), (silence + 1, 2)):
        flows, out = Flows(object), []
        for happening in flows.segment(segment(A, B, b"x", protocol=protocol, seq=1)):
            if watched:
                flows.watch(happening.flow)
        out += flows.segment(segment(A, B, b"y", protocol=protocol, seq=2, ts=wait))
        out += flows.finish()
        assert sum(isinstance(h, FlowEnd) for h in out) == flows_seen


def test_a_closed_flow_lingers_for_late_copies():
    closing = [
        segment(A, B, b"bye", seq=5, flags=ACK | FIN),
        segment(B, A, seq=1, flags=ACK | FIN),
        segment(A, B, b"bye", seq=5, flags=ACK, ts=LINGER_NS),
    ]
    out = run(*closing)
    assert said(out) == [(Side.CLIENT, b"bye")]
    assert sum(isinstance(h, FlowEnd) for h in out) == 1


def test_what_is_not_im_is_forgotten():
    flows = Flows(object)
    for happening in flows.segment(segment(A, B, b"x", flags=ACK | FIN | RST)):
        flows.forget(happening.flow)
    assert len(flows) == 0


def test_the_table_is_bounded():
    flows = Flows(object)
    for n in range(MAX_UNDECIDED + 500):
        list(flows.segment(segment(n.to_bytes(4, "big") + b"\1\1", B, flags=SYN)))
    assert len(flows) <= MAX_UNDECIDED + 64
    assert flows.evicted >= 436


def test_bare_acknowledgements_of_the_unknown_leave_no_trace():
    flows = Flows(object)
    list(flows.segment(segment(A, B, flags=ACK)))
    assert len(flows) == 0
