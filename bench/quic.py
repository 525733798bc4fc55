"""QUIC, RFC 9000, versions 1 and 2: Initials protected as RFC 9001 and RFC 9369 say, so that whoever can decrypt may.

Both hellos are in clear below that; what follows, in Handshake and short-header packets, nobody can read.
"""

from __future__ import annotations

import hmac
import struct
from collections.abc import Iterator
from random import Random
from typing import NamedTuple

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bench import names
from bench.chance import opaque, skewed
from bench.tls import CHROME, ENCRYPTED_HELLO, FIREFOX, GO, MLKEM, X25519, Shape, client_hello, server_hello, sized
from bench.wire import CLIENT, MICRO, MILLI, SERVER, Turn

TRANSPORT_PARAMETERS = 57
DATAGRAM = 1_252
"""Payload of a full one."""
TAG = 16
NUMBER = 2
"""Bytes of a packet number."""
SHORTEST_INITIAL = 1_200
"""What a datagram with an Initial is padded to."""


class Version(NamedTuple):
    wire: int
    salt: bytes
    label: str
    initial: int
    handshake: int
    """First bytes of the long headers of both types, with two bytes of packet number."""


V1 = Version(1, bytes.fromhex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a"), "quic ", 0xC1, 0xE1)
V2 = Version(0x6B3343CF, bytes.fromhex("0dede3def700a6db819381be6e269dcbf9bd2ed9"), "quicv2 ", 0xD1, 0xF1)
VERSIONS = (V1,) * 19 + (V2,)

_SECURE = {"suites": (0x1301, 0x1302, 0x1303), "protocols": (b"h3",), "session": 0}
_LEAN = tuple(kind for kind in CHROME.extensions if kind not in (5, 11, 18, 23, 35, 65_281))
SHAPES = (
    CHROME._replace(extensions=_LEAN, **_SECURE),
    CHROME._replace(extensions=_LEAN, shares=(X25519,), groups=(X25519, 23, 24), **_SECURE),
    FIREFOX._replace(extensions=tuple(kind for kind in FIREFOX.extensions if kind in _LEAN or kind == 28), **_SECURE),
    GO._replace(extensions=tuple(kind for kind in GO.extensions if kind != 65_281), **_SECURE),
)


def expanded(secret: bytes, label: str, size: int) -> bytes:
    """HKDF-Expand-Label of TLS 1.3 with SHA-256, of at most one block."""
    wanted = size.to_bytes(2, "big") + sized(b"tls13 " + label.encode(), 1) + b"\x00\x01"
    return hmac.digest(secret, wanted, "sha256")[:size]


class Keys:
    """What protects one side's Initials."""

    __slots__ = ("_aead", "_iv", "_mask")

    def __init__(self, version: Version, first_id: bytes, side: int) -> None:
        common = hmac.digest(version.salt, first_id, "sha256")
        secret = expanded(common, ("client in", "server in")[side], 32)
        self._aead = AESGCM(expanded(secret, version.label + "key", 16))
        self._iv = int.from_bytes(expanded(secret, version.label + "iv", 12), "big")
        self._mask = Cipher(algorithms.AES(expanded(secret, version.label + "hp", 16)), modes.ECB()).encryptor()

    def protected(self, head: bytes, number: int, frames: bytes) -> bytes:
        """The packet: `head` is everything up to its length field."""
        clear = head + struct.pack("!HH", 0x4000 | NUMBER + len(frames) + TAG, number)
        body = self._aead.encrypt((self._iv ^ number).to_bytes(12, "big"), frames, clear)
        mask = self._mask.update(body[4 - NUMBER : 20 - NUMBER])
        shown = int.from_bytes(mask[1:3], "big") ^ number
        return bytes((clear[0] ^ mask[0] & 0x0F,)) + clear[1:-NUMBER] + shown.to_bytes(2, "big") + body


def varint(value: int) -> bytes:
    for width, mark in ((1, 0), (2, 0x4000), (4, 0x8000_0000)):
        if value < 1 << 8 * width - 2:
            return (value | mark).to_bytes(width, "big")
    raise ValueError(value)


def crypto(at: int, data: bytes) -> bytes:
    return b"\x06" + varint(at) + varint(len(data)) + data


def parameters(dice: Random, source: bytes) -> bytes:
    """The client's transport parameters, in any order."""
    pairs = [
        (1, varint(30_000)),
        (3, varint(1_472)),
        (4, varint(15_728_640)),
        (5, varint(6_291_456)),
        (6, varint(6_291_456)),
        (7, varint(6_291_456)),
        (8, varint(100)),
        (9, varint(103)),
        (15, source),
        (0x20, varint(65_536)),
    ]
    dice.shuffle(pairs)
    return b"".join(varint(number) + sized(value, 1) for number, value in pairs)


def long_head(first: int, version: Version, target: bytes, source: bytes) -> bytes:
    return bytes((first,)) + struct.pack("!I", version.wire) + sized(target, 1) + sized(source, 1)


def first_flight(dice: Random, keys: Keys, head: bytes, hello: bytes) -> Iterator[bytes]:
    """The client's hello in Initials padded to full datagrams; some clients stir theirs."""
    room = DATAGRAM - len(head) - 2 - NUMBER - TAG
    for number, at in enumerate(range(0, len(hello), room - 16)):
        piece = hello[at : at + room - 16]
        if len(hello) < room - 16 and dice.random() < 0.3:
            cut = dice.randrange(40, len(piece) - 40)
            frames = crypto(0, piece[:cut]) + b"\x01" + crypto(cut, piece[cut:])
        else:
            frames = crypto(at, piece)
        yield keys.protected(head, number, frames.ljust(room, b"\x00"))


def quic(dice: Random) -> Iterator[Turn]:
    version: Version = dice.choice(VERSIONS)
    shape: Shape = dice.choice(SHAPES)
    rtt = dice.randrange(5 * MILLI, 60 * MILLI)
    first_id, server_id = opaque(dice, 8), opaque(dice, dice.choice((8, 8, 20)))
    client_id = opaque(dice, 3 if ENCRYPTED_HELLO in shape.extensions and not shape.grease else 0)
    given = {TRANSPORT_PARAMETERS: parameters(dice, client_id)}
    hello = client_hello(dice, names.host(dice), shape, b"", given)
    ours, theirs = (Keys(version, first_id, side) for side in (CLIENT, SERVER))
    head = long_head(version.initial, version, first_id, client_id) + b"\x00"
    for number, datagram in enumerate(first_flight(dice, ours, head, hello)):
        yield CLIENT, datagram, 20 * MICRO if number else MILLI

    group = MLKEM if MLKEM in shape.shares else X25519
    answer = b"\x02\x00\x00\x00\x00" + crypto(0, server_hello(dice, b"", group))
    reply = long_head(version.initial, version, client_id, server_id) + b"\x00"
    initial = theirs.protected(reply, 0, answer.ljust(DATAGRAM // 2, b"\x00") if group == X25519 else answer)
    secret = long_head(version.handshake, version, client_id, server_id)
    rest = DATAGRAM - len(initial) - len(secret) - 2
    if rest > 60:
        initial += secret + struct.pack("!H", 0x4000 | rest) + opaque(dice, rest)
    yield SERVER, initial.ljust(SHORTEST_INITIAL, b"\x00"), rtt
    for size in (DATAGRAM, dice.randrange(300, DATAGRAM)):
        rest = size - len(secret) - 2
        yield SERVER, secret + struct.pack("!H", 0x4000 | rest) + opaque(dice, rest), 15 * MICRO

    seen = long_head(version.initial, version, server_id, client_id) + b"\x00"
    room = SHORTEST_INITIAL - len(seen) - 2 - NUMBER - TAG
    yield CLIENT, ours.protected(seen, 2, b"\x02\x00\x00\x00\x00".ljust(room, b"\x00")), MILLI
    done = long_head(version.handshake, version, server_id, client_id) + struct.pack("!H", 0x4000 | 80)
    yield CLIENT, done + opaque(dice, 80) + short(dice, server_id, 40), MILLI
    yield SERVER, short(dice, client_id, 210), rtt
    yield from streams(dice, rtt, client_id, server_id)


def short(dice: Random, target: bytes, size: int) -> bytes:
    """A packet with a short header."""
    return bytes((0x40 | dice.getrandbits(6),)) + target + opaque(dice, size)


def streams(dice: Random, rtt: int, client_id: bytes, server_id: bytes) -> Iterator[Turn]:
    """Requests and answers of HTTP/3: the answers in full datagrams, acknowledged every fourth."""
    full = DATAGRAM - 1 - len(client_id)
    for _ in range(skewed(dice, 1, 12)):
        yield CLIENT, short(dice, server_id, dice.randrange(60, 500)), dice.randrange(MILLI, 300 * MILLI)
        for number in range(skewed(dice, 4, 300)):
            yield SERVER, short(dice, client_id, full), rtt if number == 0 else 15 * MICRO
            if number & 3 == 3:
                yield CLIENT, short(dice, server_id, dice.randrange(24, 34)), 4 * MICRO
        yield SERVER, short(dice, client_id, dice.randrange(40, full)), 15 * MICRO
