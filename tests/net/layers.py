"""One TCP segment and one UDP datagram, and everything they are met in, by struct alone."""

from __future__ import annotations

from ipaddress import ip_address
from struct import pack

from imsniff.net.decode import Decoder
from imsniff.net.segment import TCP, UDP, Segment

A4, B4 = ip_address("10.0.0.1").packed, ip_address("10.0.0.2").packed
A6, B6 = ip_address("2001:db8::1").packed, ip_address("2001:db8::2").packed
TEXT = b"NICK alice\r\nUSER alice 0 * :x\r\n"


def ip4(body, protocol, *, source=A4, target=B4, fragment=0, number=1, options=b"", total=None):
    words = 5 + len(options) // 4
    total = words * 4 + len(body) if total is None else total
    head = pack("!BBHHHBBH", 0x40 | words, 0, total, number, fragment, 64, protocol, 0)
    return head + source + target + options + body


def ip6(body, following, *, size=None):
    return pack("!IHBB", 6 << 28, len(body) if size is None else size, following, 64) + A6 + B6 + body


def tcp(payload=TEXT, *, options=b"", flags=0x18, sport=40_000, dport=6667):
    return (
        pack("!HHIIBBHHH", sport, dport, 1000, 2000, 5 + len(options) // 4 << 4, flags, 100, 0, 0) + options + payload
    )


def udp(payload=TEXT, *, sport=40_000, dport=5060, length=None):
    return pack("!HHHH", sport, dport, 8 + len(payload) if length is None else length, 0) + payload


def ether(body, kind=0x0800):
    return bytes(12) + pack("!H", kind) + body


def decode(packet, link=1, wire=None, decoder=None):
    decoder = decoder or Decoder()
    slab = bytearray(b"before" + packet + b"behind")
    return list(decoder.segments(slab, 5, 6, len(packet), wire or len(packet), 99, link))


def transports(v4=True):
    a, b = (A4, B4) if v4 else (A6, B6)
    yield tcp(), 6, Segment(5, 99, TCP, a + b"\x9c\x40", b + b"\x1a\x0b", TEXT, 0, 1000, 2000, 0x18)
    yield udp(), 17, Segment(5, 99, UDP, a + b"\x9c\x40", b + b"\x13\xc4", TEXT)


IPS = [(0x0800, ip4(body, protocol), want) for body, protocol, want in transports()] + [
    (0x86DD, ip6(body, protocol), want) for body, protocol, want in transports(v4=False)
]
V4 = [(ip, want) for kind, ip, want in IPS if kind == 0x0800]
NULL = {0x0800: 2, 0x86DD: 30}
PPP = {0x0800: 0x21, 0x86DD: 0x57}
NLPID = {0x0800: 0xCC, 0x86DD: 0x8E}
SNAP = b"\xaa\xaa\x03\0\0\0"

LINK = {
    "Ethernet": (1, lambda k, ip: ether(ip, k)),
    "padding": (1, lambda k, ip: ether(ip, k) + bytes(20)),
    "VLAN": (1, lambda k, ip: ether(pack("!HH", 5, k) + ip, 0x8100)),
    "QinQ": (1, lambda k, ip: ether(pack("!HHHH", 5, 0x8100, 6, k) + ip, 0x88A8)),
    "deep VLANs": (1, lambda k, ip: ether(pack("!HH", 5, 0x9100) * 20 + pack("!HH", 6, k) + ip, 0x8100)),
    "VN-tag": (1, lambda k, ip: ether(pack("!IH", 5, k) + ip, 0x8926)),
    "802.3": (1, lambda k, ip: ether(SNAP + pack("!H", k) + ip, 8 + len(ip)) + bytes(9)),
    "MACsec": (1, lambda k, ip: ether(pack("!BBIQH", 0x20, 0, 1, 2, k) + ip + bytes(16), 0x88E5)),
    "backbone": (1, lambda k, ip: ether(bytes(4) + ether(ip, k), 0x88E7)),
    "TRILL": (1, lambda k, ip: ether(pack("!HHH", 0x0040, 1, 2) + bytes(4) + ether(ip, k), 0x22F3)),
    "NSH": (1, lambda k, ip: ether(pack("!BBBBI", 0, 6, 1, 3, 0) + bytes(16) + ether(ip, k), 0x894F)),
    "MPLS": (1, lambda k, ip: ether(pack("!II", 0x10_000, 0x10_100) + ip, 0x8847)),
    "MPLS Ethernet": (1, lambda k, ip: ether(pack("!I", 0x10_100) + ether(ip, k), 0x8847)),
    "MPLS control word": (1, lambda k, ip: ether(pack("!II", 0x10_100, 0) + ether(ip, k), 0x8847)),
    "PPPoE": (1, lambda k, ip: ether(pack("!HHHH", 0x1100, 1, len(ip) + 2, PPP[k]) + ip + bytes(5), 0x8864)),
    "PPP": (9, lambda k, ip: pack("!H", PPP[k]) + ip),
    "PPP HDLC": (9, lambda k, ip: pack("!HH", 0xFF03, PPP[k]) + ip),
    "PPP short": (50, lambda k, ip: pack("!HB", 0xFF03, PPP[k]) + ip),
    "PPP multilink": (9, lambda k, ip: pack("!HHIB", 0xFF03, 0x3D, 0xC0 << 24, PPP[k]) + ip),
    "PPP with direction": (204, lambda k, ip: pack("!BHH", 1, 0xFF03, PPP[k]) + ip),
    "Cisco HDLC": (104, lambda k, ip: pack("!HH", 0x0F00, k) + ip),
    "Cisco HDLC as PPP": (50, lambda k, ip: pack("!HH", 0x0F00, k) + ip),
    "frame relay": (107, lambda k, ip: pack("!HBB", 0x1841, 3, NLPID[k]) + ip),
    "frame relay, Cisco": (107, lambda k, ip: pack("!HH", 0x1841, k) + ip),
    "frame relay, SNAP": (107, lambda k, ip: pack("!HBBB", 0x1841, 3, 0, 0x80) + bytes(3) + pack("!H", k) + ip),
    "cooked": (113, lambda k, ip: pack("!HHHQH", 0, 1, 6, 0, k) + ip),
    "cooked v2": (276, lambda k, ip: pack("!HHIHBBQ", k, 0, 1, 1, 0, 6, 0) + ip),
    "cooked radiotap": (113, lambda k, ip: pack("!HHHQH", 0, 803, 6, 0, 4) + radiotap(wifi(k, ip))),
    "raw": (101, lambda k, ip: ip),
    "raw, old number": (12, lambda k, ip: ip),
    "null, little": (0, lambda k, ip: pack("<I", NULL[k]) + ip),
    "null, big": (0, lambda k, ip: pack(">I", NULL[k]) + ip),
    "loop": (108, lambda k, ip: pack(">I", NULL[k]) + ip),
    "802.11": (105, lambda k, ip: wifi(k, ip)),
    "802.11 QoS": (105, lambda k, ip: wifi(k, ip, 0x88, b"\0\0")),
    "802.11 QoS, HT": (105, lambda k, ip: wifi(k, ip, 0x88, b"\0\0\0\0\0\0", 0x81)),
    "802.11, four addresses": (105, lambda k, ip: wifi(k, ip, 0x08, bytes(6), 3)),
    "802.11, decrypted": (105, lambda k, ip: wifi(k, ip, 0x08, b"", 0x41)),
    "radiotap": (127, lambda k, ip: radiotap(wifi(k, ip))),
    "radiotap, padded": (127, lambda k, ip: radiotap(wifi(k, ip, 0x88, bytes(4)), 0x20)),
    "Prism": (119, lambda k, ip: pack("<II", 0x44, 144) + bytes(136) + wifi(k, ip)),
    "AVS": (163, lambda k, ip: pack(">II", 0x80211001, 64) + bytes(56) + wifi(k, ip)),
    "AVS as Prism": (119, lambda k, ip: pack(">II", 0x80211001, 64) + bytes(56) + wifi(k, ip)),
    "PPI": (192, lambda k, ip: pack("<BBHII", 0, 0, 12, 105, 0) + wifi(k, ip)),
    "PKTAP": (258, lambda k, ip: pack("<III", 108, 1, 1) + bytes(96) + ether(ip, k)),
    "NFLOG": (239, lambda k, ip: pack("!BBHHHI", 2, 0, 0, 0x0800, 0x0A00, 0) + pack("<HH", 4 + len(ip), 9) + ip),
    "NFLOG, big": (239, lambda k, ip: pack("!BBHHHBxxx", 2, 0, 0, 5, 10, 7) + pack(">HH", 4 + len(ip), 9) + ip),
    "SLIP": (8, lambda k, ip: bytes(16) + ip),
    "token ring": (6, lambda k, ip: bytes(14) + SNAP + pack("!H", k) + ip),
    "token ring, routed": (
        6,
        lambda k, ip: bytes(8) + b"\x80" + bytes(5) + b"\x06" + bytes(5) + SNAP + pack("!H", k) + ip,
    ),
    "FDDI": (10, lambda k, ip: bytes(13) + SNAP + pack("!H", k) + ip),
    "ATM": (100, lambda k, ip: SNAP + pack("!H", k) + ip),
    "PF": (117, lambda k, ip: b"\x3d" + bytes(63) + ip),
    "enc": (109, lambda k, ip: bytes(12) + ip),
    "DOCSIS": (143, lambda k, ip: b"\x01\x02" + bytes(6) + ether(ip, k)),
    "ERF": (197, lambda k, ip: bytes(8) + b"\x82" + bytes(7) + bytes(8) + bytes(2) + ether(ip, k)),
    "FireWire": (138, lambda k, ip: bytes(16) + pack("!H", k) + ip),
}


def wifi(kind, ip, control=0x08, extra=b"", flags=1):
    return bytes([control, flags]) + bytes(22) + extra + SNAP + pack("!H", kind) + ip


def radiotap(frame, flags=0x10):
    """With the clock, two presence words, and a check sequence behind the frame."""
    return pack("<BBHII", 0, 0, 32, 0x8000_0003, 0) + bytes(4) + bytes(8) + bytes([flags]) + bytes(7) + frame + bytes(4)


def gtp(ip, flags=0x30, front=b""):
    return pack("!BBHI", flags, 255, len(front) + len(ip), 7) + front + ip


VXLAN = pack("!II", 0x0800_0000, 7 << 8)
OVER_UDP = {
    "GTP-U": (2152, gtp),
    "GTP-U, sequence": (2152, lambda ip: gtp(ip, 0x32, bytes(4))),
    "GTP-U, extensions": (2152, lambda ip: gtp(ip, 0x34, b"\0\0\0\x85\x01\0\x09\x85\x02" + bytes(6) + b"\0")),
    "GTP version 0": (3386, lambda ip: b"\x1e\xff" + bytes(18) + ip),
    "VXLAN": (4789, lambda ip: VXLAN + ether(ip)),
    "VXLAN, Linux": (8472, lambda ip: VXLAN + ether(pack("!HH", 5, 0x0800) + ip, 0x8100)),
    "VXLAN-GPE": (4790, lambda ip: pack("!II", 0x0C00_0001, 7) + ip),
    "GENEVE": (6081, lambda ip: pack("!BBHI", 2, 0, 0x6558, 7) + bytes(8) + ether(ip)),
    "GENEVE, IP": (6081, lambda ip: pack("!BBHI", 0, 0, 0x0800, 7) + ip),
    "L2TP": (1701, lambda ip: pack("!HHHH", 2, 5, 6, 0x0021) + ip),
    "L2TP, all fields": (
        1701,
        lambda ip: pack("!HHHHHHHH", 0x4A02, 9, 5, 6, 1, 2, 2, 0) + pack("!HH", 0xFF03, 0x21) + ip,
    ),
    "TZSP": (37008, lambda ip: pack("!BBHBBBBB", 1, 0, 1, 0, 10, 1, 99, 1) + ether(ip)),
    "TZSP 802.11": (37008, lambda ip: pack("!BBHB", 1, 0, 18, 1) + wifi(0x0800, ip)),
    "MPLS": (6635, lambda ip: pack("!I", 0x10_100) + ip),
    "LISP": (4341, lambda ip: bytes(8) + ip),
    "CAPWAP": (5247, lambda ip: b"\0\x10\0" + bytes(5) + ether(ip)),
    "GTP in VXLAN": (4789, lambda ip: VXLAN + ether(ip4(udp(gtp(ip), dport=2152), 17))),
}
OVER_IP = {
    "IP in IP": (4, lambda ip: ip),
    "GRE": (47, lambda ip: pack("!HH", 0, 0x0800) + ip),
    "GRE, all fields": (47, lambda ip: pack("!HHIII", 0xB000, 0x0800, 1, 2, 3) + ip),
    "GRE, Ethernet": (47, lambda ip: pack("!HH", 0, 0x6558) + ether(ip)),
    "PPTP": (47, lambda ip: pack("!HHHHIIHH", 0x3081, 0x880B, len(ip) + 4, 1, 2, 3, 0xFF03, 0x21) + ip),
    "ERSPAN I": (47, lambda ip: pack("!HH", 0, 0x88BE) + ether(ip)),
    "ERSPAN II": (47, lambda ip: pack("!HHIQ", 0x1000, 0x88BE, 1, 0) + ether(ip)),
    "ERSPAN III": (47, lambda ip: pack("!HHI", 0x1000, 0x22EB, 1) + bytes(12) + ether(ip)),
    "ERSPAN III, more": (47, lambda ip: pack("!HHI", 0x1000, 0x22EB, 1) + bytes(11) + b"\x01" + bytes(8) + ether(ip)),
    "WCCP": (47, lambda ip: pack("!HHI", 0, 0x883E, 0) + ip),
    "EtherIP": (97, lambda ip: b"\x30\0" + ether(ip)),
    "MPLS": (137, lambda ip: pack("!I", 0x10_100) + ip),
    "PIM": (103, lambda ip: b"\x21" + bytes(7) + ip),
    "AH": (51, lambda ip: pack("!BBHII", 4, 4, 0, 1, 1) + bytes(12) + ip),
}
OUTER = {"source": ip_address("192.0.2.1").packed, "target": ip_address("192.0.2.2").packed}


def pieces4(body, protocol, size=8, **more):
    for at in range(0, len(body), size):
        last = at + size >= len(body)
        yield ip4(body[at : at + size], protocol, fragment=at // 8 | (0 if last else 0x2000), **more)


def pieces6(body, following, size=8):
    for at in range(0, len(body), size):
        last = at + size >= len(body)
        yield ip6(pack("!BBHI", following, 0, at | (not last), 9) + body[at : at + size], 44)


WRAPPED = [
    (link, wrap(kind, ip)) for link, wrap in LINK.values() for kind, ip, _ in IPS[::3]
] + [
    (1, ether(ip4(udp(wrap(V4[0][0]), dport=port), 17))) for port, wrap in OVER_UDP.values()
] + [
    (1, ether(ip4(wrap(V4[1][0]), number))) for number, wrap in OVER_IP.values()
] + [
    (1, ether(next(pieces4(tcp(), 6)))),
    (1, ether(next(pieces6(tcp(), 6)), 0x86DD)),
]  # fmt: skip
