"""From the link type of a capture to IP: Ethernet and its tags, LLC, PPP, and what operating systems put in front.

    Ethernet     target:6 | source:6 | type:2            type < 1536 is a length: 802.2 LLC follows
    VLAN         tag:2 | type:2                          VN-tag: tag:4 | type:2
    LLC/SNAP     AA AA 03 | OUI:3 | type:2               06 06 03: IPv4; FE FE 03: an NLPID follows
    PPP          [FF 03] | protocol:1-2                  PPPoE: 11 00 | session:2 | length:2 | PPP
    MPLS         label:20 class:3 bottom:1 ttl:8, ...    then IP, or Ethernet with or without a control word
    Frame Relay  address:2-4 | 03 [00] | NLPID           Cisco's: address | type:2
    cooked v1    direction:2 | ARPHRD:2 | length:2 | address:8 | type:2
    cooked v2    type:2 | 0:2 | index:4 | ARPHRD:2 | direction:1 | length:1 | address:8

References: the LINKTYPE_ registry of the tcpdump group; IEEE 802.1Q, 802.1AE, 802.1ah; RFC 1042, 1661, 2427, 2516,
2684, 3032, 4385, 6325, 8300.
"""

from __future__ import annotations

from imsniff.net.ip import any_ip, ipv4, ipv6
from imsniff.net.packet import ETHERTYPES, LINKS, Packet, Step, skip

FIRST_ETHERTYPE = 1536
LONGEST_8023 = 1500


def by_ethertype(packet: Packet, number: int) -> Step | None:
    """What an Ethernet type says; LLC where it is a length."""
    if number >= FIRST_ETHERTYPE:
        return ETHERTYPES.get(number)
    if 3 <= number <= LONGEST_8023:
        packet.limit(number)
    return llc


def typed(offset: int, header: int) -> Step:
    """A header of fixed length that has an Ethernet type at `offset`."""

    def step(packet: Packet) -> Step | None:
        if not packet.has(header):
            return None
        number = packet.u16(offset)
        packet.at += header
        return by_ethertype(packet, number)

    return step


ethernet = typed(12, 14)


def macsec(packet: Packet) -> Step | None:
    """Type 88E5, where only integrity is protected: control:1 | short length:1 | number:4 | [channel:8] | type:2."""
    if not packet.has(16) or packet.u8(0) & 0x0C:  # E: encrypted, C: changed
        return None
    packet.at += 14 if packet.u8(0) & 0x20 else 6
    return typed(0, 2)


def trill(packet: Packet) -> Step | None:
    """version:2 reserved:2 multi:1 options:5 hops:6 | nicknames:4 | options, in words | Ethernet."""
    if not packet.has(6):
        return None
    packet.at += 6 + (packet.u16(0) >> 6 & 0x1F) * 4
    return ethernet


def nsh(packet: Packet) -> Step | None:
    """Network service header: version, flags, ttl, length in words:2 | type:1 | next:1 | ..."""
    if not packet.has(8):
        return None
    following = {1: ipv4, 2: ipv6, 3: ethernet}.get(packet.u8(3))
    packet.at += (packet.u8(1) & 0x3F) * 4
    return following


def cisco_metadata(packet: Packet) -> Step | None:
    """version:1 | length:1 | options, `length` times 4 bytes in all with the type behind."""
    if not packet.has(8):
        return None
    packet.at += 2 + packet.u8(1) * 4
    return typed(0, 2)


def llc(packet: Packet) -> Step | None:
    if not packet.has(3):
        return None
    saps, control = packet.u16(0), packet.u8(2)
    packet.at += 3
    if control != 3:  # unnumbered information; others carry no IP
        return None
    return {0xAAAA: snap, 0x0606: ipv4, 0xFEFE: nlpid}.get(saps)


def snap(packet: Packet) -> Step | None:
    if not packet.has(5):
        return None
    organisation, number = packet.u8(0) << 16 | packet.u16(1), packet.u16(3)
    packet.at += 5
    if organisation in (0x000000, 0x0000F8):
        return ETHERTYPES.get(number)
    if organisation == 0x0080C2 and number in (0x0001, 0x0007):  # bridged Ethernet, with its check sequence or without
        return ethernet
    return None


