"""Packets from their numbers: Ethernet, IPv4 or IPv6, TCP or UDP, packed with `struct` and checksummed.

A checksum of Internet kind is the sum of 16-bit words modulo 65535, so that one big `int` and one `%` give it: about
2 us for a full segment, where scapy needs half a millisecond for the packet.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from ipaddress import ip_address
from random import Random
from typing import NamedTuple

MSS = 1448
"""Payload bytes of a full segment on Ethernet with time stamps on."""

CLIENT, SERVER = 0, 1
Packet = tuple[int, bytes]
"""Nanoseconds since the packet before it in the same flow, and the frame."""
Turn = tuple[int, bytes, int]
"""Side that speaks, its bytes, and the nanoseconds it waits first."""

MICRO, MILLI = 1_000, 1_000_000
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16

MISHAP_EVERY = 110
"""Of so many data segments, about one is sent again or overtaken by its follower: 0.3 % of all packets."""


class Ends(NamedTuple):
    """Addresses and ports of a flow: packed address, then port; the VLAN that it is tagged with, if any."""

    client: bytes
    client_port: int
    server: bytes
    server_port: int
    vlan: int = 0


def word_sum(data: bytes) -> int:
    value = int.from_bytes(data, "big") % 65535
    return value * 256 % 65535 if len(data) & 1 else value


def mac(address: bytes) -> bytes:
    """Of a machine made from its address, of a group as its address family says."""
    if address == b"\xff" * 4:
        return b"\xff" * 6
    if address[0] == 0xFF:
        return b"\x33\x33" + address[-4:]
    if len(address) == 4 and address[0] >> 4 == 14:
        return b"\x01\x00\x5e" + bytes((address[1] & 0x7F,)) + address[2:]
    return b"\x02\x00\x5e" + address[-3:]


def ethernet(source: bytes, target: bytes, vlan: int, kind: int) -> bytes:
    """From hardware addresses."""
    tag = struct.pack("!HH", 0x8100, vlan) if vlan else b""
    return target + source + tag + kind.to_bytes(2, "big")


class Road:
    """One direction of a flow: everything of its headers that does not change, packed once."""

    __slots__ = ("_head", "_head6", "_id", "_ip_sum", "_ports", "_pseudo", "_tail", "v6")

    def __init__(
        self, source: bytes, sport: int, target: bytes, dport: int, protocol: int, ttl: int, vlan: int
    ) -> None:
        self.v6 = len(source) == 16
        link = ethernet(mac(source), mac(target), vlan, 0x86DD if self.v6 else 0x0800)
        self._pseudo = (word_sum(source + target) + protocol) % 65535
        self._ports = struct.pack("!HH", sport, dport)
        self._id = word_sum(source) ^ sport
        self._tail = source + target
        self._head = link + b"\x45\x00"
        self._ip_sum = 0x4500 + 0x4000 + (ttl << 8 | protocol) + word_sum(self._tail)
        self._head6 = link + b"\x60\x00\x00\x00"
        if self.v6:
            self._tail = struct.pack("!BB", protocol, ttl) + self._tail
        else:
            self._tail = struct.pack("!BB", ttl, protocol) + b"%b" + self._tail.replace(b"%", b"%%")

    def _carry(self, segment: bytes) -> bytes:
        if self.v6:
            return self._head6 + len(segment).to_bytes(2, "big") + self._tail + segment
        self._id = (self._id + 1) & 0xFFFF
        total = len(segment) + 20
        check = -(self._ip_sum + total + self._id) % 65535
        return (
            self._head + struct.pack("!HHH", total, self._id, 0x4000) + self._tail % check.to_bytes(2, "big") + segment
        )

    def tcp(self, seq: int, ack: int, flags: int, options: bytes, payload: bytes) -> bytes:
        offset = (20 + len(options)) << 10 | flags
        head = self._ports + struct.pack("!IIHH", seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, offset, 501)
        size = len(head) + 4 + len(options) + len(payload)
        body = options + payload
        check = -(self._pseudo + size + word_sum(head) + word_sum(body)) % 65535
        return self._carry(head + struct.pack("!HH", check, 0) + body)

    def udp(self, payload: bytes) -> bytes:
        size = len(payload) + 8
        check = 0xFFFF - (self._pseudo + size + word_sum(self._ports) + size + word_sum(payload)) % 65535
        return self._carry(self._ports + struct.pack("!HH", size, check) + payload)

    def icmp(self, kind: int, body: bytes) -> bytes:
        """`body`: from behind the checksum. The checksum of version 6 covers the addresses too."""
        pseudo = self._pseudo + len(body) + 4 if self.v6 else 0
        check = -(pseudo + (kind << 8) + word_sum(body)) % 65535
        return self._carry(struct.pack("!BBH", kind, 0, check) + body)


def roads(ends: Ends, protocol: int) -> tuple[Road, Road]:
    a, ap, b, bp, vlan = ends
    return Road(a, ap, b, bp, protocol, 64, vlan), Road(b, bp, a, ap, protocol, 57, vlan)


def tcp_flow(dice: Random, ends: Ends, turns: Iterable[Turn]) -> Iterator[Packet]:
    """A whole TCP connection: handshake, the turns cut into segments and acknowledged every second one, the end.

    Every `MISHAP_EVERY`-th segment of data or so is overtaken by the next one or sent twice.
    """
    road = roads(ends, 6)
    rtt = dice.randrange(2 * MILLI, 60 * MILLI)
    seq = [dice.getrandbits(32), dice.getrandbits(32)]
    clock = [dice.getrandbits(31), dice.getrandbits(31)]

    def stamps(side: int) -> bytes:
        return struct.pack("!BBBBII", 1, 1, 8, 10, clock[side] & 0xFFFFFFFF, clock[1 - side] & 0xFFFFFFFF)

    def packet(side: int, flags: int, payload: bytes = b"") -> bytes:
        out = road[side].tcp(seq[side], seq[1 - side], flags, stamps(side), payload)
        seq[side] += len(payload) + (flags & FIN)
        return out

    for side in (CLIENT, SERVER):
        options = b"\x02\x04\x05\xb4\x04\x02\x08\x0a" + stamps(side)[4:] + b"\x01\x03\x03\x07"
        ack = seq[CLIENT] if side else 0
        yield rtt // 2 * side, road[side].tcp(seq[side], ack, SYN | (ACK if side else 0), options, b"")
        seq[side] += 1
    yield rtt // 2, packet(CLIENT, ACK)
    unacknowledged = 0
    luck = dice.randrange(1, 2 * MISHAP_EVERY)
    late = b""
    for side, data, wait in turns:
        clock[0] += wait // MILLI
        clock[1] += wait // MILLI
        for at in range(0, len(data), MSS):
            more = at + MSS < len(data)
            sent = packet(side, ACK if more else ACK | PSH, data[at : at + MSS])
            pause = 12 * MICRO if at else wait
            luck -= 1
            if luck == 0 and more and dice.random() < 0.5:
                luck, late = dice.randrange(1, 2 * MISHAP_EVERY), sent
            else:
                yield pause, sent
                if late:
                    yield 2 * MICRO, late
                    late = b""
                elif luck <= 0:
                    luck = dice.randrange(1, 2 * MISHAP_EVERY)
                    yield rtt + 200 * MILLI, sent
            unacknowledged += 1
            if unacknowledged & 1 == 0 and not late:
                yield 3 * MICRO, packet(1 - side, ACK)
        if unacknowledged & 1:
            yield rtt // 2, packet(1 - side, ACK)
            unacknowledged = 0
    if dice.random() < 0.1:
        yield rtt, packet(CLIENT, RST | ACK)
        return
    yield rtt, packet(CLIENT, FIN | ACK)
    yield rtt // 2, packet(SERVER, FIN | ACK)
    yield rtt // 2, packet(CLIENT, ACK)


def udp_flow(ends: Ends, turns: Iterable[Turn]) -> Iterator[Packet]:
    """One datagram a turn."""
    road = roads(ends, 17)
    for side, data, wait in turns:
        yield wait, road[side].udp(data)


def packed(text: str) -> bytes:
    return ip_address(text).packed
