"""FLAP frames, SNACs and TLVs for tests, written the short way."""

from __future__ import annotations

import struct

ALICE, BOB = b"alice in lab", b"bobinlab"
COOKIE = b"12345678"


def flap(channel: int, sequence: int, body: bytes) -> bytes:
    return struct.pack("!BBHH", 0x2A, channel, sequence & 0xFFFF, len(body)) + body


def tlv(kind: int, value: bytes = b"") -> bytes:
    return struct.pack("!HH", kind, len(value)) + value


def snac(family: int, subtype: int, body: bytes = b"", *, flags: int = 0, request: int = 7, sequence: int = 1) -> bytes:
    return flap(2, sequence, struct.pack("!HHHI", family, subtype, flags, request) + body)


def counted(text: bytes) -> bytes:
    return bytes([len(text)]) + text


def counted_le(text: bytes) -> bytes:
    return struct.pack("<H", len(text)) + text


def user(name: bytes, *tlvs: bytes) -> bytes:
    return counted(name) + struct.pack("!HH", 0, len(tlvs)) + b"".join(tlvs)


def text(words: bytes, charset: int = 0) -> bytes:
    """TLV 2 of an instant message."""
    piece = struct.pack("!HH", charset, 0) + words
    return tlv(2, b"\x05\x01\x00\x03\x01\x01\x02" + b"\x01\x01" + struct.pack("!H", len(piece)) + piece)


def to_server(recipient: bytes, *tlvs: bytes, channel: int = 1, cookie: bytes = COOKIE) -> bytes:
    return snac(4, 6, cookie + struct.pack("!H", channel) + counted(recipient) + b"".join(tlvs))


def to_client(
    sender: bytes, *tlvs: bytes, channel: int = 1, cookie: bytes = COOKIE, info: tuple[bytes, ...] = ()
) -> bytes:
    return snac(4, 7, cookie + struct.pack("!H", channel) + user(sender, *info) + b"".join(tlvs))


def hello(*tlvs: bytes, sequence: int = 0) -> bytes:
    return flap(1, sequence, b"\0\0\0\1" + b"".join(tlvs))


def own(name: bytes) -> bytes:
    """01/0F, which tells a client who it is."""
    return snac(1, 0x0F, user(name, tlv(1, b"\0\x10")))


def capability(number: int) -> bytes:
    return bytes.fromhex(f"0946{number:04x}4c7f11d18222444553540000")


def rendezvous(what: int, guid: bytes, *tlvs: bytes, cookie: bytes = COOKIE) -> bytes:
    """TLV 5 of a message on channel 2."""
    return tlv(5, struct.pack("!H", what) + cookie + guid + b"".join(tlvs))


def ip(address: str) -> bytes:
    return bytes(map(int, address.split(".")))