def nlpid(packet: Packet) -> Step | None:
    """The protocol numbers of ISO 9577."""
    if not packet.has(1):
        return None
    number = packet.u8(0)
    packet.at += 1
    return {0xCC: ipv4, 0x8E: ipv6, 0x80: snap, 0xCF: ppp}.get(number)


def frame_relay(packet: Packet) -> Step | None:
    size = 2
    if not packet.has(6):
        return None
    while size <= 4 and not packet.u8(size - 1) & 1:
        size += 1
    if size > 4:
        return None
    packet.at += size
    if packet.u8(0) != 3:
        return typed(0, 2)
    packet.at += 1 if packet.u8(1) else 2
    return nlpid


def ppp(packet: Packet) -> Step | None:
    if not packet.has(4):
        return None
    framing = packet.u16(0)
    if framing in (0x0F00, 0x8F00):  # Cisco HDLC on a serial line
        return cisco_hdlc
    if framing == 0xFF03:
        packet.at += 2
    short = packet.u8(0) & 1
    number = packet.u8(0) if short else packet.u16(0)
    packet.at += 1 if short else 2
    return PPP.get(number)


def ppp_multilink(packet: Packet) -> Step | None:
    """Only a packet that is one whole: both the begin and the end bit are set."""
    if not packet.has(6) or packet.u8(0) & 0xC0 != 0xC0:
        return None
    packet.at += 4
    return ppp


def pppoe(packet: Packet) -> Step | None:
    if not packet.has(8) or packet.u16(0) != 0x1100:  # version, type; code 0: a session
        return None
    length = packet.u16(4)
    packet.at += 6
    packet.limit(length)
    return ppp


def cisco_hdlc(packet: Packet) -> Step | None:
    if not packet.has(4):
        return None
    number = packet.u16(2)
    packet.at += 4
    return llc if number == 0xFEFE else ETHERTYPES.get(number)


def mpls(packet: Packet) -> Step | None:
    """Nothing in the label says what is below it: an IP version, a control word, or else Ethernet."""
    if not packet.has(8):
        return None
    bottom = packet.u8(2) & 1
    packet.at += 4
    if not bottom:
        return mpls
    first = packet.u8(0)
    if first in range(0x45, 0x50) or first >> 4 == 6:
        return any_ip
    if first >> 4 == 0 and packet.has(18) and packet.u16(16) in ETHERTYPES:
        packet.at += 4
    return ethernet


def loopback(packet: Packet) -> Step | None:
    """BSD's address family in the byte order of the host, or of the network."""
    if not packet.has(4):
        return None
    families = {packet.u16(0), packet.u16(2), packet.u8(0), packet.u8(3)} - {0}
    packet.at += 4
    return any_ip if families & {2, 10, 23, 24, 26, 28, 30} else None


def cooked(packet: Packet) -> Step | None:
    return _cooked(packet, 16, packet.u16(2), packet.u16(14)) if packet.has(16) else None


def cooked_v2(packet: Packet) -> Step | None:
    return _cooked(packet, 20, packet.u16(8), packet.u16(0)) if packet.has(20) else None


def _cooked(packet: Packet, header: int, device: int, number: int) -> Step | None:
    packet.at += header
    if device in HARDWARE:
        return LINKS.get(HARDWARE[device])
    if device == 778:  # a GRE tunnel's own end
        return ETHERTYPES.get(number)
    return llc if number == 4 else ETHERTYPES.get(number)


HARDWARE = {801: 105, 802: 119, 803: 127}
"""Linux ARPHRD_ numbers of interfaces that show 802.11 under the cooked header, as link types."""


def nflog(packet: Packet) -> Step | None:
    """family:1 | version:1 | group:2 | attributes: length:2 | type:2 | value, padded to 4; in the host's byte order."""
    if not packet.has(8):
        return None
    big = packet.u8(4) == 0 and packet.u8(5) >= 4 and packet.u8(6) == 0
    packet.at += 4
    while packet.has(4):
        length, kind = packet.u16(0), packet.u16(2)
        if not big:
            length, kind = _swapped(length), _swapped(kind)
        if length < 4:
            return None
        if kind == 9:
            packet.limit(length)
            packet.at += 4
            return any_ip
        packet.at += (length + 3) & ~3
    return None


