"""Certificate chains as web servers send them: a leaf, one or two issuers; RSA or ECDSA.

Everything but keys and signatures is as it should be; those are random, since nobody who merely listens checks them.
A name always has the same chain.
"""

from __future__ import annotations

from functools import cache
from random import Random
from typing import NamedTuple

from bench.chance import opaque
from bench.der import BITS, BOOLEAN, NULL, OCTETS, PRINTABLE, SET, UTC_TIME, context, der, integer, oid, sequence
from bench.der import text as string

COMMON_NAME, COUNTRY, ORGANISATION = "2.5.4.3", "2.5.4.6", "2.5.4.10"
SHA256_RSA = sequence(oid("1.2.840.113549.1.1.11"), der(NULL))
ECDSA_SHA384 = sequence(oid("1.2.840.10045.4.3.3"))
RSA = sequence(oid("1.2.840.113549.1.1.1"), der(NULL))
P256 = sequence(oid("1.2.840.10045.2.1"), oid("1.2.840.10045.3.1.7"))
ISSUERS = ("Amber Trust", "Fjord PKI Services", "Let's Example", "Quartz Digital CA")


class Chain(NamedTuple):
    elliptic: bool
    """Its server signs with ECDSA, else with RSA."""
    certificates: tuple[bytes, ...]
    """The server's own first."""


def name(common: str, organisation: str = "") -> bytes:
    parts = [(COUNTRY, string("DE", PRINTABLE)), (ORGANISATION, string(organisation))] if organisation else []
    return sequence(*(der(SET, sequence(oid(kind), value)) for kind, value in [*parts, (COMMON_NAME, string(common))]))


def extension(dotted: str, value: bytes, *, critical: bool = False) -> bytes:
    return sequence(oid(dotted), der(BOOLEAN, b"\xff") if critical else b"", der(OCTETS, value))


def public_key(dice: Random, *, elliptic: bool) -> bytes:
    if elliptic:
        return sequence(P256, der(BITS, b"\x00\x04", opaque(dice, 64)))
    modulus = int.from_bytes(opaque(dice, 256), "big") | 1 << 2047 | 1
    return sequence(RSA, der(BITS, b"\x00", sequence(integer(modulus), integer(65537))))


def signature(dice: Random, *, elliptic: bool) -> bytes:
    if not elliptic:
        return der(BITS, b"\x00", opaque(dice, 256))
    halves = (integer(int.from_bytes(opaque(dice, 48), "big")) for _ in range(2))
    return der(BITS, b"\x00", sequence(*halves))


def certificate(dice: Random, issuer: bytes, subject: bytes, years: int, *more: bytes, elliptic: bool) -> bytes:
    """`more`: extensions beside the identifiers of both keys."""
    algorithm = ECDSA_SHA384 if elliptic else SHA256_RSA
    start = 26 - dice.randrange(years)
    validity = sequence(
        *(string(f"{year}{dice.randrange(1, 13):02}15000000Z", UTC_TIME) for year in (start, start + years))
    )
    extensions = sequence(
        extension("2.5.29.14", der(OCTETS, opaque(dice, 20))),
        extension("2.5.29.35", sequence(der(0x80, opaque(dice, 20)))),
        *more,
    )
    serial = integer(dice.getrandbits(120))
    key = public_key(dice, elliptic=elliptic)
    signed = sequence(context(0, integer(2)), serial, algorithm, issuer, validity, subject, key, context(3, extensions))
    return sequence(signed, algorithm, signature(dice, elliptic=elliptic))


def points_to(issuer: str) -> tuple[bytes, ...]:
    """Where the issuer's revocations and certificate are."""
    site = issuer.replace("'", "").replace(" ", "-").lower() + ".example"
    list_at = sequence(sequence(context(0, context(0, string(f"http://crl.{site}/r1.crl", 0x86)))))
    ways = (("48.1", f"http://ocsp.{site}"), ("48.2", f"http://crt.{site}/r1.der"))
    access = sequence(*(sequence(oid(f"1.3.6.1.5.5.7.{kind}"), string(url, 0x86)) for kind, url in ways))
    return extension("2.5.29.31", list_at), extension("1.3.6.1.5.5.7.1.1", access)


@cache
def authority(organisation: str, number: int) -> bytes:
    """An issuer's certificate: 0 is signed by a root that nobody sends, 1 is that root, cross-signed."""
    dice = Random(f"{organisation} {number}")
    subject = name(f"{organisation} {'TLS CA G2' if number == 0 else 'Root R1'}", organisation)
    issuer = name(f"{organisation} Root R1" if number == 0 else "Global Example Root", organisation)
    constraints = extension("2.5.29.19", sequence(der(BOOLEAN, b"\xff")), critical=True)
    usage = extension("2.5.29.15", der(BITS, b"\x01\x86"), critical=True)
    more = constraints, usage, *points_to(organisation)
    return certificate(dice, issuer, subject, 10, *more, elliptic=False)


@cache
def chain(host: str) -> Chain:
    """What the server of this name shows."""
    dice = Random(host)
    organisation = dice.choice(ISSUERS)
    site = host.partition(".")[2]
    names = (host, site, f"*.{site}", *(f"{part}.{site}" for part in ("cdn", "m", "shop")[: dice.randrange(4)]))
    more = (
        extension("2.5.29.15", der(BITS, b"\x05\xa0"), critical=True),
        extension("2.5.29.37", sequence(oid("1.3.6.1.5.5.7.3.1"), oid("1.3.6.1.5.5.7.3.2"))),
        extension("2.5.29.19", sequence(), critical=True),
        extension("2.5.29.17", sequence(*(string(one, 0x82) for one in names))),
        extension("2.5.29.32", sequence(sequence(oid("2.23.140.1.2.1")))),
        extension("1.3.6.1.4.1.11129.2.4.2", der(OCTETS, stamps(dice))),
        *points_to(organisation),
    )
    issuer = name(f"{organisation} TLS CA G2", organisation)
    elliptic = dice.random() < 0.4
    leaf = certificate(dice, issuer, name(host), 1, *more, elliptic=elliptic)
    return Chain(elliptic, (leaf, *(authority(organisation, number) for number in range(dice.choice((1, 1, 2))))))


def stamps(dice: Random) -> bytes:
    """Two signed certificate time stamps, RFC 6962."""
    out = b""
    for _ in range(2):
        halves = sequence(*(integer(int.from_bytes(opaque(dice, 32), "big")) for _ in range(2)))
        when = (1_780_000_000_000 + dice.getrandbits(32)).to_bytes(8, "big")
        one = b"\x00" + opaque(dice, 32) + when + b"\x00\x00\x04\x03" + len(halves).to_bytes(2, "big") + halves
        out += len(one).to_bytes(2, "big") + one
    return len(out).to_bytes(2, "big") + out
