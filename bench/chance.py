"""What the dice of a capture decide: opaque bytes and sizes.

Bodies that nobody can read are slices of one pool of random bytes: a sniffer cannot tell them from ciphertext, and they
cost nothing.
"""

from __future__ import annotations

from random import Random

POOL = Random(20_260_000).randbytes(4 << 20)
"""Random bytes everything opaque is cut from."""
LARGEST = 1 << 20
"""Of one slice."""
_STARTS = len(POOL) - LARGEST


def opaque(dice: Random, size: int) -> bytes:
    at = int(dice.random() * _STARTS)
    return POOL[at : at + size]


def skewed(dice: Random, low: int, high: int) -> int:
    """A size between `low` and `high` of which most are small and most bytes are in the large: as on real networks."""
    return int(low * (high / low) ** (dice.random() ** 1.5))