def _swapped(number: int) -> int:
    return (number & 0xFF) << 8 | number >> 8


def pktap(packet: Packet) -> Step | None:
    """Apple's: header length:4 | record:4 | link type:4 | ..., little-endian."""
    if not packet.has(12):
        return None
    link, length = _swapped(packet.u16(8)), _swapped(packet.u16(0))
    packet.at += max(length, 12)
    return LINKS.get(link)


def ppi(packet: Packet) -> Step | None:
    """version:1 | flags:1 | header length:2 | link type:4, little-endian."""
    if not packet.has(8):
        return None
    link, length = _swapped(packet.u16(4)), _swapped(packet.u16(2))
    packet.at += max(length, 8)
    return LINKS.get(link)


def pflog(packet: Packet) -> Step | None:
    """OpenBSD's packet filter: its own length first, padded to 4."""
    if not packet.has(4):
        return None
    packet.at += max((packet.u8(0) + 3) & ~3, 4)
    return any_ip


def docsis(packet: Packet) -> Step | None:
    """control:1 | parameter:1 | length:2 | extended header | check:2 | Ethernet, where the control's top bits are 0."""
    if not packet.has(6) or packet.u8(0) & 0xC0:
        return None
    packet.at += 6 + (packet.u8(1) if packet.u8(0) & 1 else 0)
    return ethernet


def erf(packet: Packet) -> Step | None:
    """Endace: time:8 | type:1 | flags, lengths, counters:7 | extensions of 8 while the top bit is set | 2 | frame."""
    if not packet.has(18) or packet.u8(8) & 0x7F not in (2, 11, 16):
        return None
    extended = packet.u8(8) & 0x80
    packet.at += 16
    while extended and packet.has(8):
        extended = packet.u8(0) & 0x80
        packet.at += 8
    packet.at += 2
    return ethernet


def token_ring(packet: Packet) -> Step | None:
    """access:1 | control:1 | target:6 | source:6 | route, where the source's first bit says so | LLC."""
    if not packet.has(16):
        return None
    routed = packet.u8(8) & 0x80
    packet.at += 14
    if routed:
        packet.at += packet.u8(0) & 0x1F
    return llc


VLAN = typed(2, 4)
PPP: dict[int, Step] = {0x21: ipv4, 0x57: ipv6, 0x281: mpls, 0x283: mpls, 0x3D: ppp_multilink}

ETHERTYPES.update(dict.fromkeys((0x8100, 0x88A8, 0x9100, 0x9200, 0x9300), VLAN))
ETHERTYPES.update(
    {
        0x6558: ethernet,
        0x880B: ppp,
        0x8847: mpls,
        0x8848: mpls,
        0x8864: pppoe,
        0x8870: llc,  # jumbo frames
        0x88E5: macsec,
        0x88E7: skip(4, ethernet),  # provider backbone: its service tag
        0x8909: cisco_metadata,
        0x8926: typed(4, 6),  # VN-tag
        0x894F: nsh,
        0x22F3: trill,
    }
)
LINKS.update(
    {
        0: loopback,
        1: ethernet,
        6: token_ring,
        8: skip(16, any_ip),  # SLIP with BSD's header
        9: ppp,
        10: skip(13, llc),  # FDDI
        50: ppp,
        51: pppoe,
        100: llc,  # ATM, RFC 2684
        104: cisco_hdlc,
        107: frame_relay,
        108: loopback,
        109: skip(12, any_ip),  # OpenBSD's IPsec interface
        113: cooked,
        117: pflog,
        122: skip(16, llc),  # IP over Fibre Channel
        138: typed(16, 18),  # IP over FireWire
        143: docsis,
        166: skip(2, ppp),  # pppd: direction, 03
        192: ppi,
        197: erf,
        204: skip(1, ppp),  # a byte of direction in front
        205: skip(1, cisco_hdlc),
        206: skip(1, frame_relay),
        226: skip(24, any_ip),  # Solaris
        239: nflog,
        240: skip(4, ethernet),  # netANALYZER
        241: skip(12, ethernet),
        258: pktap,
        274: skip(8, ethernet),  # with preamble
        276: cooked_v2,
        284: typed(16, 18),  # a switch's tag before the type
    }
)
