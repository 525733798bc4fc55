"""Conversations of a made company as packets: TCP and UDP flows in the order of time, and pcap files of them."""

from __future__ import annotations

import struct
from base64 import b64encode
from collections.abc import Iterable
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from tests.net.forge import ACK, FIN, SYN, end, tcp, udp

Packet = tuple[int, bytes]
SECOND = 1_000_000_000


class Flow:
    """One TCP flow. `at`: nanoseconds since 1970; every packet takes a millisecond."""

    def __init__(self, client: str, server: str, at: int, *, port: int, from_port: int) -> None:
        self.packets: list[Packet] = []
        self.at = at
        self.host = client
        self._ends = {True: end(client, from_port), False: end(server, port)}
        self._next = {True: 1000, False: 9000}
        self._send(True, b"", SYN)
        self._send(False, b"", SYN | ACK)
        self._next = {True: 1001, False: 9001}

    def _send(self, client: bool, data: bytes, flags: int) -> None:
        seq, ack = self._next[client], self._next[not client]
        packet = tcp(self._ends[client], self._ends[not client], data, seq=seq, ack=ack, flags=flags)
        self.packets.append((self.at, packet))
        self.at += SECOND // 1000

    def say(self, client: bool, text: str | bytes, *, after: float = 0) -> Flow:
        self.at += int(after * SECOND)
        data = text.encode() if isinstance(text, str) else text
        for at in range(0, len(data), 1400):
            piece = data[at : at + 1400]
            self._send(client, piece, ACK)
            self._next[client] += len(piece)
        return self

    def close(self) -> Flow:
        self._send(True, b"", FIN | ACK)
        self._send(False, b"", FIN | ACK)
        return self


class Xmpp(Flow):
    """A client of an XMPP server without TLS."""

    def __init__(
        self, jid: str, client: str, at: int, *, server: str = "10.1.0.10", from_port: int = 40000, password: str = "pw"
    ) -> None:
        super().__init__(client, server, at, port=5222, from_port=from_port)
        self.jid = jid
        user, _, domain = jid.partition("@")
        stream = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'"
        sasl = "xmlns='urn:ietf:params:xml:ns:xmpp-sasl'"
        secret = b64encode(f"\0{user}\0{password}".encode()).decode()
        self.say(True, f"<?xml version='1.0'?>{stream} to='{domain}'>")
        self.say(False, f"<?xml version='1.0'?>{stream} from='{domain}' id='s1'>")
        self.say(
            False, f"<stream:features><mechanisms {sasl}><mechanism>PLAIN</mechanism></mechanisms></stream:features>"
        )
        self.say(True, f"<auth {sasl} mechanism='PLAIN'>{secret}</auth>")
        self.say(False, f"<success {sasl}/>")
        self.say(True, f"{stream} to='{domain}'>")
        self.say(False, f"{stream} from='{domain}' id='s2'><stream:features/>")
        self.say(True, "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>")
        bound = f"<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>{jid}/work</jid></bind>"
        self.say(False, f"<iq type='result' id='b'>{bound}</iq>")

    def write(self, to: str, text: str, *, after: float = 5) -> Xmpp:
        self.say(True, f"<message type='chat' to={quoteattr(to)}><body>{escape(text)}</body></message>", after=after)
        return self

    def hear(self, sender: str, text: str, *, after: float = 5) -> Xmpp:
        said = f"<message type='chat' from={quoteattr(sender + '/x')} to={quoteattr(self.jid)}>"
        self.say(False, f"{said}<body>{escape(text)}</body></message>", after=after)
        return self


class Irc(Flow):
    """A client of an IRC server."""

    def __init__(
        self, nick: str, client: str, at: int, *, server: str = "203.0.113.66", port: int = 6667, from_port: int = 41000
    ) -> None:
        super().__init__(client, server, at, port=port, from_port=from_port)
        self.nick = nick
        self.say(True, f"NICK {nick}\r\nUSER {nick} 0 * :{nick}\r\n")
        self.say(False, f":irc.example.net 001 {nick} :Welcome to the network {nick}\r\n")

    def write(self, to: str, text: str, *, after: float = 5) -> Irc:
        self.say(True, f"PRIVMSG {to} :{text}\r\n", after=after)
        return self

    def hear(self, sender: str, text: str, *, after: float = 5) -> Irc:
        self.say(False, f":{sender}!u@h PRIVMSG {self.nick} :{text}\r\n", after=after)
        return self


def in_order(flows: Iterable[Flow | list[Packet]]) -> list[Packet]:
    return sorted(packet for flow in flows for packet in (flow if isinstance(flow, list) else flow.packets))


def datagram(source: tuple[str, int], target: tuple[str, int], payload: bytes, at: int) -> Packet:
    return at, udp(end(*source), end(*target), payload)


def write_pcap(path: Path, packets: Iterable[Packet]) -> Path:
    """Nanosecond pcap, Ethernet."""
    with path.open("wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1))
        for at, data in packets:
            out.write(struct.pack("<IIII", *divmod(at, SECOND), len(data), len(data)) + data)
    return path
