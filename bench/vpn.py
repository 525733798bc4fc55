"""Private networks over the Internet: ESP in UDP, as gateways between two offices and clients behind NAT use it."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from random import Random

from bench.chance import opaque, skewed
from bench.wire import CLIENT, MICRO, MILLI, SERVER, Turn

KEEPALIVE = b"\xff"


def esp(dice: Random) -> Iterator[Turn]:
    """A tunnel: packets of all sizes both ways."""
    indices, counts = (dice.getrandbits(32) | 0x1000, dice.getrandbits(32) | 0x1000), [0, 0]
    for number in range(skewed(dice, 20, 2_000)):
        side = SERVER if dice.random() < 0.6 else CLIENT
        counts[side] += 1
        size = 4 * dice.choice((18, 18, 20, 35, 140, 350, 350, 350))
        wait = dice.choice((15 * MICRO, 15 * MICRO, MILLI, 60 * MILLI))
        yield side, struct.pack("!II", indices[side], counts[side]) + opaque(dice, size), wait
        if number % 200 == 199:
            yield CLIENT, KEEPALIVE, 20_000 * MILLI
