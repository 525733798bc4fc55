"""What is said on an office's own segment without end: ARP, ICMP, DHCP, NTP, mDNS, LLMNR, NetBIOS and SSDP."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from random import Random

from bench import names
from bench.chance import opaque
from bench.dns import PTR, SRV, TXT, A, labels, resource
from bench.tls import sized
from bench.wire import CLIENT, MILLI, SERVER, Ends, Packet, Road, Turn, ethernet, mac, packed, roads

BROADCAST = b"\xff" * 4
ALL = b"\xff" * 6
"""Every machine, by hardware address."""
SERVICES = ("_ipp._tcp.local", "_airplay._tcp.local", "_googlecast._tcp.local", "_smb._tcp.local")


def arp(dice: Random, ends: Ends) -> Iterator[Packet]:
    """Who has a neighbour's address; most are there."""
    own, wanted = b"\x0a\x4d" + opaque(dice, 2), b"\x0a\x4d" + opaque(dice, 2)
    asked = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + mac(own) + own + bytes(6) + wanted
    yield 0, ethernet(mac(own), ALL, ends.vlan, 0x0806) + asked + bytes(18)
    if dice.random() < 0.7:
        told = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 2) + mac(wanted) + wanted + mac(own) + own
        yield MILLI, ethernet(mac(wanted), mac(own), ends.vlan, 0x0806) + told + bytes(18)


def ping(dice: Random, ends: Ends) -> Iterator[Packet]:
    v6 = len(ends.client) == 16
    road = roads(ends, 58 if v6 else 1)
    kinds = (128, 129) if v6 else (8, 0)
    number = dice.getrandbits(16)
    for count in range(1, dice.randrange(2, 12)):
        body = struct.pack("!HH", number, count) + bytes(range(56))
        for side, wait in ((CLIENT, 980 * MILLI), (SERVER, 20 * MILLI)):
            yield wait, road[side].icmp(kinds[side], body)


def said(ends: Ends, port: int, v4: bytes, v6: bytes, payloads: list[bytes], *, own_port: int = 0) -> Iterator[Packet]:
    """Datagrams to a group, one a second, none to leave the segment."""
    group = v6 if len(ends.client) == 16 else v4
    road = Road(ends.client, own_port or ends.client_port, group, port, 17, 255, ends.vlan)
    for number, payload in enumerate(payloads):
        yield 1_000 * MILLI * (number > 0), road.udp(payload)


def mdns(dice: Random, ends: Ends) -> Iterator[Packet]:
    service, machine = dice.choice(SERVICES), dice.choice(names.MACHINES)
    asked = struct.pack("!6H", 0, 0, 1, 0, 0, 0) + labels(service) + struct.pack("!HH", PTR, 1)
    instance, name = labels(f"{machine}.{service}"), labels(f"{machine}.local")
    answers = [
        resource(labels(service), PTR, 4_500, instance),
        resource(instance, SRV, 120, struct.pack("!3H", 0, 0, 631) + name),
        resource(instance, TXT, 4_500, sized(b"txtvers=1", 1) + sized(b"note=floor 2", 1)),
        resource(name, A, 120, b"\x0a\x4d" + opaque(dice, 2)),
    ]
    told = struct.pack("!6H", 0, 0x8400, 0, len(answers), 0, 0) + b"".join(answers)
    group = packed("224.0.0.251"), packed("ff02::fb")
    return said(ends, 5353, *group, [dice.choice((asked, told)) for _ in range(dice.randrange(1, 4))], own_port=5353)


def llmnr(dice: Random, ends: Ends) -> Iterator[Packet]:
    asked = struct.pack("!6H", dice.getrandbits(16), 0, 1, 0, 0, 0) + labels(dice.choice(names.MACHINES))
    return said(ends, 5355, packed("224.0.0.252"), packed("ff02::1:3"), [asked + b"\x00\x01\x00\x01"] * 2)


