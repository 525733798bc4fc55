"""STUN and TURN: realm, software, vendors' own methods and attributes, and the addresses they tell.

    type:2 (top bits 00) length:2 cookie:4 = 2112A442 transaction:12 | attribute: type:2 length:2 value, padded to 4

    0014 REALM, 8022 SOFTWARE, 0001 MAPPED-, 0020 XOR-MAPPED-, 0016 XOR-RELAYED-, 0012 XOR-PEER-ADDRESS

Before RFC 5389 there was no cookie: such messages are taken where their length closes.

References: RFC 8489, RFC 8656, RFC 3489.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import NamedTuple

from imsniff.dissect.cursor import Cursor, Malformed

COOKIE = 0x2112A442
REALM, SOFTWARE = 0x0014, 0x8022
_MAPPED, _XOR_PEER, _XOR_RELAYED, _XOR_MAPPED = 0x0001, 0x0012, 0x0016, 0x0020
VIAS = {_MAPPED: "stun.mapped", _XOR_MAPPED: "stun.mapped", _XOR_PEER: "stun.peer", _XOR_RELAYED: "stun.relayed"}
_XORED = frozenset({_XOR_PEER, _XOR_RELAYED, _XOR_MAPPED})


class Address(NamedTuple):
    """An address that a message tells."""

    via: str
    ip: str
    port: int


class StunMessage(NamedTuple):
    kind: int
    attributes: tuple[int, ...]
    realm: str | None
    software: str | None
    addresses: tuple[Address, ...]


def is_stun(data: bytes) -> bool:
    """Whether a datagram has the shape of STUN: with the cookie, or a binding of RFC 3489 whose length closes."""
    if len(data) < 20:
        return False
    size = int.from_bytes(data[2:4], "big")
    if data[4:8] == b"\x21\x12\xa4\x42":
        return data[0] < 0x40 and size <= len(data) - 20
    return data[:2] in (b"\x00\x01", b"\x01\x01") and size == len(data) - 20


def parse(data: bytes) -> StunMessage:
    """Raises Malformed."""
    cursor = Cursor(data)
    kind, size = cursor.u16(), cursor.u16()
    has_cookie = cursor.u32() == COOKIE
    transaction = data[4:20]
    cursor.skip(12)
    if kind >> 14 or size > cursor.left or (not has_cookie and size != cursor.left):
        raise Malformed("no STUN message")
    types: list[int] = []
    texts: dict[int, str] = {}
    addresses: list[Address] = []
    block = Cursor(cursor.take(size))
    while block.left >= 4:
        attribute, length = block.u16(), block.u16()
        value = block.take(length)
        block.skip(min(-length % 4, block.left))
        types.append(attribute)
        if attribute in (REALM, SOFTWARE):
            texts.setdefault(attribute, value.rstrip(b"\0").decode("utf-8", "replace")[:255])
        elif attribute in VIAS and (found := _address(attribute, value, transaction)) is not None:
            addresses.append(found)
    return StunMessage(kind, tuple(types), texts.get(REALM), texts.get(SOFTWARE), tuple(addresses))


def _address(attribute: int, value: bytes, transaction: bytes) -> Address | None:
    size = {1: 4, 2: 16}.get(value[1]) if len(value) > 1 else None
    if size is None or len(value) < 4 + size:
        return None
    port, packed = int.from_bytes(value[2:4], "big"), value[4 : 4 + size]
    if attribute in _XORED:
        port ^= COOKIE >> 16
        packed = bytes(a ^ b for a, b in zip(packed, transaction, strict=False))
    return Address(VIAS[attribute], str(ip_address(packed)), port)
