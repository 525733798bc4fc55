"""TLS as browsers, programs and servers of 2026 speak it: version 1.3, and 1.2 with its certificates in clear.

Client hellos have the shapes of real clients: GREASE, shuffled extensions, key shares after quantum computers that need
a second segment, padding, resumption. What follows the handshake is opaque records of several sizes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from random import Random
from typing import NamedTuple

from bench import names
from bench.certificates import Chain, chain
from bench.chance import opaque, skewed
from bench.wire import CLIENT, MILLI, SERVER, Turn

CHANGE_CIPHER, ALERT, HANDSHAKE, DATA = 20, 21, 22, 23

X25519, P256, P384, MLKEM = 0x001D, 0x0017, 0x0018, 0x11EC
CLIENT_SHARE = {X25519: 32, P256: 65, MLKEM: 1_216}
SERVER_SHARE = {X25519: 32, P256: 65, MLKEM: 1_120}
"""Bytes of a key share by its group."""

NAME, STATUS, GROUPS, FORMATS, SIGNATURES, PROTOCOLS, STAMPS, PADDING = 0, 5, 10, 11, 13, 16, 18, 21
ENCRYPT_THEN_MAC, MASTER_SECRET, COMPRESSION = 22, 23, 27
RECORD_LIMIT, DELEGATED, TICKET, PSK, VERSIONS, PSK_MODES, POST_HANDSHAKE, SHARES = 28, 34, 35, 41, 43, 45, 49, 51
APPLICATION_SETTINGS, ENCRYPTED_HELLO, RENEGOTIATION = 17_613, 65_037, 65_281

TLS13_SUITES = (0x1301, 0x1302, 0x1303)
ECDHE_SUITES = (0xC02B, 0xC02F, 0xC02C, 0xC030, 0xCCA9, 0xCCA8)
OLD_SUITES = (0xC013, 0xC014, 0x009C, 0x009D, 0x002F, 0x0035)


def sized(body: bytes, width: int = 2) -> bytes:
    return len(body).to_bytes(width, "big") + body


def words(*numbers: int) -> bytes:
    return struct.pack(f"!{len(numbers)}H", *numbers)


ALGORITHMS = words(0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601)
RECORDS = (1_300, 1_369, 1_369, 4_096, 8_192, 16_384, 16_384)
"""Data in a server's full record: one segment, so that it can be read at once, or as much as may be."""
FIXED = {
    STATUS: b"\x01\x00\x00\x00\x00",
    FORMATS: b"\x01\x00",
    SIGNATURES: sized(ALGORITHMS),
    STAMPS: b"",
    ENCRYPT_THEN_MAC: b"",
    MASTER_SECRET: b"",
    COMPRESSION: b"\x02\x00\x02",
    RECORD_LIMIT: b"\x40\x01",
    DELEGATED: sized(words(0x0403, 0x0503, 0x0603, 0x0203)),
    TICKET: b"",
    PSK_MODES: b"\x01\x01",
    POST_HANDSHAKE: b"",
    APPLICATION_SETTINGS: b"\x00\x03\x02h2",
    RENEGOTIATION: b"\x00",
}
"""Bodies of the extensions that are the same in every hello."""


class Shape(NamedTuple):
    """What a client's hello always has: what it is told apart by."""

    suites: tuple[int, ...]
    groups: tuple[int, ...]
    shares: tuple[int, ...]
    extensions: tuple[int, ...]
    protocols: tuple[bytes, ...] = (b"h2", b"http/1.1")
    grease: bool = False
    """Reserved values here and there, and its extensions in any order."""
    padded: bool = False
    session: int = 32
    """Bytes of the session id, legacy or not."""


