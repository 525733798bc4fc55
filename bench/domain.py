"""The office's Windows domain: Kerberos, LDAP and files over SMB."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from random import Random

from bench import names
from bench.chance import opaque, skewed
from bench.der import BITS, BOOLEAN, ENUM, GENERAL, GENERALIZED_TIME, OCTETS, SET, context, der, integer, oid, sequence
from bench.der import text as string
from bench.tls import sized
from bench.wire import CLIENT, MILLI, SERVER, Turn

REALM = names.DOMAIN.upper()
PROMPT = 2 * MILLI


# --- Kerberos ---------------------------------------------------------------------------------------------------------


def principal(kind: int, *parts: str) -> bytes:
    return sequence(context(0, integer(kind)), context(1, sequence(*(string(part, GENERAL) for part in parts))))


def encrypted(dice: Random, size: int) -> bytes:
    """AES-256, key version 2."""
    return sequence(context(0, integer(18)), context(1, integer(2)), context(2, der(OCTETS, opaque(dice, size))))


def ticket(dice: Random, *service: str) -> bytes:
    inner = (context(0, integer(5)), context(1, string(REALM, GENERAL)), context(2, principal(2, *service)))
    return der(0x61, sequence(*inner, context(3, encrypted(dice, 980))))


def kerberos(dice: Random) -> Iterator[Turn]:
    """A log-on over TCP: refused without proof, then granted; or a ticket for one service more."""
    user = dice.choice(names.MACHINES)
    krbtgt = ("krbtgt", REALM)
    when = string("20260830120000Z", GENERALIZED_TIME)

    def request(tag: int, proofs: bytes, *service: str) -> bytes:
        asked = (
            context(0, der(BITS, b"\x00\x40\x81\x00\x10")),
            context(1, principal(1, user)) if tag == 10 else b"",
            context(2, string(REALM, GENERAL)),
            context(3, principal(2, *service)),
            context(5, when),
            context(7, integer(dice.getrandbits(31))),
            context(8, sequence(*(integer(kind) for kind in (18, 17, 23)))),
        )
        kinds = context(1, integer(5)), context(2, integer(tag))
        return sized(der(0x60 | tag, sequence(*kinds, context(3, sequence(proofs)), context(4, sequence(*asked)))), 4)

    def granted(tag: int, *service: str) -> bytes:
        kinds = context(0, integer(5)), context(1, integer(tag))
        owner = context(3, string(REALM, GENERAL)), context(4, principal(1, user))
        parts = context(5, ticket(dice, *service)), context(6, encrypted(dice, 320))
        return sized(der(0x60 | tag, sequence(*kinds, *owner, *parts)), 4)

    def proof(kind: int, value: bytes) -> bytes:
        return sequence(context(1, integer(kind)), context(2, der(OCTETS, value)))

    if dice.random() < 0.4:
        yield CLIENT, request(10, proof(128, sequence(context(0, der(BOOLEAN, b"\xff")))), *krbtgt), PROMPT
        inner = (context(0, integer(5)), context(1, integer(30)), context(4, when), context(5, integer(77)))
        inner += (context(6, integer(25)), context(9, string(REALM, GENERAL)), context(10, principal(2, *krbtgt)))
        yield SERVER, sized(der(0x7E, sequence(*inner)), 4), PROMPT
    elif dice.random() < 0.5:
        known = sequence(context(0, integer(18)), context(2, der(OCTETS, opaque(dice, 56))))
        yield CLIENT, request(10, proof(2, known), *krbtgt), PROMPT
        yield SERVER, granted(11, *krbtgt), PROMPT
    else:
        service = (dice.choice(("cifs", "ldap", "HTTP")), f"dc{dice.randrange(1, 4)}.{names.DOMAIN}")
        flags = context(0, integer(5)), context(1, integer(14)), context(2, der(BITS, bytes(5)))
        shown = der(0x6E, sequence(*flags, context(3, ticket(dice, *krbtgt)), context(4, encrypted(dice, 180))))
        yield CLIENT, request(12, proof(1, shown), *service), PROMPT
        yield SERVER, granted(13, *service), PROMPT


# --- LDAP -------------------------------------------------------------------------------------------------------------


def ldap(dice: Random) -> Iterator[Turn]:
    """A bind, and looking people up."""
    base = "dc=" + names.DOMAIN.replace(".", ",dc=")

    def message(number: int, tag: int, *parts: bytes) -> bytes:
        return sequence(integer(number), der(tag, *parts))

    done = integer(0, ENUM), der(OCTETS), der(OCTETS)
    yield CLIENT, message(1, 0x60, integer(3), string(f"cn=reader,{base}", OCTETS), der(0x80, opaque(dice, 12))), PROMPT
    yield SERVER, message(1, 0x61, *done), PROMPT
    for number in range(2, 2 + skewed(dice, 1, 12)):
        who = dice.choice(names.MACHINES)
        match = der(0xA3, string("sAMAccountName", OCTETS), string(who, OCTETS))
        limits = integer(2, ENUM), integer(0, ENUM), integer(0), integer(120), der(BOOLEAN, b"\x00")
        wanted = sequence(*(string(name, OCTETS) for name in ("cn", "mail", "memberOf", "objectSid")))
        yield CLIENT, message(number, 0x63, string(base, OCTETS), *limits, match, wanted), 40 * MILLI
        groups = [f"cn={word},ou=groups,{base}" for word in dice.choices(names.WORDS, k=dice.randrange(1, 30))]
        values = {"cn": [who], "mail": [f"{who}@{names.DOMAIN}"], "memberOf": groups}
        pairs = (
            sequence(string(name, OCTETS), der(SET, *(string(one, OCTETS) for one in some)))
            for name, some in values.items()
        )
        entry = message(number, 0x64, string(f"cn={who},ou=people,{base}", OCTETS), sequence(*pairs))
        yield SERVER, entry + message(number, 0x65, *done), PROMPT
    yield CLIENT, sequence(integer(99), der(0x42)), 400 * MILLI


# --- SMB 3 ------------------------------------------------------------------------------------------------------------

NEGOTIATE, SESSION_SETUP, TREE_CONNECT, CREATE, CLOSE, READ = 0, 1, 3, 5, 6, 8
MORE_PROCESSING = 0xC0000016
NTLM = oid("1.3.6.1.4.1.311.2.2.10")
WINDOWS_10 = b"\x0a\x00\x63\x45\x00\x00\x00\x0f"
"""As NTLM tells a version."""
OFFICE = names.DOMAIN.split(".")[0].upper()
SPNEGO = oid("1.3.6.1.5.5.2")
BLOCK = 65_536
"""Bytes of one read."""


def offered() -> bytes:
    """What a server can be logged on to with."""
    return der(0x60, SPNEGO, context(0, sequence(context(0, sequence(NTLM)))))


def attributes() -> bytes:
    """Of a server, as NTLM lists them: domain and computer."""
    pairs = ((kind, value.encode("utf-16-le")) for kind, value in ((2, OFFICE), (1, "FILES"), (4, names.DOMAIN)))
    return b"".join(struct.pack("<HH", kind, len(value)) + value for kind, value in pairs) + bytes(4)


def challenge(dice: Random) -> bytes:
    office, info = OFFICE.encode("utf-16-le"), attributes()
    size = len(office)
    head = b"NTLMSSP\x00" + struct.pack("<IHHII", 2, size, size, 56, 0xE2898215) + opaque(dice, 8) + bytes(8)
    return head + struct.pack("<HHI", len(info), len(info), 56 + size) + WINDOWS_10 + office + info


def authenticate(dice: Random) -> bytes:
    answer = b"\x01\x01" + bytes(6) + opaque(dice, 16) + bytes(4) + attributes() + bytes(4)
    fields = [bytes(24), opaque(dice, 16) + answer]
    fields += [text.encode("utf-16-le") for text in (OFFICE, dice.choice(names.WORDS), dice.choice(names.MACHINES))]
    fields.append(opaque(dice, 16))
    head, at = b"NTLMSSP\x00" + struct.pack("<I", 3), 88
    for one in fields:
        head += struct.pack("<HHI", len(one), len(one), at)
        at += len(one)
    return head + struct.pack("<I", 0xE2888215) + WINDOWS_10 + opaque(dice, 16) + b"".join(fields)


def smb(dice: Random) -> Iterator[Turn]:
    """A few files read from a share; in clear, as version 3 still does unless told otherwise."""
    session, tree, handle = dice.getrandbits(40), dice.getrandbits(8), opaque(dice, 16)
    count = -1

    def packet(side: int, command: int, body: bytes, status: int = 0) -> bytes:
        nonlocal count
        count += side == CLIENT
        numbers = status, command, 33, side, 0, count, 0xFEFF, tree if command >= CREATE else 0
        head = struct.pack("<IHHIIQII", *numbers) + struct.pack("<Q", session if count + side > 1 else 0)
        return sized(b"\xfeSMB\x40\x00\x01\x00" + head + bytes(16) + body, 4)

    dialects = struct.pack("<4H", 0x0202, 0x0210, 0x0300, 0x0302)
    asked = struct.pack("<HHHHI", 36, 4, 1, 0, 0x7F) + opaque(dice, 16) + bytes(8) + dialects
    yield CLIENT, packet(CLIENT, NEGOTIATE, asked), PROMPT
    blob = offered()
    told = struct.pack("<HHHH", 65, 1, 0x0302, 0) + opaque(dice, 16) + struct.pack("<I", 0x2F)
    told += struct.pack("<3IQQHHI", *(1 << 23,) * 3, 134_325_000_000_000_000, 0, 128, len(blob), 0) + blob
    yield SERVER, packet(SERVER, NEGOTIATE, told), PROMPT
    first = b"NTLMSSP\x00" + struct.pack("<II", 1, 0xE2088297) + bytes(16) + WINDOWS_10
    for token, back, status in ((first, challenge(dice), MORE_PROCESSING), (authenticate(dice), b"", 0)):
        head = struct.pack("<HBBIIHHQ", 25, 0, 1, 1, 0, 88, len(token), 0)
        yield CLIENT, packet(CLIENT, SESSION_SETUP, head + token), PROMPT
        yield SERVER, packet(SERVER, SESSION_SETUP, struct.pack("<HHHH", 9, 0, 72, len(back)) + back, status), PROMPT
    path = rf"\\files.{names.DOMAIN}\{dice.choice(names.WORDS)}".encode("utf-16-le")
    yield CLIENT, packet(CLIENT, TREE_CONNECT, struct.pack("<HHHH", 9, 0, 72, len(path)) + path), PROMPT
    yield SERVER, packet(SERVER, TREE_CONNECT, struct.pack("<HBBIII", 16, 1, 0, 0, 0, 0x1F01FF)), PROMPT
    times = struct.pack("<4Q", *(134_320_000_000_000_000 + dice.getrandbits(40) for _ in range(4)))
    for _ in range(skewed(dice, 1, 8)):
        size = skewed(dice, 2_000, 600_000)
        name = rf"{dice.choice(names.WORDS)}\{dice.choice(names.WORDS)}.xlsx".encode("utf-16-le")
        head = struct.pack("<HBBIQQ5I", 57, 0, 0, 2, 0, 0, 0x120089, 0x80, 7, 1, 0x40)
        yield CLIENT, packet(CLIENT, CREATE, head + struct.pack("<HHII", 120, len(name), 0, 0) + name), 300 * MILLI
        facts = struct.pack("<HBBI", 89, 0, 0, 1) + times + struct.pack("<QQII", size, size, 0x20, 0)
        yield SERVER, packet(SERVER, CREATE, facts + handle + bytes(8)), PROMPT
        for at in range(0, size, BLOCK):
            take = min(BLOCK, size - at)
            yield CLIENT, packet(CLIENT, READ, struct.pack("<HBBIQ", 49, 80, 0, take, at) + handle + bytes(17)), MILLI
            block = struct.pack("<HBBIII", 17, 80, 0, take, 0, 0) + opaque(dice, take)
            yield SERVER, packet(SERVER, READ, block), PROMPT
        yield CLIENT, packet(CLIENT, CLOSE, struct.pack("<HHI", 24, 0, 0) + handle), MILLI
        yield SERVER, packet(SERVER, CLOSE, struct.pack("<HHI", 60, 0, 0) + bytes(52)), PROMPT
