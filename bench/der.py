"""ASN.1 in DER, as far as certificates, Kerberos and LDAP need it."""

from __future__ import annotations

BOOLEAN, INTEGER, BITS, OCTETS, NULL, OID, ENUM, UTF8 = 1, 2, 3, 4, 5, 6, 10, 12
PRINTABLE, UTC_TIME, GENERALIZED_TIME, GENERAL = 19, 23, 24, 27
SEQUENCE, SET = 0x30, 0x31


def der(tag: int, *parts: bytes) -> bytes:
    """A value of definite length from its parts."""
    body = b"".join(parts)
    size = len(body)
    if size < 0x80:
        return bytes((tag, size)) + body
    width = (size.bit_length() + 7) // 8
    return bytes((tag, 0x80 | width)) + size.to_bytes(width, "big") + body


def sequence(*parts: bytes) -> bytes:
    return der(SEQUENCE, *parts)


def context(number: int, *parts: bytes) -> bytes:
    """An explicit, or constructed implicit, tag of the context."""
    return der(0xA0 | number, *parts)


def integer(value: int, tag: int = INTEGER) -> bytes:
    return der(tag, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def text(value: str, tag: int = UTF8) -> bytes:
    return der(tag, value.encode())


def oid(dotted: str) -> bytes:
    first, second, *rest = map(int, dotted.split("."))
    out = bytearray((first * 40 + second,))
    for number in rest:
        digits = [number & 0x7F]
        while number := number >> 7:
            digits.append(number & 0x7F | 0x80)
        out += bytes(reversed(digits))
    return der(OID, bytes(out))