COMMON = NAME, MASTER_SECRET, RENEGOTIATION, GROUPS, FORMATS
RECENT = SHARES, PSK_MODES, VERSIONS, COMPRESSION
CHROME = Shape(
    (*TLS13_SUITES, *ECDHE_SUITES, *OLD_SUITES),
    (MLKEM, X25519, P256, P384),
    (MLKEM, X25519),
    (*COMMON, TICKET, PROTOCOLS, STATUS, SIGNATURES, STAMPS, *RECENT, APPLICATION_SETTINGS, ENCRYPTED_HELLO),
    grease=True,
)
FIREFOX = Shape(
    (0x1301, 0x1303, 0x1302, 0xC02B, 0xC02F, 0xCCA9, 0xCCA8, 0xC02C, 0xC030, 0xC00A, 0xC009, *OLD_SUITES),
    (MLKEM, X25519, P256, P384, 0x0019, 0x0100, 0x0101),
    (MLKEM, X25519, P256),
    (*COMMON, TICKET, PROTOCOLS, STATUS, DELEGATED, STAMPS, SIGNATURES, RECORD_LIMIT, *RECENT, ENCRYPTED_HELLO),
)
SAFARI = CHROME._replace(
    groups=(X25519, P256, P384, 0x0019),
    shares=(X25519,),
    extensions=(*COMMON, PROTOCOLS, STATUS, SIGNATURES, STAMPS, *RECENT),
    padded=True,
)
OPENSSL = Shape(
    (0x1302, 0x1303, 0x1301, *ECDHE_SUITES, 0x009F, 0x009E, 0xC024, 0xC028, 0x006B, *OLD_SUITES, 0x00FF),
    (X25519, P256, 0x001E, 0x0019, P384),
    (X25519,),
    (NAME, FORMATS, GROUPS, TICKET, ENCRYPT_THEN_MAC, MASTER_SECRET, SIGNATURES, VERSIONS, PSK_MODES, SHARES),
    protocols=(),
)
GO = Shape(
    (*ECDHE_SUITES, *OLD_SUITES, *TLS13_SUITES),
    (X25519, P256, P384, 0x0019),
    (X25519,),
    (NAME, STATUS, GROUPS, FORMATS, SIGNATURES, RENEGOTIATION, MASTER_SECRET, PROTOCOLS, STAMPS, VERSIONS, SHARES),
)
WINDOWS = Shape(
    (0xC02C, 0xC02B, 0xC030, 0xC02F, 0x009F, 0x009E, 0xC024, 0xC023, 0xC028, 0xC027, *OLD_SUITES),
    (X25519, P256, P384),
    (),
    (NAME, STATUS, GROUPS, FORMATS, SIGNATURES, TICKET, PROTOCOLS, MASTER_SECRET, RENEGOTIATION),
    session=0,
)
OLD_JAVA = WINDOWS._replace(
    groups=(P256, P384), extensions=(NAME, GROUPS, FORMATS, SIGNATURES, MASTER_SECRET, RENEGOTIATION), protocols=()
)
MODERN = (CHROME, CHROME, CHROME, FIREFOX, SAFARI, OPENSSL, GO)
CLASSIC = (WINDOWS, WINDOWS, OLD_JAVA, CHROME, FIREFOX, OPENSSL, GO)
"""Those who end up with version 1.2: many could do better, their server cannot."""


def extension(kind: int, body: bytes) -> bytes:
    return struct.pack("!HH", kind, len(body)) + body


def record(kind: int, body: bytes, version: int = 0x0303) -> bytes:
    return struct.pack("!BHH", kind, version, len(body)) + body


def message(kind: int, body: bytes) -> bytes:
    return bytes((kind,)) + sized(body, 3)


def grease(dice: Random) -> int:
    return 0x0A0A + 0x1010 * dice.randrange(16)


def ticket_shared(dice: Random) -> bytes:
    """The last extension of one who was here before: a ticket and the proof that it is his."""
    identity = sized(opaque(dice, dice.choice((176, 208, 240)))) + opaque(dice, 4)
    return extension(PSK, sized(identity) + sized(sized(opaque(dice, 32), 1)))


