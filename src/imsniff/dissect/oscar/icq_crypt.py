"""How ICQ hid its UDP packets from version 3 on: a check code, and from version 4 an XOR whose key comes from the
packet itself, its length and check code. Nothing secret goes in, so everything comes out.

    version 4: little-endian words from the first on, about a quarter of the packet, but not the check code's (at 16)
    version 5: everything from byte 10 on but the check code (at 20), which has its bits moved about

The check code proves a packet: four header bytes, XORed with the place and value of one byte of the packet and of one
of a fixed table.

References: open-oscar-server server/icq_legacy/wire_legacy_crypt.go (after iserverd); H. Isaksson's and S. Dault's
descriptions of versions 4 and 5.
"""

from __future__ import annotations

from imsniff.dissect.cursor import Malformed

TABLE = bytes.fromhex(
    "5960376b6562464853614c5960575b3d5e346d36503f6f6753614c5940476339"
    "505f5f3f6f47436948333164355a4a425640675341076c49583b4d4668436948"
    "333144656246485341076c69483351545d4e6c49384b554a6246483351346d36"
    "505f5f5f3f6f4763594067333164355a6a526e3c51346d36505f5f3f4f374b35"
    "5a4a6266583b4d66585b5d4e6c49583b4d66583b4d464853614c594067333164"
    "556a323e4445526e3c3164556a524e6c694853614c39306f47635960575b3d3e"
    "64353a3a5a6a524e6c694853616c49583b4d46686339505f5f3f6f6753412541"
    "3c51543d5e545d4e4c39505f5f5f3f6f474369483351545d6e3c3164355a0000"
)
TEXT = (
    b'\n[1] You can modify the sounds ICQ makes. Just select "Sounds" from the "preferences/misc" in ICQ or from the '
    b'"Sounds" in the control panel. Credit: Eran\n[2] Can\'t remember what was said?  Double-click on a user to get a '
    b"dialog of all messages sent incomin"
)
"""Version 4 uses the beginning of ICQ's tips of the day."""

CHECK_4, CHECK_5, CHECK_5_SERVER = 16, 20, 17
_FLIPPED = 0x00FF00FF
_MOVES = ((0x0001F000, -12), (0x07C007C0, -1), (0x003E0001, 10), (0xF8000000, -16), (0x0000083E, 15))
"""Version 5 moves the bits under each mask so far to the left."""


def unscrambled(check: int) -> int:
    return sum((check & mask) << by if by > 0 else (check & mask) >> -by for mask, by in _MOVES) & 0xFFFF_FFFF


def opened_5(packet: bytes) -> tuple[bytes, int]:
    """A client's packet of version 5 in the clear, and its check code."""
    if len(packet) < 24:
        raise Malformed(f"version 5 packet of {len(packet)} bytes")
    check = unscrambled(int.from_bytes(packet[CHECK_5 : CHECK_5 + 4], "little"))
    key = (len(packet) * 0x68656C6C + check) & 0xFFFF_FFFF
    out = bytearray(packet)
    for at in range(10, len(packet), 4):
        word = ((key + TABLE[at & 0xFF]) & 0xFFFF_FFFF).to_bytes(4, "little")
        for offset in range(min(4, len(packet) - at)):
            if not CHECK_5 <= at + offset < CHECK_5 + 4:
                out[at + offset] ^= word[offset]
    return bytes(out), check


def opened_4(packet: bytes) -> tuple[bytes, int]:
    """A client's packet of version 4 in the clear, and its check code."""
    if len(packet) < 20:
        raise Malformed(f"version 4 packet of {len(packet)} bytes")
    check = int.from_bytes(packet[CHECK_4 : CHECK_4 + 4], "little")
    key = (len(packet) * 0x66756B65 + check) & 0xFFFF_FFFF
    out = bytearray(packet)
    for number in range(((len(packet) + 3) // 4 + 3) // 4):
        at = number * 4
        if at == CHECK_4 or at >= len(packet):
            continue
        word = ((key + TEXT[at & 0xFF]) & 0xFFFF_FFFF).to_bytes(4, "little")
        for offset in range(min(4, len(packet) - at)):
            out[at + offset] ^= word[offset]
    out[:2] = packet[:2]
    return bytes(out), check


def is_checked(packet: bytes, check: int, table: bytes = TABLE) -> bool:
    """Whether the check code belongs to this packet in the clear: by chance one in 2^16 does."""
    if len(packet) < 9:
        return False
    header = packet[8] << 24 | packet[4] << 16 | packet[2] << 8 | packet[6]
    rest = check ^ header ^ _FLIPPED
    place, value, number, entry = rest.to_bytes(4, "big")
    return place < len(packet) and packet[place] == value and table[number % len(table)] == entry
