"""From packets to periods of use: what names a service, what joins flows, and that other names are nowhere."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from imsniff.base.records import AttemptRecord, CoverageRecord, SessionRecord
from imsniff.pipeline import Options, Sensor
from imsniff.rules.loader import load
from tests.envelopes import hello
from tests.net.forge import ACK, SYN, end, pcap_batch, tcp, udp

SIGNATURES = load(user=Path("/nonexistent"))
SERVER = end("198.51.100.9", 443)
RESOLVER = end("10.0.0.53", 53)
SECOND = 1_000_000_000


def connection(port, data, at=0, server=SERVER, client="10.0.0.7", answer=b"\x16\x03\x03\x00\x02\x02\x00"):
    """A TCP connection whose client says `data`, in pieces where it is a list."""
    here = end(client, port)
    yield at, tcp(here, server, seq=100, flags=SYN)
    yield at + 1, tcp(server, here, seq=900, ack=101, flags=SYN | ACK)
    seq = 101
    for piece in [data] if isinstance(data, bytes) else data:
        yield at + 2, tcp(here, server, piece, seq=seq, ack=901, flags=ACK)
        seq += len(piece)
    yield at + 3, tcp(server, here, answer, seq=901, ack=seq, flags=ACK)


def analysed(*packets, gate=True):
    sensor = Sensor(Options(signatures=SIGNATURES, gate=gate), "test")
    flat = sorted((packet for some in packets for packet in some), key=lambda packet: packet[0])
    told = [*sensor.read(pcap_batch(flat)), *sensor.finish()]
    return [one for one in told if not isinstance(one, CoverageRecord)]


def uses(records):
    return [record for record in records if isinstance(record, SessionRecord)]


HELLO = hello.record(hello.client_hello("chat.signal.org"))


@pytest.mark.parametrize("gate", [True, False])
@pytest.mark.parametrize("cuts", [[HELLO], [HELLO[:40], HELLO[40:]], [HELLO[:9], HELLO[9:60], HELLO[60:]]])
def test_the_name_in_a_hello(gate, cuts):
    (use,) = uses(analysed(connection(40_000, cuts), gate=gate))
    assert (use.protocol, use.service, use.seen_in, use.names) == ("encrypted", "signal", ["sni"], ["chat.signal.org"])
    assert (use.client_ip, use.server_port, use.flows, use.bytes_up) == ("10.0.0.7", 443, 1, len(HELLO))
    assert use.ja4.startswith("t13d")


@pytest.mark.parametrize("gate", [True, False])
def test_a_quic_initial(gate):
    datagram = hello.initial((0, hello.client_hello("web.whatsapp.com")))
    (use,) = uses(analysed([(0, udp(end("10.0.0.7", 50_000), SERVER, datagram))], gate=gate))
    assert (use.service, use.seen_in, use.transport) == ("whatsapp", ["quic"], "udp")


def test_flows_within_a_quarter_of_an_hour_are_one_use():
    flows = [connection(40_000 + n, HELLO, n * 800 * SECOND) for n in range(3)]
    (use,) = uses(analysed(*flows))
    assert use.flows == 3
    late = connection(41_000, HELLO, 10_000 * SECOND)
    assert [
        use.flows for use in uses(analysed(*[connection(40_000 + n, HELLO, n * 800 * SECOND) for n in range(3)], late))
    ] == [3, 1]


def test_two_hosts_are_two_uses():
    both = analysed(connection(40_000, HELLO), connection(40_000, HELLO, 9, client="10.0.0.8"))
    assert sorted(use.client_ip for use in uses(both)) == ["10.0.0.7", "10.0.0.8"]


@pytest.mark.parametrize("gate", [True, False])
def test_a_flow_that_names_nothing_is_joined_with_the_answer_its_client_got(gate):
    asker = end("10.0.0.7", 33_000)
    told = hello.answer("chat.signal.org", hello.address(bytes((198, 51, 100, 9))))
    nameless = hello.record(hello.client_hello(None))
    records = analysed(
        [(0, udp(asker, RESOLVER, hello.question("chat.signal.org"))), (1, udp(RESOLVER, asker, told))],
        connection(40_000, nameless, SECOND),
        connection(40_000, nameless, SECOND, client="10.0.0.8"),
        gate=gate,
    )
    (use,) = uses(records)
    assert (use.client_ip, use.seen_in, use.confidence) == ("10.0.0.7", ["dns"], "dns")
    assert not [record for record in records if isinstance(record, AttemptRecord)]


def test_a_look_up_without_a_flow_is_an_attempt():
    asker = end("10.0.0.7", 33_000)
    records = analysed([(0, udp(asker, RESOLVER, hello.question("chat.signal.org")))])
    (attempt,) = [record for record in records if isinstance(record, AttemptRecord)]
    assert (attempt.service, attempt.name, attempt.client_ip, attempt.via) == (
        "signal",
        "chat.signal.org",
        "10.0.0.7",
        "dns",
    )


@pytest.mark.parametrize("gate", [True, False])
def test_names_that_are_not_on_the_list_are_nowhere(gate):
    secret = "private-clinic.example"
    asker = end("10.0.0.7", 33_000)
    records = analysed(
        connection(40_000, hello.record(hello.client_hello(secret))),
        connection(40_001, f"GET / HTTP/1.1\r\nHost: {secret}\r\n\r\n".encode(), answer=b"HTTP/1.1 200 OK\r\n\r\n"),
        [(0, udp(asker, RESOLVER, hello.question(secret)))],
        [(0, udp(end("10.0.0.7", 50_000), SERVER, hello.initial((0, hello.client_hello(secret)))))],
        gate=gate,
    )
    assert records == []
    assert secret.encode() not in msgspec.json.encode(records)


def test_not_a_suffix_of_letters_but_of_labels():
    assert analysed(connection(40_000, hello.record(hello.client_hello("notsignal.org")))) == []
