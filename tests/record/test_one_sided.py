"""Who spoke: forged packets, quoted streams, asymmetric captures, and floods, through the whole spine."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from imsniff.base.limits import ANSWER_NS, MAX_FLOOD_FINDINGS, MAX_RECORDS_MINUTE
from imsniff.base.records import (
    AnomalyRecord,
    Confidence,
    FindingRecord,
    LoginRecord,
    MessageRecord,
    Record,
    SessionRecord,
    Severity,
)
from imsniff.capture.pcapfile import open_capture
from imsniff.detect import Aggregate, Sighting
from imsniff.pipeline import Options, Sensor
from imsniff.rules import loader
from tests.net.forge import ACK, SYN, end, tcp, udp
from tests.scenario.traffic import SECOND, Packet, write_pcap

SIGNATURES = loader.load(user=Path("/nonexistent"))
ALICE, BOB = end("10.0.0.5", 5060), end("192.0.2.9", 5060)
BROWSER, WEB, IRC = end("10.0.0.5", 40000), end("198.51.100.7", 80), end("198.51.100.7", 6667)
BEGIN = 1_790_000_000 * SECOND


def analysed(packets: Iterable[Packet]) -> tuple[list[Record], dict[str, FindingRecord]]:
    """The records, and the findings by risk."""
    found, records = Aggregate(), []
    with tempfile.NamedTemporaryFile(suffix=".pcap") as file:
        write_pcap(Path(file.name), packets)
        with open_capture(Path(file.name)) as capture:
            sensor = Sensor(Options(signatures=SIGNATURES, fingerprint_key=b"x"), "forged")
            told = [record for batch in capture for record in sensor.read(batch)]
            told += sensor.finish()
    for record in told:
        if isinstance(record, Sighting):
            found.add(record)
        else:
            records.append(record)
    return records, {finding.risk: finding for finding in found.findings()}


def session(records: list[Record]) -> SessionRecord:
    (only,) = (record for record in records if isinstance(record, SessionRecord))
    return only


def paced(*packets: bytes, every: int = SECOND // 1000) -> list[Packet]:
    return [(BEGIN + number * every, packet) for number, packet in enumerate(packets)]


def sip(start: str, number: int = 1, *headers: str, body: str = "", to: str = "") -> bytes:
    method = start.partition(" ")[0] if not start.startswith("SIP/") else "REGISTER"
    lines = [
        start,
        f"Via: SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bK{number}",
        "From: <sip:alice@example.net>;tag=1",
        f"To: <sip:alice@example.net>{to}",
        "Call-ID: forged",
        f"CSeq: {number} {method}",
        *headers,
        f"Content-Length: {len(body)}",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


REGISTER = sip("REGISTER sip:example.net SIP/2.0", 1, "Authorization: Basic YWxpY2U6c2VjcmV0")
GREETING = sip("REGISTER sip:example.net SIP/2.0", 1)
VOUCHED = sip("REGISTER sip:example.net SIP/2.0", 2, "Authorization: Basic YWxpY2U6c2VjcmV0")
ANSWER = sip("SIP/2.0 200 OK", 1, to=";tag=2")
MESSAGE = sip("MESSAGE sip:bob@192.0.2.9 SIP/2.0", 1, "Content-Type: text/plain", body="hi")


@pytest.mark.parametrize("packet", [REGISTER, MESSAGE, ANSWER])
@pytest.mark.parametrize("times", [1, 7])
def test_a_datagram_that_nobody_answers_is_silent(packet, times):
    """A sender that gets no answer sends the same again (RFC 3261 §17.1.2): that proves nothing."""
    records, findings = analysed(paced(*[udp(ALICE, BOB, packet)] * times, every=SECOND))
    assert (session(records).one_sided, session(records).confidence) == ("silent", Confidence.SIGNATURE)
    assert findings
    assert {finding.severity for finding in findings.values()} == {Severity.INFO}


@pytest.mark.parametrize("after", [1, ANSWER_NS // SECOND + 5])
def test_an_answer_raises_what_was_told(after):
    records, findings = analysed(
        [
            (BEGIN, udp(ALICE, BOB, REGISTER)),
            (BEGIN + SECOND // 2, udp(ALICE, BOB, MESSAGE)),
            (BEGIN + after * SECOND, udp(BOB, ALICE, ANSWER)),
        ]
    )
    assert (session(records).one_sided, session(records).confidence) == (None, Confidence.DISSECTED)
    assert findings["cleartext-credential"].severity is Severity.HIGH
    assert findings["cleartext-credential"].count == 1
    assert findings["cleartext-messages"].severity is Severity.MEDIUM


def test_what_was_told_as_one_sided_is_raised_by_a_late_answer():
    """The third message comes when the first two have waited long enough; then comes the answer."""
    texts = [sip("MESSAGE sip:bob@192.0.2.9 SIP/2.0", n, "Content-Type: text/plain", body=f"hi {n}") for n in (1, 2, 3)]
    packets = [(BEGIN + n * 2 * ANSWER_NS, udp(ALICE, BOB, text)) for n, text in enumerate(texts)]
    packets.append((BEGIN + 9 * ANSWER_NS, udp(BOB, ALICE, ANSWER)))
    _, findings = analysed(packets)
    assert findings["cleartext-messages"].severity is Severity.MEDIUM
    assert findings["cleartext-messages"].count == 3


def test_one_direction_of_an_exchange_is_unseen_and_one_step_less():
    """A credential after the same request without one: there was a challenge."""
    records, findings = analysed(paced(udp(ALICE, BOB, GREETING), udp(ALICE, BOB, VOUCHED)))
    assert (session(records).one_sided, session(records).confidence) == ("unseen", Confidence.DISSECTED)
    assert findings["cleartext-credential"].severity is Severity.MEDIUM


STREAM = (
    b"and then <stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' id='1' "
    b"from='example.org'><message from='bob@example.org/x' to='alice@example.org' type='chat'><body>hello</body>"
    b"</message>\n"
)


@pytest.mark.parametrize(("speaker", "other"), [(WEB, BROWSER), (BROWSER, end("198.51.100.7", 25))])
def test_a_page_or_a_mail_that_quotes_a_stream_is_silent_although_it_is_acknowledged(speaker, other):
    records, findings = analysed(
        paced(
            tcp(speaker, other, STREAM, seq=1000, ack=500, flags=ACK),
            tcp(other, speaker, b"", seq=500, ack=1000 + len(STREAM), flags=ACK),
            tcp(other, speaker, b"GET /next HTTP/1.1\r\n\r\n", seq=500, ack=1000 + len(STREAM), flags=ACK),
        )
    )
    assert (session(records).one_sided, session(records).confidence) == ("silent", Confidence.SIGNATURE)
    assert {finding.severity for finding in findings.values()} == {Severity.INFO}


def opened(*turns: tuple[bool, bytes], acknowledged: bool = True) -> list[Packet]:
    """A connection to the IRC server from its SYN on; each turn: whether the client speaks, and what."""
    seq = {True: 100, False: 900}
    packets = [tcp(BROWSER, IRC, b"", seq=99, flags=SYN), tcp(IRC, BROWSER, b"", seq=899, ack=100, flags=SYN | ACK)]
    for client, data in turns:
        ends = (BROWSER, IRC) if client else (IRC, BROWSER)
        packets.append(tcp(*ends, data, seq=seq[client], ack=seq[not client] if acknowledged else 900, flags=ACK))
        seq[client] += len(data)
    if acknowledged:
        packets.append(tcp(IRC, BROWSER, b"", seq=seq[False], ack=seq[True], flags=ACK))
    return paced(*packets)


LOGIN = b"PASS secret\r\nNICK alice\r\nUSER a 0 * :a\r\nPRIVMSG bob :hi\r\n"


@pytest.mark.parametrize(("acknowledged", "one_sided"), [(True, None), (False, "silent")])
def test_bytes_acknowledged_on_a_connection_seen_to_open_are_believed(acknowledged, one_sided):
    records, findings = analysed(opened((True, LOGIN), acknowledged=acknowledged))
    assert session(records).one_sided == one_sided
    assert findings["cleartext-credential"].severity is (Severity.HIGH if acknowledged else Severity.INFO)


PAGE = b"POST / HTTP/1.1\r\nHost: irc.example.org:6667\r\n\r\nNICK pwned\r\nUSER u 0 * :u\r\nPRIVMSG #room :spam\r\n"
WELCOME = b":irc.example.org 001 pwned :Welcome\r\n:irc.example.org 002 pwned :Your host\r\n"


def test_a_browser_sent_to_a_messengers_port_is_an_anomaly_and_not_a_session():
    records, findings = analysed(opened((True, PAGE), (False, WELCOME)))
    assert session(records).one_sided == "silent"
    assert "http.to-messenger" in [record.code for record in records if isinstance(record, AnomalyRecord)]
    assert {finding.severity for finding in findings.values()} == {Severity.INFO}


def test_a_client_that_begins_like_http_and_goes_on_as_a_messenger_is_a_session():
    records, _ = analysed(opened((True, PAGE), (False, WELCOME), (True, b"PRIVMSG #room :still here\r\n")))
    assert session(records).one_sided is None
    assert "http.to-messenger" not in [record.code for record in records if isinstance(record, AnomalyRecord)]


def test_a_flood_of_messages_is_cut_and_its_finding_counts_on():
    count = 3 * MAX_RECORDS_MINUTE
    lines = b"".join(b":bob!b@h.example PRIVMSG alice :number %d\r\n" % n for n in range(count))
    pieces = [(False, lines[at : at + 1400]) for at in range(0, len(lines), 1400)]
    records, findings = analysed(opened((True, b"NICK alice\r\nUSER a 0 * :a\r\n"), *pieces))
    kept = sum(isinstance(record, MessageRecord) for record in records)
    left_out = [record.detail for record in records if getattr(record, "code", "") == "records.suppressed"]
    assert kept <= MAX_RECORDS_MINUTE
    assert left_out == [f"{count - kept} records of one minute left out"]
    assert findings["cleartext-messages"].count == count


def test_a_flood_of_forged_log_ins_makes_no_flood_of_findings():
    count = 2 * MAX_RECORDS_MINUTE
    lines = b"".join(b"OPER user%d secret\r\n" % n for n in range(count))
    pieces = [(True, lines[at : at + 1400]) for at in range(0, len(lines), 1400)]
    records, findings = analysed(opened((True, b"NICK alice\r\nUSER a 0 * :a\r\n"), (False, WELCOME), *pieces))
    assert sum(isinstance(record, LoginRecord) for record in records) <= MAX_RECORDS_MINUTE
    assert findings["cleartext-credential"].severity is Severity.HIGH
    assert MAX_FLOOD_FINDINGS < MAX_RECORDS_MINUTE


def test_the_next_minute_has_room_again():
    lines = [b"".join(b":b!b@h.example PRIVMSG alice :%d\r\n" % n for n in range(MAX_RECORDS_MINUTE + 5))] * 2
    packets = opened((True, b"NICK alice\r\nUSER a 0 * :a\r\n"))
    seq = 900
    for minute, text in enumerate(lines, 1):
        for at in range(0, len(text), 1400):
            piece = text[at : at + 1400]
            packets.append((BEGIN + minute * 60 * SECOND, tcp(IRC, BROWSER, piece, seq=seq, ack=130, flags=ACK)))
            seq += len(piece)
    records, _ = analysed(packets)
    assert sum(isinstance(record, MessageRecord) for record in records) == 2 * MAX_RECORDS_MINUTE
    assert sum(getattr(record, "code", "") == "records.suppressed" for record in records) == 2
