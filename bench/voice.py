"""Calls without what set them up: RTP in G.711 with RTCP on the port above, and STUN before a browser's calls."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from random import Random
from typing import NamedTuple

from bench.chance import opaque, skewed
from bench.wire import CLIENT, MILLI, SERVER, Ends, Packet, Turn, roads

PORTS = 20_600, 22_200
"""Where nothing else is registered that a dissector could take the voice for."""
FRAME = 160
"""Bytes, and ticks of the clock, of 20 ms."""
REPORT_EVERY = 250
"""Frames: five seconds."""
MAGIC = 0x2112A442
USERNAME, INTEGRITY, PRIORITY, XOR_ADDRESS, CONTROLLING, FINGERPRINT = 6, 8, 0x24, 0x20, 0x802A, 0x8028


class Talker(NamedTuple):
    source: int
    seq: int
    clock: int

    def frame(self, dice: Random, number: int) -> bytes:
        marker = 0x80 if number == 0 else 0
        seq, clock = self.seq + number & 0xFFFF, self.clock + FRAME * number & 0xFFFFFFFF
        return struct.pack("!BBHII", 0x80, marker, seq, clock, self.source) + opaque(dice, FRAME)

    def report(self, number: int, other: Talker) -> bytes:
        """What was sent and what was heard, and under which name."""
        clock = self.clock + FRAME * number & 0xFFFFFFFF
        now = 0xEA000000 + number // 50, number % 50 * 85_899_345
        sent = struct.pack("!6I", self.source, *now, clock, number, FRAME * number)
        heard = struct.pack("!6I", other.source, 0, other.seq + number, 12, 0, 0)
        name = struct.pack("!IBB", self.source, 1, 20) + b"%020x" % self.source + b"\x00\x00"
        length = len(name) // 4
        return struct.pack("!BBH", 0x81, 200, 12) + sent + heard + struct.pack("!BBH", 0x81, 202, length) + name


def call(dice: Random, ends: Ends) -> Iterator[Packet]:
    """Both directions, a frame every 20 ms each; reports beside."""
    port, other = (dice.randrange(*PORTS, 2) for _ in range(2))
    voice, control = (roads(ends._replace(client_port=port + odd, server_port=other + odd), 17) for odd in (0, 1))
    talkers = [Talker(dice.getrandbits(32), dice.getrandbits(15), dice.getrandbits(31)) for _ in range(2)]
    for number in range(skewed(dice, 50, 3_000)):
        for side in (CLIENT, SERVER):
            yield 10 * MILLI, voice[side].udp(talkers[side].frame(dice, number))
            if number % REPORT_EVERY == REPORT_EVERY - 1:
                yield MILLI, control[side].udp(talkers[side].report(number, talkers[1 - side]))


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)


def stun_message(kind: int, transaction: bytes, *attributes: bytes) -> bytes:
    body = b"".join(attributes)
    head = struct.pack("!HHI", kind, len(body) + 8, MAGIC) + transaction
    check = zlib.crc32(head + body) ^ 0x5354554E
    return head + body + attribute(FINGERPRINT, check.to_bytes(4, "big"))


def stun(dice: Random) -> Iterator[Turn]:
    """A browser's checks of a pair of addresses."""
    username = f"{dice.getrandbits(24):06x}:{dice.getrandbits(24):06x}".encode()
    port = dice.randrange(20_000, 60_000) ^ MAGIC >> 16
    reflexive = struct.pack("!BBHI", 0, 1, port, dice.getrandbits(32))
    for number in range(dice.randrange(1, 8)):
        transaction = opaque(dice, 12)
        asked = (
            attribute(USERNAME, username),
            attribute(CONTROLLING, opaque(dice, 8)),
            attribute(PRIORITY, struct.pack("!I", 1_853_693_695)),
        )
        proof = attribute(INTEGRITY, opaque(dice, 20))
        yield CLIENT, stun_message(0x0001, transaction, *asked, proof), 2_500 * MILLI if number else MILLI
        yield SERVER, stun_message(0x0101, transaction, attribute(XOR_ADDRESS, reflexive), proof), 30 * MILLI
