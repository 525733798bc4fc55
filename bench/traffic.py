"""What else is on a network: TLS, HTTP, DNS, QUIC and voice, as endless supplies of turns.

Bodies are slices of one pool of random bytes: a sniffer cannot tell them from ciphertext, and they cost nothing.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from random import Random

from bench.wire import CLIENT, MICRO, MILLI, SERVER, Turn

POOL = Random(20_260_000).randbytes(4 << 20)
"""Random bytes everything opaque is cut from."""
LARGEST_SLICE = 1 << 20

WORDS = ("amber", "basil", "cedar", "delta", "ember", "fjord", "grove", "haven", "inlet", "jetty", "knoll", "lagoon")
HOSTS = [f"{kind}.{word}.example" for word in WORDS for kind in ("www", "cdn", "api", "img", "mail", "static")]
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"

BINARY = "Content-Type: application/octet-stream\r\n"


def opaque(dice: Random, size: int) -> bytes:
    at = dice.randrange(len(POOL) - LARGEST_SLICE)
    return POOL[at : at + size]


def skewed(dice: Random, low: int, high: int) -> int:
    """A size between `low` and `high` of which most are small and most bytes are in the large: as on real networks."""
    return int(low * (high / low) ** (dice.random() ** 1.5))


def record(kind: int, body: bytes) -> bytes:
    return struct.pack("!BHH", kind, 0x0303, len(body)) + body


def sealed(dice: Random, size: int) -> bytes:
    """`size` bytes of application data in TLS records of at most 16 KiB."""
    out = []
    while size > 0:
        take = min(size, 16_401)
        out.append(record(23, opaque(dice, take)))
        size -= take
    return b"".join(out)


def extension(kind: int, body: bytes) -> bytes:
    return struct.pack("!HH", kind, len(body)) + body


def sized(body: bytes, width: int = 2) -> bytes:
    return len(body).to_bytes(width, "big") + body


def client_hello(dice: Random, host: str) -> bytes:
    name = host.encode()
    suites = struct.pack("!8H", 0x1301, 0x1303, 0x1302, 0xC02B, 0xC02F, 0xCCA9, 0xC02C, 0xC030)
    extensions = b"".join(
        [
            extension(0, sized(b"\x00" + sized(name))),
            extension(23, b""),
            extension(65281, b"\x00"),
            extension(10, sized(struct.pack("!3H", 0x001D, 0x0017, 0x0018))),
            extension(11, b"\x01\x00"),
            extension(16, sized(b"\x02h2\x08http/1.1")),
            extension(13, sized(struct.pack("!6H", 0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0401))),
            extension(51, sized(struct.pack("!HH", 0x001D, 32) + opaque(dice, 32))),
            extension(43, b"\x04\x03\x04\x03\x03"),
        ]
    )
    body = b"\x03\x03" + opaque(dice, 32) + b"\x20" + opaque(dice, 32) + sized(suites) + b"\x01\x00" + sized(extensions)
    return record(22, b"\x01" + sized(body, 3))


def server_hello(dice: Random) -> bytes:
    extensions = extension(51, struct.pack("!HH", 0x001D, 32) + opaque(dice, 32)) + extension(43, b"\x03\x04")
    body = b"\x03\x03" + opaque(dice, 32) + b"\x20" + opaque(dice, 32) + b"\x13\x01\x00" + sized(extensions)
    return record(22, b"\x02" + sized(body, 3)) + record(20, b"\x01")


def tls(dice: Random) -> Iterator[Turn]:
    rtt = dice.randrange(5 * MILLI, 60 * MILLI)
    yield CLIENT, client_hello(dice, dice.choice(HOSTS)), MILLI
    yield SERVER, server_hello(dice) + sealed(dice, dice.randrange(2_500, 4_500)), rtt
    yield CLIENT, record(20, b"\x01") + sealed(dice, 69), rtt
    for _ in range(skewed(dice, 1, 14)):
        yield CLIENT, sealed(dice, dice.randrange(90, 900)), dice.randrange(MILLI, 400 * MILLI)
        yield SERVER, sealed(dice, skewed(dice, 300, 400_000)), rtt


def http(dice: Random) -> Iterator[Turn]:
    host = dice.choice(HOSTS)
    for number in range(skewed(dice, 1, 9)):
        head = (
            f"GET /{dice.choice(WORDS)}/{number}.bin HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {AGENT}\r\nAccept: */*\r\n"
        )
        yield CLIENT, (head + "Connection: keep-alive\r\n\r\n").encode(), dice.randrange(MILLI, 900 * MILLI)
        body = opaque(dice, skewed(dice, 200, 200_000))
        head = f"HTTP/1.1 200 OK\r\nServer: nginx\r\n{BINARY}Content-Length: {len(body)}\r\n\r\n"
        yield SERVER, head.encode() + body, dice.randrange(5 * MILLI, 80 * MILLI)


def dns(dice: Random) -> Iterator[Turn]:
    host = dice.choice(HOSTS)
    name = b"".join(sized(label.encode(), 1) for label in host.split(".")) + b"\x00"
    number = dice.getrandbits(16)
    question = name + b"\x00\x01\x00\x01"
    yield CLIENT, struct.pack("!6H", number, 0x0100, 1, 0, 0, 0) + question, MICRO
    answer = b"\xc0\x0c\x00\x01\x00\x01" + struct.pack("!IH", 300, 4) + bytes((203, 0, 113, dice.randrange(1, 255)))
    yield SERVER, struct.pack("!6H", number, 0x8180, 1, 1, 0, 0) + question + answer, dice.randrange(MILLI, 40 * MILLI)


def quic(dice: Random) -> Iterator[Turn]:
    """Looks like QUIC v1 from outside: long-header Initials that nobody can decrypt, then short headers."""
    ids = opaque(dice, 8), opaque(dice, 8)
    rtt = dice.randrange(5 * MILLI, 60 * MILLI)
    for side, wait in ((CLIENT, MILLI), (SERVER, rtt)):
        head = b"\xc3\x00\x00\x00\x01" + sized(ids[side], 1) + sized(ids[1 - side], 1) + b"\x00"
        yield side, head + struct.pack("!H", 0x4000 | 1_200) + opaque(dice, 1_200), wait
    for _ in range(skewed(dice, 1, 12)):
        yield CLIENT, b"\x43" + ids[0] + opaque(dice, dice.randrange(60, 500)), dice.randrange(MILLI, 300 * MILLI)
        for number in range(skewed(dice, 4, 300)):
            yield SERVER, b"\x43" + opaque(dice, 1_251), rtt if number == 0 else 15 * MICRO
            if number & 3 == 3:
                yield CLIENT, b"\x43" + ids[0] + opaque(dice, 30), 4 * MICRO


def voice(dice: Random) -> Iterator[Turn]:
    """G.711 over RTP, both directions, 20 ms a packet."""
    state = [(dice.getrandbits(15), dice.getrandbits(31), dice.getrandbits(32)) for _ in range(2)]
    for number in range(skewed(dice, 50, 3_000)):
        for side in (CLIENT, SERVER):
            seq, clock, source = state[side]
            head = struct.pack("!BBHII", 0x80, 0, seq + number & 0xFFFF, clock + 160 * number & 0xFFFFFFFF, source)
            yield side, head + opaque(dice, 160), 10 * MILLI