def encrypted_hello(dice: Random) -> bytes:
    """Of one who has nothing to hide, and practises."""
    outer = b"\x00\x00\x01\x00\x01" + opaque(dice, 1)
    return outer + sized(opaque(dice, 32)) + sized(opaque(dice, dice.choice((144, 176, 208, 240))))


def client_hello(
    dice: Random, host: str, shape: Shape, session: bytes, given: Mapping[int, bytes] | None = None, last: bytes = b""
) -> bytes:
    """The handshake message. `given`: bodies of further extensions; `last`: an extension that must be at the end."""
    lucky = grease(dice)
    odd = (lucky,) if shape.grease else ()
    sizes = ((group, CLIENT_SHARE[group]) for group in shape.shares)
    shares = [words(group, size) + opaque(dice, size) for group, size in sizes]
    if odd:
        shares.insert(0, words(lucky, 1) + b"\x00")
    versions = words(*odd, 0x0304, 0x0303) if session else words(*odd, 0x0304)
    bodies = {
        **FIXED,
        NAME: sized(b"\x00" + sized(host.encode())),
        GROUPS: sized(words(*odd, *shape.groups)),
        PROTOCOLS: sized(b"".join(sized(one, 1) for one in shape.protocols)),
        VERSIONS: sized(versions, 1),
        SHARES: sized(b"".join(shares)),
        ENCRYPTED_HELLO: encrypted_hello(dice),
        **(given or {}),
    }
    order = [*shape.extensions, *(given or ())]
    if shape.grease:
        dice.shuffle(order)
    extensions = b"".join([extension(kind, bodies[kind]) for kind in order])
    if odd:
        extensions = extension(lucky, b"") + extensions + extension(lucky ^ 0x1010, b"\x00")
    body = b"\x03\x03" + opaque(dice, 32) + sized(session, 1) + sized(words(*odd, *shape.suites)) + b"\x01\x00"
    short = 512 - 10 - len(body) - len(extensions)
    if shape.padded and short > 0:
        extensions += extension(PADDING, bytes(short))
    return message(1, body + sized(extensions + last))


def server_hello(dice: Random, session: bytes, group: int, *, resumed: bool = False) -> bytes:
    """Of version 1.3."""
    share = words(group, SERVER_SHARE[group]) + opaque(dice, SERVER_SHARE[group])
    extensions = extension(SHARES, share) + extension(VERSIONS, b"\x03\x04")
    if resumed:
        extensions += extension(PSK, b"\x00\x00")
    suite = words(dice.choice(TLS13_SUITES))
    return message(2, b"\x03\x03" + opaque(dice, 32) + sized(session, 1) + suite + b"\x00" + sized(extensions))


def sealed(dice: Random, size: int, largest: int = 16_384, added: int = 17) -> bytes:
    """`size` bytes of application data in records of at most `largest`, each with what encryption adds."""
    out = []
    while size > 0:
        take = min(size, largest)
        out.append(record(DATA, opaque(dice, take + added)))
        size -= take
    return b"".join(out)


def application(dice: Random, rtt: int, added: int) -> Iterator[Turn]:
    """Requests and answers, after the handshake; the end."""
    largest = dice.choice(RECORDS)
    for _ in range(skewed(dice, 1, 14)):
        yield CLIENT, sealed(dice, dice.randrange(70, 900), added=added), dice.randrange(MILLI, 400 * MILLI)
        yield SERVER, sealed(dice, skewed(dice, 300, 400_000), largest, added), rtt
    if dice.random() < 0.7:
        yield CLIENT, record(DATA if added == 17 else ALERT, opaque(dice, 2 + added)), dice.randrange(3_000 * MILLI)


