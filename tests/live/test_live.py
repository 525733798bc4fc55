"""Counting, and what workers and the writer say to each other."""

from __future__ import annotations

import socket

import msgspec
import pytest
from tests.capture.test_ring import block

from imsniff.base.events import Expect, Side
from imsniff.base.limits import BLIND_JOIN_NS
from imsniff.base.records import CoverageRecord
from imsniff.capture.batch import Batch
from imsniff.capture.captured import CapturedPacket
from imsniff.capture.live import Losses
from imsniff.capture.ring import Blocks
from imsniff.live import messages
from imsniff.live.counts import Blind, Blindness, Counts
from imsniff.live.worker import Shard
from imsniff.live.workers import Outbox
from imsniff.pipeline import Options
from imsniff.rules.loader import load
from made import login, message, session


def blind(since, until, lost=1, capture="eth0"):
    return Blind(capture=capture, since=since, until=until, lost=lost)


def test_counts_add_up():
    total = sum([Counts(packets=3, sessions=1), Counts(packets=4, kernel_drops=2)], Counts())
    assert (total.packets, total.sessions, total.kernel_drops) == (7, 1, 2)


class DelayedFlow:
    """A source whose packets are all there already."""

    capture = "eth0"

    def __init__(self, blocks):
        self.frames = 0
        self._blocks = list(blocks)
        self._batch = None
        self._received = sum(count for _, count in blocks)

    def fileno(self):
        return 0

    def take(self):
        if self._batch is not None:
            self.frames += self._batch.finish().frames
        slab, _ = self._blocks.pop(0) if self._blocks else (None, 0)
        self._batch = None if slab is None else Batch("eth0", slab, 48, len(slab), self.frames + 1, Blocks(1))
        return self._batch

    def losses(self):
        return Losses(self._received, 0)

    def stop(self):
        pass

    def close(self):
        pass


class Told:
    """A receiver that keeps what it is told of losses."""

    session = packet = announced = None

    def __init__(self):
        self.spans = []

    def blind(self, span):
        self.spans.append(span)

    def record(self, record):
        assert isinstance(record, CoverageRecord), "nothing else is in these packets"


@pytest.mark.parametrize("drain", [30.0, 0.0])
def test_what_there_is_no_time_for_at_the_end_is_counted(monkeypatch, drain):
    monkeypatch.setattr("imsniff.live.worker.DRAIN", drain)
    monkeypatch.setattr("imsniff.live.worker.TURN", drain)
    source = DelayedFlow([(block(b"one" * 20, b"two" * 20), 2)] * 50)
    told = Told()
    shard = Shard([source], Options(signatures=load()), told)
    shard.turn(0)
    shard.turn(0)
    shard.finish()
    counts = shard.counts()["eth0"]
    assert counts.received == counts.packets + counts.unread == 100
    assert counts.unread == (0 if drain else 96)
    assert [span.lost for span in told.spans] == ([] if drain else [96])


def test_losses_close_together_are_one_span():
    spans = Blindness()
    spans.add(blind(10, 20))
    spans.add(blind(20, 30, lost=5))
    spans.add(blind(15, 25, capture="eth1"))
    spans.add(blind(30 + BLIND_JOIN_NS, 40 + BLIND_JOIN_NS))
    spans.add(blind(50 + 3 * BLIND_JOIN_NS, 60 + 3 * BLIND_JOIN_NS))
    assert [(s.capture, s.since, s.lost) for s in spans.spans] == [
        ("eth0", 10, 7),
        ("eth1", 15, 1),
        ("eth0", 50 + 3 * BLIND_JOIN_NS, 1),
    ]


def test_spans_are_bounded_and_lose_no_count(monkeypatch):
    monkeypatch.setattr("imsniff.live.counts.MAX_BLIND", 10)
    spans = Blindness()
    for number in range(1000):
        spans.add(blind(number * 10 * BLIND_JOIN_NS, number * 10 * BLIND_JOIN_NS + 1))
    assert len(spans.spans) == 10
    assert sum(span.lost for span in spans.spans) == 1000
    assert spans.spans[-1].until == 9990 * BLIND_JOIN_NS + 1


def test_messages_come_back_whatever_the_pieces():
    one = session(account="al\udce9ce")  # not UTF-8 on the wire
    said = [
        (messages.RECORD, message(one, text="hi")),
        (messages.RECORD, login(one)),
        (messages.SESSION, one),
        (messages.PACKET, CapturedPacket(5, 1, 60, b"\0" * 60)),
        (messages.BLIND, blind(1, 2)),
        (messages.ANNOUNCED, messages.Announced(Expect(side=Side.CLIENT, protocol="oft", ip="10.0.0.1", port=4443), 9)),
        (messages.COUNTS, {"eth0": Counts(packets=7)}),
        (messages.FAULT, "something"),
        (messages.ENDED, None),
    ]
    data = b"".join(messages.message(kind, value) for kind, value in said)
    for step in (1, 7, 1000, len(data)):
        inbox = messages.inbox()
        came = [one for at in range(0, len(data), step) for one in inbox.feed(data[at : at + step])]
        assert [kind for kind, _ in came] == [kind for kind, _ in said]
        for (kind, value), (_, back) in zip(said, came, strict=True):
            assert type(back) is type(value)
            assert kind == messages.SESSION or back == value or "\ufffd" in str(back)


def test_what_is_no_message_is_refused():
    inbox = messages.inbox()
    with pytest.raises(msgspec.DecodeError):
        list(inbox.feed(b"\0\0\0\x02z\xc0"))
    with pytest.raises(msgspec.DecodeError):
        list(messages.inbox().feed(b"\0\0\0\x02p\xc0"))


def test_a_slow_writer_costs_records_that_are_counted(monkeypatch):
    monkeypatch.setattr("imsniff.live.workers.MAX_HANDOVER", 100_000)
    ours, theirs = socket.socketpair()
    outbox = Outbox(theirs)
    one = message(session(), text="x" * 1000)
    for _ in range(2000):
        outbox.record(one)
    assert 0 < outbox.dropped < 2000
    outbox.say(messages.COUNTS, {"eth0": Counts(queue_drops=outbox.dropped)})
    inbox, came = messages.inbox(), []
    while not came or came[-1][0] != messages.COUNTS:
        outbox.flush(0)
        came += inbox.feed(ours.recv(1 << 16))
    assert len(came) - 1 + outbox.dropped == 2000
    ours.close()
    outbox.say(messages.FAULT, "x")
    with pytest.raises(BrokenPipeError):
        outbox.flush(1)
    theirs.close()
