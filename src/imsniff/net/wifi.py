"""IEEE 802.11 data frames, and the headers that drivers put in front of them.

    802.11    control:2 | duration:2 | address:6 x 3 | sequence:2 [| address:6] [| QoS:2 [| HT:4]] | LLC
    A-MSDU    (target:6 | source:6 | length:2 | LLC, padded to 4) ...        where the QoS field says so
    radiotap  0:1 | 0:1 | length:2 | present:4 ... | fields, little-endian
    Prism     code:4 | length:4 | ...      AVS  80211001:4 | length:4 | ..., big-endian

Frames still encrypted have no LLC header behind theirs and end here; decrypted ones with the flag left set pass.

References: IEEE 802.11-2020 §9; radiotap.org.
"""

from __future__ import annotations

from imsniff.net.link import llc
from imsniff.net.packet import LINKS, Packet, Step

DATA, NO_DATA, QOS = 2, 0x40, 0x80
BOTH_DS, PROTECTED, ORDER = 0x03, 0x40, 0x80
AGGREGATE = 0x80
PAD_TO_FOUR = 0x20
SNAP = 0xAAAA


def wifi(packet: Packet) -> Step | None:
    return _frame(packet, padded=False)


def _frame(packet: Packet, *, padded: bool) -> Step | None:
    if not packet.has(24):
        return None
    control, flags = packet.u8(0), packet.u8(1)
    first_fragment = not packet.u8(22) & 0x0F
    if control >> 2 & 3 != DATA or control & NO_DATA or not first_fragment:
        return None
    header = 30 if flags & BOTH_DS == BOTH_DS else 24
    aggregate = False
    if control & QOS:
        if not packet.has(header + 2):
            return None
        aggregate = bool(packet.u8(header) & AGGREGATE)
        header += 6 if flags & ORDER else 2
    packet.at += (header + 3) & ~3 if padded else header
    if aggregate and not flags & PROTECTED:
        return aggregated
    if flags & PROTECTED and not (packet.has(2) and packet.u16(0) == SNAP):
        return None
    return llc


def aggregated(packet: Packet) -> None:
    """Several packets in one frame; not within a guess, which must come to one."""
    while packet.has(14) and not packet.trying and packet.layers > 0:
        length = packet.u16(12)
        inner = packet.part(packet.at + 14, length)
        inner.walk(llc)
        packet.at += (14 + length + 3) & ~3


def radiotap(packet: Packet) -> Step | None:
    """The only field that matters is the flags' bit that tells of padding behind the 802.11 header."""
    if not packet.has(8):
        return None
    length = packet.u8(2) | packet.u8(3) << 8
    present, fields = packet.u8(4), 8
    while packet.has(fields) and packet.u8(fields - 1) & 0x80:  # more presence words
        fields += 4
    if present & 1:  # the clock, aligned
        fields = (fields + 7 & ~7) + 8
    padded = bool(present & 2 and packet.has(fields + 1) and packet.u8(fields) & PAD_TO_FOUR)
    packet.at += max(length, 8)
    return _padded if padded else wifi


def _padded(packet: Packet) -> Step | None:
    return _frame(packet, padded=True)


def prism(packet: Packet) -> Step | None:
    """Prism or AVS, which share a link type; Prism counts in the host's byte order."""
    if not packet.has(8):
        return None
    if packet.u16(0) == 0x8021:
        return avs
    little = packet.u8(4) | packet.u8(5) << 8
    packet.at += little or packet.u16(6)
    return wifi


def avs(packet: Packet) -> Step | None:
    if not packet.has(8):
        return None
    packet.at += max(packet.u16(6), 8)
    return wifi


LINKS.update({105: wifi, 119: prism, 127: radiotap, 163: avs})