def tls13(dice: Random, host: str = "") -> Iterator[Turn]:
    rtt = dice.randrange(5 * MILLI, 60 * MILLI)
    shape = dice.choice(MODERN)
    session = opaque(dice, 32)
    resumed = PSK_MODES in shape.extensions and dice.random() < 0.3
    last = ticket_shared(dice) if resumed else b""
    hello = client_hello(dice, host or names.host(dice), shape, session, last=last)
    yield CLIENT, record(HANDSHAKE, hello, 0x0301), MILLI
    group = shape.shares[0] if dice.random() < 0.6 else X25519
    answer = record(HANDSHAKE, server_hello(dice, session, group, resumed=resumed)) + record(CHANGE_CIPHER, b"\x01")
    if resumed:
        hidden = sealed(dice, dice.randrange(90, 180))
    elif dice.random() < 0.5:
        hidden = sealed(dice, dice.randrange(2_500, 4_500))
    else:
        sizes = dice.randrange(20, 60), dice.randrange(2_300, 4_100), 281, 53
        hidden = b"".join(sealed(dice, size) for size in sizes)
    yield SERVER, answer + hidden, rtt
    yield CLIENT, record(CHANGE_CIPHER, b"\x01") + sealed(dice, 53), rtt
    if dice.random() < 0.8:
        yield SERVER, sealed(dice, 234) + sealed(dice, 234), rtt
    yield from application(dice, rtt, 17)


def public_point(dice: Random) -> bytes:
    """One side's half of the ECDHE of version 1.2, on P-256."""
    return sized(b"\x04" + opaque(dice, 64), 1)


def proof(dice: Random, shown: Chain, point: bytes) -> list[bytes]:
    """The certificates in clear, the server's half signed by the first one's key, and done."""
    algorithm, size = (0x0403, 71) if shown.elliptic else (0x0401, 256)
    exchange = b"\x03" + words(P256) + point + words(algorithm) + sized(opaque(dice, size))
    certificates = sized(b"".join(sized(one, 3) for one in shown.certificates), 3)
    return [message(11, certificates), message(12, exchange), message(14, b"")]


def tls12(dice: Random, host: str = "") -> Iterator[Turn]:
    rtt = dice.randrange(5 * MILLI, 60 * MILLI)
    host = host or names.host(dice)
    shape = dice.choice(CLASSIC)
    resumed = dice.random() < 0.25
    session = opaque(dice, 32 if resumed else shape.session)
    given = {TICKET: opaque(dice, 192)} if resumed and TICKET in shape.extensions else None
    if given:
        shape = shape._replace(extensions=tuple(kind for kind in shape.extensions if kind != TICKET))
    yield CLIENT, record(HANDSHAKE, client_hello(dice, host, shape, session, given), 0x0301), MILLI

    ticketed = TICKET in shape.extensions
    shown = chain(host)
    extensions = extension(RENEGOTIATION, b"\x00") + extension(MASTER_SECRET, b"") + extension(FORMATS, b"\x01\x00")
    extensions += extension(TICKET, b"") if ticketed else b""
    extensions += extension(PROTOCOLS, b"\x00\x03\x02h2") if shape.protocols else b""
    chosen = words(0xC02B if shown.elliptic else 0xC02F)
    number = session if resumed else b"" if ticketed else opaque(dice, 32)
    hello = message(2, b"\x03\x03" + opaque(dice, 32) + sized(number, 1) + chosen + b"\x00" + sized(extensions))
    finished = record(CHANGE_CIPHER, b"\x01") + record(HANDSHAKE, opaque(dice, 40))
    if resumed:
        yield SERVER, record(HANDSHAKE, hello) + finished, rtt
        yield CLIENT, finished, rtt
    else:
        flight = [hello, *proof(dice, shown, public_point(dice))]
        if dice.random() < 0.5:
            yield SERVER, b"".join(record(HANDSHAKE, one) for one in flight), rtt
        else:
            yield SERVER, record(HANDSHAKE, b"".join(flight)), rtt
        yield CLIENT, record(HANDSHAKE, message(16, public_point(dice))) + finished, rtt
        ticket = record(HANDSHAKE, message(4, struct.pack("!I", 7_200) + sized(opaque(dice, 192)))) if ticketed else b""
        yield SERVER, ticket + finished, rtt
    yield from application(dice, rtt, 24)
