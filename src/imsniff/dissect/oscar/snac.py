"""SNACs, the commands of OSCAR, and the two shapes their bodies are made of. Big-endian, in a FLAP of channel 2:

    family:2 | subtype:2 | flags:2 | request:4 | [prefix length:2 | prefix TLVs] | body

Flag 0x8000 says that the prefix is there; a reader that does not skip it misreads everything after it. Flag 0x0001 says
that more SNACs answer the same request; each is whole in itself (own version and count), though one list item may be
cut at the border, see `feedbag`.

    TLV:        type:2 | length:2 | value
    user info:  name length:1 | name | warning:2 | number of TLVs:2 | TLVs

References: open-oscar-server wire/frames.go, wire/snacs.go; libpurple protocols/oscar/{snac,tlv,userinfo}.c.
"""

from __future__ import annotations

import struct

from msgspec import Struct

from imsniff.dissect.cursor import Cursor, Malformed
from imsniff.dissect.oscar.markup import name_of

HEADER = 10
_FIELDS = struct.Struct("!HHHI")
_TLV = struct.Struct("!HH")
_CUT_SHORT = (0, 0x1_0000)
"""Stands for the type and length of a TLV that are not all there: more than any says."""
FLAG_MORE = 0x0001
FLAG_PREFIX = 0x8000
_FLAGS = FLAG_MORE | FLAG_PREFIX | 0x0002

FAMILIES: dict[int, int] = {
    0x0001: 0x28,  # service control
    0x0002: 0x17,  # locate
    0x0003: 0x15,  # buddies, watchers
    0x0004: 0x1A,  # messages
    0x0005: 0x09,  # advertisements
    0x0006: 0x03,  # invitations
    0x0007: 0x09,  # account administration
    0x0008: 0x02,  # pop-ups
    0x0009: 0x0B,  # permit and deny
    0x000A: 0x03,  # look-up by e-mail
    0x000B: 0x04,  # statistics
    0x000C: 0x03,  # translation
    0x000D: 0x09,  # chat navigation
    0x000E: 0x30,  # chat
    0x000F: 0x05,  # directory
    0x0010: 0x09,  # buddy icons
    0x0013: 0x28,  # contact list on the server
    0x0015: 0x04,  # ICQ
    0x0017: 0x0E,  # login
    0x0018: 0x17,  # mail and alerts
    0x0022: 0x06,  # plug-ins
    0x0024: 0x06,
    0x0025: 0x06,  # member directory
    0x044A: 0x0A,  # rendezvous relay
    0x050C: 0x04,  # Kerberos login
}
"""Family to its highest subtype."""

FROM_CLIENT = frozenset(
    {(1, 2), (1, 4), (1, 6), (1, 8), (1, 0xE), (1, 0x11), (1, 0x17), (1, 0x1E), (2, 2), (2, 4), (2, 5), (2, 0x15)}
    | {(3, 2), (3, 4), (3, 5), (4, 2), (4, 4), (4, 6), (9, 2), (0xD, 2), (0xD, 8), (0xE, 5), (0x13, 2), (0x13, 4)}
    | {(0x13, 5), (0x13, 7), (0x15, 2), (0x17, 2), (0x17, 6)}
)
FROM_SERVER = frozenset(
    {(1, 3), (1, 5), (1, 7), (1, 0xF), (1, 0x13), (1, 0x18), (2, 3), (2, 6), (3, 3), (3, 0xB), (3, 0xC), (4, 5), (4, 7)}
    | {(4, 0xC), (9, 3), (0xD, 9), (0xE, 2), (0xE, 3), (0xE, 4), (0xE, 6), (0x13, 3), (0x13, 6), (0x13, 0xE)}
    | {(0x13, 0xF), (0x15, 3), (0x17, 3), (0x17, 7)}
)
"""SNACs that only one end sends: they tell which side is which where the SYN was not seen."""


def is_known(data: bytes | bytearray, at: int = 0) -> bool:
    """Whether `data[at:at+10]` is the header of a SNAC of the table: at most one in 2^39 of random bytes is."""
    family, subtype, flags, _request = _FIELDS.unpack_from(data, at)
    return 1 <= subtype <= FAMILIES.get(family, 0) and not flags & ~_FLAGS


class Tlvs(dict[int, bytes]):
    """TLVs by type; the first of a type counts, as in the clients."""

    whole: bool = True
    """False where the last one was cut short: what came before it still counts, as in the clients."""

    def number(self, kind: int, size: int) -> int | None:
        """The number of `size` bytes in TLV `kind`, None where it is absent or of another length."""
        value = self.get(kind, b"")
        return int.from_bytes(value, "big") if len(value) == size else None


def tlvs(cursor: Cursor, count: int | None = None) -> Tlvs:
    """The next `count` TLVs, all that follow where None."""
    found = Tlvs()
    data, at, end = cursor.data, cursor.at, cursor.end
    while at < end and count != 0:
        kind, size = _TLV.unpack_from(data, at) if at + _TLV.size <= end else _CUT_SHORT
        at += _TLV.size
        if at + size > end:
            found.whole = False
            at = end
            break
        if kind not in found:
            found[kind] = data[at : at + size]
        at += size
        if count is not None:
            count -= 1
    cursor.at = at
    return found


class UserInfo(Struct, gc=False):
    name: str
    tlvs: Tlvs


def user_info(cursor: Cursor) -> UserInfo:
    name = name_of(cursor.take(cursor.u8()))
    cursor.skip(2)
    count = cursor.u16()
    return UserInfo(name, tlvs(cursor, count))


class Snac(Struct, gc=False):
    """One SNAC with a cursor over its body."""

    family: int
    subtype: int
    flags: int
    request: int
    body: Cursor
    whole: bool = True
    """Whether all TLVs so far were."""

    @classmethod
    def read(cls, data: bytes) -> Snac:
        """Raises Malformed where the header, or the prefix that its flags promise, is not all there."""
        if len(data) < HEADER:
            raise Malformed(f"SNAC of {len(data)} bytes")
        family, subtype, flags, request = _FIELDS.unpack_from(data)
        body = Cursor(data, HEADER)
        if flags & FLAG_PREFIX:
            body.skip(body.u16())
        return cls(family, subtype, flags, request, body)

    def tlvs(self, count: int | None = None) -> Tlvs:
        found = tlvs(self.body, count)
        self.whole = self.whole and found.whole
        return found

    def user_info(self) -> UserInfo:
        user = user_info(self.body)
        self.whole = self.whole and user.tlvs.whole
        return user
