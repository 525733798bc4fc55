"""ClientHellos, DNS messages, STUN messages and QUIC Initials as clients send them, by struct alone."""

from __future__ import annotations

from struct import pack

from imsniff.envelopes.quic import VERSIONS, Keys


def extension(kind: int, data: bytes) -> bytes:
    return pack("!HH", kind, len(data)) + data


def client_hello(
    name: str | None = "chat.signal.org", *extensions: bytes, ciphers: tuple[int, ...] = (0x1301, 0x0A0A)
) -> bytes:
    """A handshake message."""
    block = b"".join(extensions)
    if name is not None:
        host = name.encode()
        block += extension(0, pack("!HBH", len(host) + 3, 0, len(host)) + host)
    block += (
        extension(16, b"\x00\x03\x02h2") + extension(13, b"\x00\x04\x04\x03\x08\x04") + extension(43, b"\x02\x03\x04")
    )
    suites = b"".join(pack("!H", one) for one in ciphers)
    body = (
        b"\x03\x03"
        + bytes(32)
        + b"\x00"
        + pack("!H", len(suites))
        + suites
        + b"\x01\x00"
        + pack("!H", len(block))
        + block
    )
    return b"\x01" + len(body).to_bytes(3, "big") + body


def record(handshake: bytes, size: int = 16_384) -> bytes:
    """In TLS records of at most so many bytes."""
    pieces = [handshake[at : at + size] for at in range(0, len(handshake), size)]
    return b"".join(b"\x16\x03\x01" + pack("!H", len(piece)) + piece for piece in pieces)


def question(name: str, number: int = 7) -> bytes:
    return pack("!HHHHHH", number, 0x0100, 1, 0, 0, 0) + labels(name) + pack("!HH", 1, 1)


def labels(name: str) -> bytes:
    return b"".join(bytes((len(one),)) + one.encode() for one in name.split(".")) + b"\0"


def answer(name: str, *records: bytes) -> bytes:
    return pack("!HHHHHH", 7, 0x8180, 1, len(records), 0, 0) + labels(name) + pack("!HH", 1, 1) + b"".join(records)


def address(ip: bytes, ttl: int = 60, owner: bytes = b"\xc0\x0c") -> bytes:
    return owner + pack("!HHIH", 1 if len(ip) == 4 else 28, 1, ttl, len(ip)) + ip


def alias(target: bytes, owner: bytes = b"\xc0\x0c") -> bytes:
    return owner + pack("!HHIH", 5, 1, 60, len(target)) + target


def stun(kind: int, *attributes: tuple[int, bytes]) -> bytes:
    body = b"".join(pack("!HH", code, len(value)) + value + bytes(-len(value) % 4) for code, value in attributes)
    return pack("!HHI", kind, len(body), 0x2112A442) + b"transaction1" + body


def initial(
    *frames: tuple[int, bytes],
    version: int = 1,
    destination: bytes = b"\x83\x94\xc8\xf0\x3e\x51\x57\x08",
    number: int = 0,
    to: bytes | None = None,
) -> bytes:
    """A client's Initial with CRYPTO frames (offset, data), padded as RFC 9000 §14.1 asks. Its keys follow from
    `destination`; `to`: the connection id that it goes to, where that is another."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    about = VERSIONS[version]
    keys = Keys(about, destination)
    payload = b"".join(b"\x06" + varint(at) + varint(len(data)) + data for at, data in frames)
    payload += bytes(max(0, 1_162 - len(payload)))
    packed = number.to_bytes(4, "big")
    first = 0xC0 | about.initial << 4 | 3
    head = (
        bytes((first,)) + version.to_bytes(4, "big") + bytes((len(to or destination),)) + (to or destination) + b"\0\0"
    )
    head += varint(len(payload) + 4 + 16, 2)
    nonce = (keys._iv ^ number).to_bytes(12, "big")
    sealed = keys._aead.encrypt(nonce, payload, head + packed)
    mask = Cipher(algorithms.AES(keys._mask), modes.ECB()).encryptor().update(sealed[:16])
    hidden = bytes(a ^ b for a, b in zip(packed, mask[1:], strict=False))
    return bytes((first ^ (mask[0] & 0x0F),)) + head[1:] + hidden + sealed


def varint(value: int, size: int | None = None) -> bytes:
    size = size or (1 if value < 64 else 2 if value < 16_384 else 4)
    return (value | {1: 0, 2: 1, 4: 2}[size] << (8 * size - 2)).to_bytes(size, "big")
