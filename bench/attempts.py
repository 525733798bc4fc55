"""Connections that come to nothing: refused, or to somebody who is not there; scanners and old configurations."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from bench.wire import ACK, CLIENT, MILLI, RST, SERVER, SYN, Ends, Packet, roads

PORTS = (22, 23, 80, 443, 445, 1433, 3306, 3389, 5432, 5900, 8080, 8443, 9100, 25565)
OPTIONS = b"\x02\x04\x05\xb4\x01\x01\x04\x02"
"""Of a SYN: the segment size, and that selective acknowledgements are understood."""


def attempt(dice: Random, ends: Ends) -> Iterator[Packet]:
    road = roads(ends._replace(server_port=dice.choice(PORTS)), 6)
    seq = dice.getrandbits(32)
    yield 0, road[CLIENT].tcp(seq, 0, SYN, OPTIONS, b"")
    if dice.random() < 0.4:
        yield 20 * MILLI, road[SERVER].tcp(0, seq + 1, RST | ACK, b"", b"")
    else:
        for doubled in range(dice.randrange(4)):
            yield 1_000 * MILLI << doubled, road[CLIENT].tcp(seq, 0, SYN, OPTIONS, b"")
