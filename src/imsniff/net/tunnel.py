"""Packets inside packets: the tunnels over IP, and those over UDP.

    GRE      C R K S s:5 recursion:3 | flags:5 version:3 | type:2 [| checksum:4] [| key:4] [| sequence:4] [| ack:4]
    GTP-U    version:3 PT:1 0 E S N:1 | type:1 | length:2 | tunnel:4 [| sequence:2 | number:1 | extension:1]
    VXLAN    flags:1 | 0:3 | network:3 | 0:1 | Ethernet
    GENEVE   version:2 words:6 | flags:1 | type:2 | network:3 | 0:1 | options
    Teredo   [00 01 | id length:1 | auth length:1 | ... | nonce:8 | confirmation:1] [00 00 | origin:6] | IPv6
    L2TPv2   T L 0 0 S 0 O P 0:4 version:4 [| length:2] | tunnel:2 | session:2 [| sequence:4] [| offset:2 | pad] | PPP
    TZSP     version:1 | type:1 | encapsulation:2 | tags: type:1 [| length:1 | value], up to type 1

A UDP port proves nothing: what is inside counts as a packet only if it leads to an IP header that fits exactly
(`Packet.proves`), otherwise the datagram is an ordinary one.

References: RFC 2784, 2890, 2637 (PPTP), 2661, 4380, 7348, 8926, 5415, 6830, 7510, draft-foschiano-erspan, 3GPP
TS 29.281.
"""

from __future__ import annotations

from imsniff.net.ip import any_ip, ipv6
from imsniff.net.link import ethernet, mpls, ppp
from imsniff.net.packet import ETHERTYPES, IP_PROTOCOLS, LINKS, UDP_TUNNELS, Packet, Step, skip
from imsniff.net.wifi import wifi

CHECKSUM, ROUTING, KEY, SEQUENCE, ACK = 0x8000, 0x4000, 0x2000, 0x1000, 0x0080


def gre(packet: Packet) -> Step | None:
    if not packet.has(4):
        return None
    flags, number = packet.u16(0), packet.u16(2)
    if flags & ROUTING or flags & 7 > 1:
        return None
    packet.at += 4
    for flag in CHECKSUM, KEY, SEQUENCE:
        packet.at += 4 if flags & flag else 0
    if flags & 7 == 1:  # PPTP
        packet.at += 4 if flags & ACK else 0
        return ppp if number == 0x880B else None
    if number == ERSPAN_2:
        return erspan_2 if flags & SEQUENCE else ethernet  # type I has no header of its own
    return GRE.get(number) or ETHERTYPES.get(number)


def erspan_3(packet: Packet) -> Step | None:
    """12 bytes, and 8 more where the last bit says so."""
    if not packet.has(12):
        return None
    packet.at += 20 if packet.u8(11) & 1 else 12
    return ethernet


def wccp(packet: Packet) -> Step | None:
    """A redirected packet, in version 2 with 4 bytes in front."""
    if packet.has(1) and packet.u8(0) >> 4 != 4:
        packet.at += 4
    return any_ip


def ether_ip(packet: Packet) -> Step | None:
    if not packet.has(2) or packet.u8(0) >> 4 != 3:
        return None
    packet.at += 2
    return ethernet


def pim(packet: Packet) -> Step | None:
    """Register messages, which carry a multicast packet to where it is distributed."""
    if not packet.has(8) or packet.u8(0) != 0x21:
        return None
    packet.at += 8
    return any_ip


def gtp_u(packet: Packet) -> Step | None:
    if not packet.has(12) or packet.u8(0) & 0xF0 != 0x30 or packet.u8(1) != 255:
        return None
    optional = packet.u8(0) & 7
    following = packet.u8(11) if packet.u8(0) & 4 else 0
    packet.limit(8 + packet.u16(2))
    packet.at += 12 if optional else 8
    while following:  # extensions: length in words, content, type of the next
        size = packet.u8(0) * 4 if packet.has(4) else 0
        if not size or not packet.has(size):
            return None
        following = packet.u8(size - 1)
        packet.at += size
    return any_ip


def gtp_0(packet: Packet) -> Step | None:
    """The version of GPRS: 20 bytes of header."""
    if not packet.has(20) or packet.u8(0) & 0xF0 != 0x10 or packet.u8(1) != 255:
        return None
    packet.at += 20
    return any_ip


def vxlan(packet: Packet) -> Step | None:
    if not packet.has(8) or not packet.u8(0) & 0x08:
        return None
    packet.at += 8
    return ethernet


def vxlan_gpe(packet: Packet) -> Step | None:
    """With the type of what follows in its last reserved byte. The flag that says so is not always set."""
    if not packet.has(8) or not packet.u8(0) & 0x08:
        return None
    number = packet.u8(3) or 3
    packet.at += 8
    return {1: any_ip, 2: any_ip, 3: ethernet, 4: ETHERTYPES[0x894F], 5: mpls}.get(number)


def geneve(packet: Packet) -> Step | None:
    if not packet.has(8) or packet.u8(0) & 0xC0:
        return None
    number = packet.u16(2)
    packet.at += 8 + (packet.u8(0) & 0x3F) * 4
    return ETHERTYPES.get(number)


def teredo(packet: Packet) -> Step | None:
    if packet.has(4) and packet.u16(0) == 1:
        packet.at += 13 + packet.u8(2) + packet.u8(3)
    if packet.has(8) and packet.u16(0) == 0:
        packet.at += 8
    return ipv6


def l2tp(packet: Packet) -> Step | None:
    """Version 2 data messages. What version 3 carries, only its signalling says."""
    if not packet.has(8):
        return None
    flags = packet.u16(0)
    if flags & 0x8000 or flags & 0xF != 2:
        return None
    packet.at += 8 if flags & 0x4000 else 6
    packet.at += 4 if flags & 0x0800 else 0
    if flags & 0x0200:
        if not packet.has(2):
            return None
        packet.at += 2 + packet.u16(0)
    return ppp


def tzsp(packet: Packet) -> Step | None:
    if not packet.has(5) or packet.u8(0) != 1 or packet.u8(1) > 1:
        return None
    following = {1: 1, 18: 105, 119: 119, 127: 163}.get(packet.u16(2), NOT_A_LINK)
    packet.at += 4
    while packet.has(2):
        tag = packet.u8(0)
        packet.at += 1 if tag <= 1 else 2 + packet.u8(1)
        if tag == 1:
            return LINKS.get(following)
    return None


def capwap(packet: Packet) -> Step | None:
    """Data of a wireless access point: preamble:1 | words:5 radio:5 binding:5 native:1 ...:8 | ..."""
    if not packet.has(8) or packet.u8(0):
        return None
    native = packet.u8(2) & 1
    packet.at += (packet.u8(1) >> 3) * 4
    return wifi if native else ethernet


NOT_A_LINK = -1
ERSPAN_2 = 0x88BE
erspan_2 = skip(8, ethernet)
GRE: dict[int, Step] = {0x22EB: erspan_3, 0x883E: wccp}

IP_PROTOCOLS.update({47: gre, 97: ether_ip, 103: pim, 137: mpls, 143: ethernet})
UDP_TUNNELS.update(
    {
        1701: l2tp,
        2152: gtp_u,
        3386: gtp_0,
        3544: teredo,
        4341: skip(8, any_ip),  # LISP
        4789: vxlan,
        4790: vxlan_gpe,
        5247: capwap,
        6081: geneve,
        6635: mpls,
        8472: vxlan,  # Linux before the port was assigned
        37008: tzsp,
    }
)
