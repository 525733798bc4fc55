"""DNS as resolvers hear it: addresses through aliases, HTTPS records, mail, services, names of addresses, no such name.

With EDNS for the most part; a few over TCP, as large answers are.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from random import Random

from bench import names
from bench.chance import opaque
from bench.tls import sized
from bench.wire import CLIENT, MICRO, MILLI, SERVER, Turn

A, NS, CNAME, SOA, PTR, MX, TXT, AAAA, SRV, OPT, HTTPS = 1, 2, 5, 6, 12, 15, 16, 28, 33, 41, 65
QUESTION = b"\xc0\x0c"
"""A pointer to the name asked for."""
SERVICES = ("_ldap._tcp.dc._msdcs", "_kerberos._tcp", "_autodiscover._tcp", "_vlmcs._tcp", "_ldap._tcp.site-one._sites")
TEXTS = (b"v=spf1 include:_spf.mail.example ~all; ", b"site-verification=", b"MS=ms")


def labels(name: str) -> bytes:
    return b"".join([sized(label.encode(), 1) for label in name.split(".")]) + b"\x00"


def resource(owner: bytes, kind: int, ttl: int, data: bytes) -> bytes:
    return owner + struct.pack("!HHIH", kind, 1, ttl, len(data)) + data


def message(number: int, flags: int, question: bytes, *sections: list[bytes]) -> bytes:
    """`sections`: answers, authorities, additional records."""
    counts = [len(section) for section in sections]
    head = struct.pack("!6H", number, flags, 1, *counts, *([0] * (3 - len(counts))))
    return head + question + b"".join([one for section in sections for one in section])


def edns(dice: Random, *, cookie: bool) -> bytes:
    options = b"\x00\x0a" + sized(opaque(dice, 8)) if cookie else b""
    return b"\x00" + struct.pack("!HHIH", OPT, 1_232, 0x8000 if cookie else 0, len(options)) + options


def v4(dice: Random) -> bytes:
    return bytes((203, 0, 113, dice.randrange(1, 255)))


def v6(dice: Random) -> bytes:
    return b"\x20\x01\x0d\xb8" + opaque(dice, 2) + bytes(9) + b"\x05"


def authority(dice: Random, zone: str) -> bytes:
    numbers = struct.pack("!5I", 2_026_090_000 + dice.randrange(99), 7_200, 900, 1_209_600, 900)
    return resource(labels(zone), SOA, 900, labels(f"ns1.{zone}") + labels(f"hostmaster.{zone}") + numbers)


def aliases(dice: Random) -> tuple[bytes, list[bytes]]:
    """None, one or two, and whose addresses are told in the end."""
    owner, answers = QUESTION, []
    for _ in range(dice.choice((0, 0, 1, 1, 2))):
        alias = labels(f"e{dice.getrandbits(16)}.dsc{dice.choice('abcx')}.edge.example.net")
        answers.append(resource(owner, CNAME, dice.choice((60, 300, 3_600)), alias))
        owner = alias
    return owner, answers


def hosts(dice: Random) -> list[bytes]:
    owner, answers = aliases(dice)
    return answers + [resource(owner, A, 60, v4(dice)) for _ in range(dice.choice((1, 1, 2, 4)))]


def hosts6(dice: Random) -> list[bytes]:
    owner, answers = aliases(dice)
    return answers + [resource(owner, AAAA, 60, v6(dice)) for _ in range(dice.choice((1, 1, 2, 4)))]


def bindings(dice: Random) -> list[bytes]:
    """HTTPS: HTTP/3 and 2 are spoken, and where."""
    owner, answers = aliases(dice)
    hints = struct.pack("!HH", 4, 8) + v4(dice) + v4(dice)
    return [*answers, resource(owner, HTTPS, 300, b"\x00\x01\x00\x00\x01\x00\x06\x02h3\x02h2" + hints)]


def exchangers(dice: Random) -> list[bytes]:
    site = names.host(dice)
    return [resource(QUESTION, MX, 3_600, struct.pack("!H", 10 * at) + labels(f"mx{at}.{site}")) for at in (1, 2)]


def services(dice: Random) -> list[bytes]:
    to = labels(f"dc{dice.randrange(1, 4)}.{names.DOMAIN}")
    return [resource(QUESTION, SRV, 600, struct.pack("!3H", 0, 100, dice.choice((88, 389, 443))) + to)]


def pointers(dice: Random) -> list[bytes]:
    return [resource(QUESTION, PTR, 1_200, labels(f"{dice.choice(names.MACHINES)}.{names.DOMAIN}"))]


def texts(dice: Random) -> list[bytes]:
    return [resource(QUESTION, TXT, 3_600, sized(b"%b%x" % (text, dice.getrandbits(64)), 1)) for text in TEXTS]


ANSWERS = {
    A: hosts,
    AAAA: hosts6,
    HTTPS: bindings,
    MX: exchangers,
    SRV: services,
    PTR: pointers,
    TXT: texts,
}


def lookup(dice: Random, name: str, kind: int) -> tuple[bytes, bytes]:
    """A question and its answer."""
    number = dice.getrandbits(16)
    asked = labels(name) + struct.pack("!HH", kind, 1)
    luck = dice.random()
    more = [edns(dice, cookie=luck < 0.3)] if luck < 0.7 else []
    zone = ".".join(name.split(".")[-2:])
    if luck < 0.06:
        flags, answers, authorities = 0x8183, [], [authority(dice, zone)]
    elif luck < 0.12 and kind in (AAAA, HTTPS):
        flags, answers, authorities = 0x8180, [], [authority(dice, zone)]
    elif luck > 0.99:
        flags, answers, authorities = 0x8182, [], []
    else:
        flags, answers, authorities = 0x8180, ANSWERS[kind](dice), []
    return message(number, 0x0100, asked, [], [], more), message(number, flags, asked, answers, authorities, more)


def drawn(dice: Random) -> Iterator[tuple[bytes, bytes]]:
    """What one machine asks at a time: a browser for all kinds of addresses, others for one thing."""
    luck = dice.random()
    if luck < 0.88:
        name = names.host(dice)
        kinds = (A,) if luck < 0.25 else (A, AAAA) if luck < 0.6 else (HTTPS, A, AAAA)
        return (lookup(dice, name, kind) for kind in kinds)
    if luck < 0.93:
        name = ".".join(str(dice.randrange(255)) for _ in range(2)) + ".77.10.in-addr.arpa"
        return iter([lookup(dice, name, PTR)])
    if luck < 0.96:
        return iter([lookup(dice, f"{dice.choice(SERVICES)}.{names.DOMAIN}", SRV)])
    return iter([lookup(dice, names.host(dice).partition(".")[2], dice.choice((MX, TXT)))])


def dns(dice: Random) -> Iterator[Turn]:
    pairs = list(drawn(dice))
    for asked, _ in pairs:
        yield CLIENT, asked, 30 * MICRO
    for _, told in pairs:
        yield SERVER, told, dice.randrange(MILLI, 40 * MILLI)


def over_tcp(dice: Random) -> Iterator[Turn]:
    for asked, told in drawn(dice):
        yield CLIENT, sized(asked), MILLI
        yield SERVER, sized(told), dice.randrange(MILLI, 40 * MILLI)
