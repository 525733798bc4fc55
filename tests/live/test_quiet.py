"""A link that falls quiet: the clock decides what the next packet would have decided."""

from __future__ import annotations

from tests.net.forge import ACK, SYN, end, pcap_batch, tcp

from imsniff.base.limits import HOLD_NS, LATE_NS
from imsniff.base.records import MessageRecord
from imsniff.pipeline import Options, Sensor
from imsniff.rules.loader import load

A, B = end("192.0.2.1", 40000), end("198.51.100.9", 16667)
OPENED = tcp(A, B, seq=100, flags=SYN), tcp(B, A, seq=900, ack=101, flags=SYN | ACK)
LOGIN = b"NICK alice\r\nUSER alice 0 * :Alice\r\n"
WELCOME = b":irc.example.org 001 alice :Welcome to the network alice\r\n"
TALK = b"PRIVMSG bob :what comes behind a hole is not lost\r\n"


def test_what_is_behind_a_lost_packet_is_told_when_no_other_comes():
    sensor = Sensor(Options(signatures=load(None)), "eth0")
    packets = [
        *OPENED,
        tcp(A, B, LOGIN, seq=101, ack=901, flags=ACK),
        tcp(B, A, WELCOME, seq=901, ack=101 + len(LOGIN), flags=ACK),
        tcp(A, B, TALK, seq=201 + len(LOGIN), ack=901 + len(WELCOME), flags=ACK),
    ]
    told = [record for record in sensor.read(pcap_batch(enumerate(packets))) if isinstance(record, MessageRecord)]
    assert told == []
    assert [record for record in sensor.tick(LATE_NS + HOLD_NS) if isinstance(record, MessageRecord)] == []
    told = [record for record in sensor.tick(LATE_NS + HOLD_NS + 10) if isinstance(record, MessageRecord)]
    assert [(record.frame, record.sender) for record in told] == [(5, "alice")]


def test_a_flow_that_shows_itself_then_is_watched():
    sensor = Sensor(Options(signatures=load(None)), "eth0")
    packets = [
        *OPENED,
        tcp(A, B, LOGIN, seq=201, ack=901, flags=ACK),
        tcp(B, A, WELCOME, seq=901, ack=101, flags=ACK),
    ]
    list(sensor.read(pcap_batch(enumerate(packets))))
    list(sensor.tick(LATE_NS + HOLD_NS + 10))
    assert sensor.identified == 1
    (flow,) = sensor.flows.known.values()
    assert flow in sensor.flows._watched[6].flows.values()