def netbios(dice: Random, ends: Ends) -> Iterator[Packet]:
    plain = dice.choice(names.MACHINES).upper()[:15].ljust(15).encode() + b"\x00"
    name = b"\x20" + bytes(half for char in plain for half in (0x41 + (char >> 4), 0x41 + (char & 15))) + b"\x00"
    asked = struct.pack("!6H", dice.getrandbits(16), 0x0110, 1, 0, 0, 0) + name + b"\x00\x20\x00\x01"
    ends = ends._replace(client=b"\x0a\x4d" + opaque(dice, 2))
    return said(ends, 137, BROADCAST, b"", [asked] * 3, own_port=137)


def ssdp(dice: Random, ends: Ends) -> Iterator[Packet]:
    if dice.random() < 0.6:
        target = dice.choice(("ssdp:all", "upnp:rootdevice", "urn:dial-multiscreen-org:service:dial:1"))
        lines = ["M-SEARCH * HTTP/1.1", "HOST: 239.255.255.250:1900", 'MAN: "ssdp:discover"', "MX: 2", f"ST: {target}"]
    else:
        device = f"uuid:{dice.getrandbits(32):08x}-0000-1000-8000-{dice.getrandbits(48):012x}"
        lines = ["NOTIFY * HTTP/1.1", "HOST: 239.255.255.250:1900", "CACHE-CONTROL: max-age=1800", "NTS: ssdp:alive"]
        lines += ["LOCATION: http://10.77.1.9:8008/desc.xml", "NT: upnp:rootdevice", f"USN: {device}::upnp:rootdevice"]
    text = "\r\n".join([*lines, "", ""]).encode()
    return said(ends, 1900, packed("239.255.255.250"), packed("ff02::c"), [text] * dice.randrange(1, 5))


def dhcp(dice: Random, ends: Ends) -> Iterator[Packet]:
    """A machine comes, and gets an address."""
    hardware, number, leased = b"\x02\x00\x5e" + opaque(dice, 3), opaque(dice, 4), b"\x0a\x4d" + opaque(dice, 2)
    server = b"\x0a\x4d\x00\x01"
    asking, _ = roads(Ends(bytes(4), 68, BROADCAST, 67, ends.vlan), 17)
    telling, _ = roads(Ends(server, 67, BROADCAST, 68, ends.vlan), 17)
    name = dice.choice(names.MACHINES).encode()
    lease = b"\x36\x04%b\x33\x04\x00\x00\x0e\x10\x01\x04\xff\xff\x00\x00\x03\x04%b\x06\x04%b" % ((server,) * 3)
    wishes = b"\x37\x08\x01\x03\x06\x0f\x1f\x21\x2b\x79" + b"\x0c" + sized(name, 1)
    steps = (
        (1, asking, wishes),
        (2, telling, lease),
        (3, asking, b"\x32\x04" + leased + b"\x36\x04" + server + wishes),
        (5, telling, lease),
    )
    for kind, road, options in steps:
        given = leased if road is telling else bytes(4)
        head = bytes((1 if road is asking else 2, 1, 6, 0)) + number + bytes(8) + given + bytes(8)
        text = head + hardware + bytes(202) + b"\x63\x82\x53\x63\x35\x01" + bytes((kind,)) + options + b"\xff"
        yield 8 * MILLI, road.udp(text.ljust(300, b"\x00"))


def ntp(dice: Random) -> Iterator[Turn]:
    """Seconds since 1900, and opaque fractions."""
    now = struct.pack("!I", 3_996_988_800 + dice.randrange(86_400))
    asked = b"\x23\x00\x06\xec" + bytes(36) + now + opaque(dice, 4)
    stamps = b"".join(now + opaque(dice, 4) for _ in range(2))
    told = b"\x24\x02\x06\xe9\x00\x00\x02\x10\x00\x00\x04\x20\xc6\x33\x64\x07" + now + bytes(4) + asked[40:] + stamps
    yield CLIENT, asked, MILLI
    yield SERVER, told, 20 * MILLI
