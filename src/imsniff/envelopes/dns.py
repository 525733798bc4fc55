"""DNS messages, over UDP, TCP and multicast: what was asked, and which addresses were answered.

    header    id:2 flags:2 questions:2 answers:2 authority:2 additional:2           (over TCP a length:2 before it)
    question  name type:2 class:2          record  name type:2 class:2 ttl:4 length:2 data
    name      *(length:1 label) 0, or a pointer 11xxxxxx xxxxxxxx to an earlier place

References: RFC 1035; RFC 9460 (HTTPS and SVCB records, whose hints are addresses too).
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import NamedTuple

from imsniff.base.limits import MAX_DNS_RECORDS
from imsniff.dissect.cursor import Cursor, Malformed

A, CNAME, AAAA, SVCB, HTTPS = 1, 5, 28, 64, 65
_IPV4_HINT, _IPV6_HINT = 4, 6


class DnsMessage(NamedTuple):
    """One message, as far as it matters here."""

    number: int
    """The id that joins an answer with its question."""
    is_answer: bool
    names: tuple[str, ...]
    """Asked for, then the targets of CNAMEs; lower case."""
    addresses: tuple[str, ...]
    ttl: int
    """Seconds: the least of the records with addresses."""


def parse(data: bytes) -> DnsMessage:
    """Raises Malformed."""
    cursor = Cursor(data)
    number, flags, questions, answers = cursor.u16(), cursor.u16(), cursor.u16(), cursor.u16()
    cursor.skip(4)
    if flags >> 11 & 0xF or flags & 0x40:
        raise Malformed("no query of the domain name system")
    names: dict[str, None] = {}
    addresses: dict[str, None] = {}
    ttl = 0xFFFFFFFF
    for _ in range(min(questions, MAX_DNS_RECORDS)):
        names[_name(cursor, data)] = None
        cursor.skip(4)
    for _ in range(min(answers, MAX_DNS_RECORDS)):
        _name(cursor, data)
        kind = cursor.u16()
        cursor.skip(2)
        life, size = cursor.u32(), cursor.u16()
        start = cursor.at
        found = _addresses(kind, cursor.take(size))
        if kind == CNAME:
            names[_name(Cursor(data, start), data)] = None
        if found:
            ttl = min(ttl, life)
            addresses.update(dict.fromkeys(found))
    return DnsMessage(number, bool(flags >> 15), tuple(names), tuple(addresses), min(ttl, 86_400))


def _name(cursor: Cursor, data: bytes) -> str:
    """A name, its pointers followed: each must lead further to the front, so that every name ends. Raises Malformed."""
    labels: list[str] = []
    here, limit, size = cursor, cursor.at, 0
    while True:
        length = here.u8()
        if length >= 0xC0:
            target = (length & 0x3F) << 8 | here.u8()
            if target >= limit:
                raise Malformed("a name that points to itself")
            here, limit = Cursor(data, target), target
            continue
        if not length:
            return ".".join(labels).lower()
        if length > 63:
            raise Malformed("a label of more than 63 bytes")
        size += length + 1
        if size > 255:
            raise Malformed("a name of more than 255 bytes")
        labels.append(here.take(length).decode("latin-1"))


def _addresses(kind: int, data: bytes) -> list[str]:
    if (kind, len(data)) in ((A, 4), (AAAA, 16)):
        return [str(ip_address(data))]
    if kind not in (HTTPS, SVCB):
        return []
    cursor, found = Cursor(data), []
    cursor.skip(2)
    while size := cursor.u8():  # the target's name, never compressed
        cursor.skip(size)
    while cursor.left >= 4:
        key, value = cursor.u16(), cursor.take(cursor.u16())
        width = {_IPV4_HINT: 4, _IPV6_HINT: 16}.get(key)
        if width:
            found += [str(ip_address(value[at : at + width])) for at in range(0, len(value) - width + 1, width)]
    return found
