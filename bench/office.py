"""An office: what flows begin on its uplink, how often, between whom.

The shares are of flows; most packets are TLS and QUIC. The background holds no instant messaging at all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from random import Random
from typing import NamedTuple

from bench import attempts, dns, domain, http, lan, mail, management, quic, ssh, talk, tls, voice, vpn
from bench.wire import Ends, Packet, Turn, packed, tcp_flow, udp_flow

CLIENT_PORTS = range(32_768, 61_000)
"""Those that Linux gives away."""
IPV6_SHARE = 0.08
TAGGED_SHARE = 0.04
VLANS = (20, 30, 77)
ODD_SHARE = 0.25
"""Of the flows of instant messaging."""
CHATTY = (60, 300)
"""Messages of one conversation where a capture holds one protocol only; in a mixed one there are 3 to 39."""

Flow = Callable[[Random, Ends], Iterator[Packet]]
Turns = Callable[[Random], Iterator[Turn]]


def tcp(turns: Turns) -> Flow:
    return lambda dice, ends: tcp_flow(dice, ends, turns(dice))


def udp(turns: Turns) -> Flow:
    return lambda dice, ends: udp_flow(ends, turns(dice))


class Kind(NamedTuple):
    """Background."""

    flow: Flow
    port: int
    weight: float


BACKGROUND = {
    "tls 1.3": Kind(tcp(tls.tls13), 443, 24),
    "tls 1.2": Kind(tcp(tls.tls12), 443, 9),
    "quic": Kind(udp(quic.quic), 443, 10),
    "http": Kind(tcp(http.http), 80, 7),
    "dns": Kind(udp(dns.dns), 53, 32),
    "dns over tcp": Kind(tcp(dns.over_tcp), 53, 0.6),
    "proxy": Kind(tcp(http.proxied), 3128, 1),
    "rtp": Kind(voice.call, 0, 0.6),
    "stun": Kind(udp(voice.stun), 3478, 1),
    "smtp": Kind(tcp(mail.smtp), 25, 0.6),
    "imap": Kind(tcp(mail.imap), 143, 0.4),
    "ssh": Kind(tcp(ssh.ssh), 22, 0.2),
    "esp": Kind(udp(vpn.esp), 4500, 0.5),
    "smb": Kind(tcp(domain.smb), 445, 0.4),
    "kerberos": Kind(tcp(domain.kerberos), 88, 0.6),
    "ldap": Kind(tcp(domain.ldap), 389, 0.6),
    "snmp": Kind(udp(management.snmp), 161, 0.6),
    "syslog": Kind(udp(management.syslog), 514, 0.4),
    "ntp": Kind(udp(lan.ntp), 123, 1),
    "attempt": Kind(attempts.attempt, 0, 3),
    "icmp": Kind(lan.ping, 0, 0.8),
    "arp": Kind(lan.arp, 0, 5),
    "mdns": Kind(lan.mdns, 0, 1.5),
    "llmnr": Kind(lan.llmnr, 0, 1.2),
    "netbios": Kind(lan.netbios, 0, 0.8),
    "ssdp": Kind(lan.ssdp, 0, 1),
    "dhcp": Kind(lan.dhcp, 0, 0.3),
}


class Started(NamedTuple):
    name: str
    packets: Iterator[Packet]
    whole: int
    """Packets of a flow that must be written to its end, as instant messaging must; 0: it may be cut."""


class Office:
    """Starts flows, and counts what it started."""

    def __init__(self, seed: int, im_share: float, only: str | None = None) -> None:
        self.dice = Random(seed)
        self.im_share = im_share
        self.only = only
        self.flows: Counter[str] = Counter()
        self._port = CLIENT_PORTS.start
        self._promised = 0
        self._kinds = list(BACKGROUND)
        self._weights = [kind.weight for kind in BACKGROUND.values()]

    def ends(self, server_port: int) -> Ends:
        dice = self.dice
        self._port = CLIENT_PORTS[(self._port + 1 - CLIENT_PORTS.start) % len(CLIENT_PORTS)]
        if dice.random() < IPV6_SHARE:
            client, server = f"2001:db8:77::{dice.randrange(1, 400):x}", f"2001:db8:{dice.randrange(1, 900):x}::5"
        else:
            client = f"10.77.{dice.randrange(4)}.{dice.randrange(1, 255)}"
            server = f"{dice.choice(('198.51.100', '203.0.113', '192.0.2', '198.18.7'))}.{dice.randrange(1, 255)}"
        vlan = dice.choice(VLANS) if dice.random() < TAGGED_SHARE else 0
        return Ends(packed(client), self._port, packed(server), server_port, vlan)

    def one_protocol(self, name: str) -> list[Packet]:
        """A long conversation on the protocol's own port; every second one over its other transport, if it has one."""
        speech = talk.SPEECHES[name]
        turns, over_tcp = speech.turns, speech.transport == "tcp"
        if speech.other is not None and self.flows[name] % 2:
            turns, over_tcp = speech.other, not over_tcp
        said = turns(self.dice, self.dice.randrange(*CHATTY))
        ends = self.ends(speech.port)
        return list(tcp_flow(self.dice, ends, said) if over_tcp else udp_flow(ends, said))

    def conversation(self, name: str) -> list[Packet]:
        """A short one, now and then on a port that is not the protocol's."""
        speech = talk.SPEECHES[name]
        port = self.dice.choice(talk.ODD_PORTS[speech.transport]) if self.dice.random() < ODD_SHARE else speech.port
        turns = speech.turns(self.dice, self.dice.randrange(3, 40))
        ends = self.ends(port)
        return list(tcp_flow(self.dice, ends, turns) if speech.transport == "tcp" else udp_flow(ends, turns))

    def background(self) -> Started:
        (name,) = self.dice.choices(self._kinds, self._weights)
        kind = BACKGROUND[name]
        self.flows[name] += 1
        return Started(name, kind.flow(self.dice, self.ends(kind.port)), 0)

    def next_flow(self, written: int, room: int) -> Started | None:
        """The next one to begin, after so many packets; of instant messaging only what has room."""
        nothing_else = self.only is not None or self.im_share >= 1
        if not nothing_else and self._promised >= self.im_share * written:
            return self.background()
        name = self.only or self.dice.choice(list(talk.SPEECHES))
        packets = self.one_protocol(name) if self.only else self.conversation(name)
        if len(packets) > room:
            return None if nothing_else else self.background()
        self._promised += len(packets)
        self.flows[name] += 1
        return Started(name, iter(packets), len(packets))
