"""Captures of a little network, made by hand: log-ins to a Jabber server, and web traffic of other hosts."""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

SERVER = "198.51.100.9"


class Packet(NamedTuple):
    at: datetime
    data: bytes


def november(day: float, hour: float = 10) -> datetime:
    return datetime(2026, 11, 1, tzinfo=UTC) + timedelta(days=day - 1, hours=hour)


def _frame(source: str, target: str, ports: tuple[int, int], seq: int, ack: int, flags: int, payload: bytes) -> bytes:
    ends = b"".join(bytes(map(int, one.split("."))) for one in (source, target))
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 40 + len(payload), 0, 0, 64, 6, 0) + ends
    tcp = struct.pack("!HHIIBBHHH", *ports, seq, ack, 0x50, flags, 8192, 0, 0)
    return b"\x02" * 12 + b"\x08\x00" + ip + tcp + payload


def _flow(
    at: datetime, host: str, port: int, server: tuple[str, int], said: Iterable[tuple[float, bool, bytes]]
) -> Iterator[Packet]:
    """said: seconds after the start, whether the client says it, and what."""
    sequence = {True: 1, False: 1}

    def packet(after: float, client: bool, flags: int, payload: bytes = b"", *, seq: int | None = None) -> Packet:
        ends = (host, server[0]) if client else (server[0], host)
        ports = (port, server[1]) if client else (server[1], port)
        number = sequence[client] if seq is None else seq
        data = _frame(*ends, ports, number, sequence[not client], flags, payload)
        return Packet(at + timedelta(seconds=after), data)

    yield packet(0, True, 0x02, seq=0)
    yield packet(0.01, False, 0x12, seq=0)
    last = 0.02
    yield packet(last, True, 0x10)
    for after, client, payload in said:
        last = 0.03 + after
        yield packet(last, client, 0x18, payload)
        sequence[client] += len(payload)
    yield packet(last + 0.01, True, 0x11)
    yield packet(last + 0.02, False, 0x11)


_STREAM = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'"
_OPEN = f"{_STREAM} {{}}='example.org'>"
_TLS = "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>"
_SASL = "xmlns='urn:ietf:params:xml:ns:xmpp-sasl'"
_OFFER = f"<stream:features><mechanisms {_SASL}><mechanism>PLAIN</mechanism></mechanisms></stream:features>"

_MESSAGE = "<message type='chat' {}><body>number {}</body></message>"


def jabber(
    at: datetime,
    who: str,
    host: str,
    *,
    server: str = SERVER,
    says: tuple[float, ...] = (5,),
    refused: bool = False,
    tls: bool = False,
) -> list[Packet]:
    """A log-in with PLAIN, a message to zoe at each of `says` (seconds), and her answers."""
    port = 30_000 + sum(map(ord, who + host)) * 7 % 20_000 + at.day * 7 + at.hour
    secret = base64.b64encode(f"\0{who}\0secret-of-{who}".encode()).decode()
    said: list[tuple[float, bool, str]] = [(0, True, _OPEN.format("to")), (0.1, False, _OPEN.format("from"))]
    if tls:
        said += [
            (0.2, False, _TLS),
            (0.3, True, "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
            (0.4, False, "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
            (0.5, True, "\x16\x03\x01\x00\x05hello"),
        ]
    else:
        answer = f"<failure {_SASL}><not-authorized/></failure>" if refused else f"<success {_SASL}/>"
        said += [
            (0.2, False, _OFFER),
            (0.3, True, f"<auth {_SASL} mechanism='PLAIN'>{secret}</auth>"),
            (0.4, False, answer),
        ]
        if not refused:
            said += [(0.5, True, _OPEN.format("to")), (0.6, False, _OPEN.format("from") + "<stream:features/>")]
            for number, after in enumerate(says):
                said.append((after, True, _MESSAGE.format(f"to='zoe@example.org' id='m{number}'", number)))
                answer = f"from='zoe@example.org/x' to='{who}@example.org/y' id='z{number}'"
                said.append((after + 0.5, False, _MESSAGE.format(answer, f"so {number}")))
    return list(_flow(at, host, port, (server, 5222), [(after, client, text.encode()) for after, client, text in said]))


def web(at: datetime, host: str) -> list[Packet]:
    """A host that is alive and does no messaging."""
    said = [
        (0.0, True, b"GET / HTTP/1.1\r\nHost: www.example.com\r\n\r\n"),
        (0.1, False, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
    ]
    return list(_flow(at, host, 20_000 + at.day, ("203.0.113.80", 80), said))


def pcap(packets: Iterable[Packet]) -> bytes:
    """In the order of time, with nanoseconds."""
    out = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1)]
    for at, data in sorted(packets):
        seconds = int(at.timestamp())
        out.append(struct.pack("<IIII", seconds, at.microsecond * 1000, len(data), len(data)) + data)
    return b"".join(out)
