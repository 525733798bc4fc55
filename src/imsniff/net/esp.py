"""ESP that authenticates and does not encrypt (RFC 2410), as IP telephony over LTE has it on test and roaming links.

    number of the association:4 | sequence:4 | [IV:8] | payload | 1, 2, 3 ... | padding length:1 | next header:1 | check

Nothing in the packet says that it is readable or how long the check value is, so the lengths in use are tried, and
the trailer and the payload's own length or checksum must both fit: encrypted bytes do so once in a thousand million.

References: RFC 4303, 2410, 4543, 5879 (the heuristics); RFC 3948 (in UDP).
"""

from __future__ import annotations

from struct import Struct, unpack

from imsniff.net.packet import IP_PROTOCOLS, UDP_TUNNELS, Buffer, Packet, Step
from imsniff.net.segment import TCP, UDP

HEADER = 8
LAYOUTS = ((0, 12), (0, 16), (8, 16), (0, 24), (0, 32))
"""Lengths of IV and check value: HMAC with MD5 or SHA-1; SHA-256; AES-GMAC; SHA-384; SHA-512."""
COUNT = bytes(range(1, 256))
"""The padding."""
PORT = 4500

_WORD = Struct("!H").unpack_from


def esp(packet: Packet) -> Step | None:
    if packet.end != packet.stop:
        return None
    data, end = packet.data, packet.end
    for vector, check in LAYOUTS:
        start, trailer = packet.at + HEADER + vector, end - check - 2
        if trailer < start:
            continue
        padding, following = data[trailer], data[trailer + 1]
        stop = trailer - padding
        fits = FITS.get(following)
        if fits is None or stop - start < 8 or data[stop:trailer] != COUNT[:padding]:
            continue
        if fits(packet, data[start:stop]):
            packet.at, packet.end, packet.stop = start, stop, stop
            packet.proven = True
            return IP_PROTOCOLS.get(following)
    return None


def esp_in_udp(packet: Packet) -> Step | None:
    """Four zero bytes in front are a key exchange instead."""
    return esp if packet.has(4) and packet.u16(0) | packet.u16(2) else None


def _udp_fits(_: Packet, payload: Buffer) -> bool:
    return bool(_WORD(payload, 4)[0] == len(payload))


def _tcp_fits(packet: Packet, payload: Buffer) -> bool:
    """By the checksum, which is over the addresses too: hosts fill it in before they encapsulate."""
    header = len(payload) >= 20 and (payload[12] >> 4) * 4
    if not header or not 20 <= header <= len(payload):
        return False
    covered = packet.source + packet.target + bytes(payload)
    covered += bytes(len(covered) % 2)
    words = unpack(f"!{len(covered) // 2}H", covered)
    return (int(sum(words)) + len(payload) + TCP) % 0xFFFF == 0


def _ipv4_fits(_: Packet, payload: Buffer) -> bool:
    return payload[0] >> 4 == 4 and bool(_WORD(payload, 2)[0] == len(payload))


def _ipv6_fits(_: Packet, payload: Buffer) -> bool:
    return payload[0] >> 4 == 6 and bool(_WORD(payload, 4)[0] == len(payload) - 40)


FITS = {TCP: _tcp_fits, UDP: _udp_fits, 4: _ipv4_fits, 41: _ipv6_fits}

IP_PROTOCOLS[50] = esp
UDP_TUNNELS[PORT] = esp_in_udp
