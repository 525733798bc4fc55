"""IPv4 and IPv6, down to the TCP segment or UDP datagram.

    IPv4  version, length in words:1 | tos:1 | total:2 | id:2 | flags:3, offset in 8 bytes:13 | ttl:1 | protocol:1
          | checksum:2 | source:4 | target:4 | options
    IPv6  version, class, label:4 | payload:2 | next header:1 | hops:1 | source:16 | target:16
    IPv6 extension   next header:1 | length:1 | ...

The IP length says where the packet ends: what is behind is padding, what was not captured before is `cut`. A length of
0 comes from hosts that leave cutting to the network card, and from BIG TCP: then the frame's length counts. So it does
where the IP length goes beyond it, as some drivers' empty acknowledgements do; were the rest lost, TCP's numbers would
show it. A datagram has no numbers, so there UDP's own length is believed.
Checksums are not looked at, since the card fills them in behind the capture's back.

References: RFC 791, 8200, 4302 (AH), 6275 (mobility), 5533 (shim6), 7401 (HIP), 9293, 768, 2675.
"""

from __future__ import annotations

from struct import Struct

from imsniff.net.defrag import Key
from imsniff.net.packet import ETHERTYPES, IP_PROTOCOLS, LINKS, UDP_TUNNELS, Packet, Step
from imsniff.net.segment import TCP, UDP, Segment

IPV4 = Struct("!BxHHHxBxx4s4s")
IPV6 = Struct("!B3xHBx16s16s")
TCP_HEADER = Struct("!2s2sIIBB")
UDP_HEADER = Struct("!HHH")

LARGEST = 65_535
"""What the length fields can say."""
MORE, OFFSET = 0x2000, 0x1FFF
FRAGMENT = 44


def any_ip(packet: Packet) -> Step | None:
    """IP of the version that its first half byte says."""
    if not packet.has(1):
        return None
    return VERSIONS.get(packet.u8(0) >> 4)


def ipv4(packet: Packet) -> Step | None:
    if not packet.has(20):
        return None
    first, total, identification, fragment, protocol, source, target = IPV4.unpack_from(packet.data, packet.at)
    header = (first & 15) * 4
    room = packet.stop - packet.at
    if first >> 4 != 4 or header < 20 or header > room:
        return None
    if total == 0 and (room > LARGEST or not packet.trying):
        total = room
    if total < header or (packet.trying and total > room):
        return None
    packet.proven = True
    packet.limit(total)
    packet.at += header
    packet.source, packet.target = source, target
    if packet.at > packet.end:
        return None
    if fragment & (MORE | OFFSET):
        key = Key(source, target, identification, protocol)
        return _fragment(packet, key, protocol, (fragment & OFFSET) * 8, more=bool(fragment & MORE))
    return IP_PROTOCOLS.get(protocol)


def ipv6(packet: Packet) -> Step | None:
    if not packet.has(40):
        return None
    first, size, following, source, target = IPV6.unpack_from(packet.data, packet.at)
    if first >> 4 != 6:
        return None
    room = packet.stop - packet.at - 40
    if packet.trying and (size > room or (size == 0 and room <= LARGEST)):
        return None
    packet.proven = True
    packet.at += 40
    packet.limit(size or room)
    packet.source, packet.target = source, target
    return IP_PROTOCOLS.get(following)


def _fragment(packet: Packet, key: Key, protocol: int, offset: int, *, more: bool) -> Step | None:
    whole = packet.defrag.add(
        key,
        protocol,
        offset,
        bytes(packet.data[packet.at : packet.end]),
        packet.stop - packet.at,
        more=more,
        time=packet.time,
        frame=packet.frame,
    )
    if whole is None:
        return None
    packet.data, packet.at, packet.end, packet.stop = whole.data, 0, len(whole.data), whole.size
    return IP_PROTOCOLS.get(whole.protocol)


def _extension(unit: int, least: int) -> Step:
    """An extension header that counts its length in `unit` bytes, `least` not counted."""

    def extension(packet: Packet) -> Step | None:
        if not packet.has(2):
            return None
        following = packet.u8(0)
        packet.at += packet.u8(1) * unit + least
        return IP_PROTOCOLS.get(following) if packet.at <= packet.end else None

    return extension


def ipv6_fragment(packet: Packet) -> Step | None:
    if not packet.has(8) or len(packet.source) != 16:
        return None
    following, fragment = packet.u8(0), packet.u16(2)
    identification = packet.u16(4) << 16 | packet.u16(6)
    packet.at += 8
    if not fragment & 0xFFF9:  # atomic: a fragment that is all of it (RFC 6946)
        return IP_PROTOCOLS.get(following)
    key = Key(packet.source, packet.target, identification, 0)
    return _fragment(packet, key, following, fragment & 0xFFF8, more=bool(fragment & 1))


def tcp(packet: Packet) -> None:
    """As far as the flags is enough: a snap length may cut what follows."""
    if not packet.has(TCP_HEADER.size):
        return
    data, at, end, stop = packet.data, packet.at, packet.end, packet.stop
    source, target, seq, ack, offset, flags = TCP_HEADER.unpack_from(data, at)
    header = (offset >> 4) * 4
    start = at + header
    if header < 20 or start > stop:
        return
    payload = bytes(data[start:end]) if start < end else b""
    packet.segments.append(
        Segment(
            packet.frame,
            packet.time,
            TCP,
            packet.source + source,
            packet.target + target,
            payload,
            stop - start - len(payload),
            seq,
            ack,
            flags,
        )
    )


def udp(packet: Packet) -> Step | None:
    if not packet.has(8):
        return None
    source, target, length = UDP_HEADER.unpack_from(packet.data, packet.at)
    if 0 < length < 8:
        return None
    if length:  # 0: a jumbogram
        packet.stop = packet.at + length
        packet.end = min(packet.end, packet.stop)
    ports = bytes(packet.data[packet.at : packet.at + 4])
    packet.at += 8
    tunnel = UDP_TUNNELS.get(target) or UDP_TUNNELS.get(source)
    if tunnel is not None and (inner := packet.proves(tunnel)):
        return inner
    payload = bytes(packet.data[packet.at : packet.end])
    packet.segments.append(
        Segment(
            packet.frame,
            packet.time,
            UDP,
            packet.source + ports[:2],
            packet.target + ports[2:],
            payload,
            packet.stop - packet.at - len(payload),
        )
    )
    return None


VERSIONS: dict[int, Step] = {4: ipv4, 6: ipv6}
ETHERTYPES.update({0x0800: any_ip, 0x86DD: any_ip})
LINKS.update({12: any_ip, 14: any_ip, 101: any_ip, 228: ipv4, 229: ipv6})
IP_PROTOCOLS.update({TCP: tcp, UDP: udp, 4: ipv4, 94: ipv4, 41: ipv6, FRAGMENT: ipv6_fragment, 51: _extension(4, 8)})
IP_PROTOCOLS.update(dict.fromkeys((0, 43, 60, 135, 139, 140), _extension(8, 8)))
