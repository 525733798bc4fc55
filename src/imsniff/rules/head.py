"""Which bytes a match can begin with: what lets one rule be told from another without looking at any data.

A head says for each of the first positions of a part which bytes may stand there, and how long the part can be. It may
allow more than the pattern does, never less: two heads that allow no common byte at some position, which both are sure
to reach, never match the same data. Bytes are one bit each of a number of 256 bits.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

from imsniff.base.limits import HEAD_BYTES

LONGEST = HEAD_BYTES
"""Positions that are told. A length of this many means: so many or more."""

ALL_BYTES = bytes(range(256))
ANY = (1 << 256) - 1


class Head(NamedTuple):
    sets: tuple[int, ...]
    """Position by position, as far as the part can reach."""
    lengths: frozenset[int]
    exact: bool
    """Whether the sets say it all: every combination of their bytes is a match, of this one length."""

    def then(self, other: Head) -> Head:
        if min(self.lengths) >= LONGEST:
            return self._replace(exact=False)
        if len(self.lengths) == 1:  # one stands behind the other
            (size,) = self.lengths
            exact = self.exact and other.exact and size + max(other.lengths) < LONGEST
            lengths = frozenset([min(size + length, LONGEST) for length in other.lengths])
            return Head((self.sets + other.sets)[:LONGEST], lengths, exact)
        sets = list(self.sets)
        for length in self.lengths:
            for at, allowed in enumerate(other.sets, length):
                if at < len(sets):
                    sets[at] |= allowed
                elif at < LONGEST:
                    sets.append(allowed)
        whole = {one + another for one in self.lengths for another in other.lengths}
        exact = self.exact and other.exact and max(whole) < LONGEST
        return Head(tuple(sets), frozenset(min(length, LONGEST) for length in whole), exact)

    def either(self, other: Head) -> Head:
        longer, shorter = sorted((self.sets, other.sets), key=len, reverse=True)
        sets = tuple(allowed | (shorter[at] if at < len(shorter) else 0) for at, allowed in enumerate(longer))
        lengths = self.lengths | other.lengths
        return Head(sets, lengths, self.exact and other.exact and len(lengths) == 1 and len(sets) <= 1)

    def times(self, low: int, high: int | None) -> Head:
        """Repeated; `high` None: endlessly."""
        if self.lengths == {1}:
            most = LONGEST if high is None else min(high, LONGEST)
            lengths = frozenset(range(min(low, LONGEST), most + 1))
            return Head(self.sets * most, lengths, self.exact and low == most < LONGEST)
        whole = NOTHING
        for _ in range(min(low, LONGEST)):
            whole = whole.then(self)
        more = whole
        for _ in range(LONGEST if high is None else min(high - low, LONGEST)):
            more = more.then(self)
            whole = whole.either(more)
            if min(more.lengths) >= LONGEST:
                break
        return whole

    @property
    def sure(self) -> tuple[int, ...]:
        """The sets of the positions that every match reaches."""
        return self.sets[: min(self.lengths)]

    @property
    def pattern(self) -> bytes:
        """What `re` finds in all data that can match."""
        runs = ((_written(allowed), len(list(run))) for allowed, run in groupby(self.sure))
        return b"".join(one if times == 1 else b"%b{%d}" % (one, times) for one, times in runs)

    def excludes(self, other: Head) -> bool:
        """Whether nothing can match both."""
        return any(not one & another for one, another in zip(self.sure, other.sure, strict=False))


NOTHING = Head((), frozenset({0}), exact=True)


@lru_cache(maxsize=1024)
def of_byte(atom: str, *, caseless: bool, dotall: bool) -> Head:
    """The head of a part that matches one byte."""
    flags = (re.IGNORECASE if caseless else re.NOFLAG) | (re.DOTALL if dotall else re.NOFLAG)
    return Head(
        (sum(1 << byte[0] for byte in re.findall(atom.encode(), ALL_BYTES, flags)),), frozenset({1}), exact=True
    )


@lru_cache(maxsize=1024)
def _written(allowed: int) -> bytes:
    """A set as a class of ranges, or shorter: most of the time a pattern costs is that of reading it."""
    if allowed == ANY:
        return b"(?s:.)"
    if not allowed & allowed - 1 and allowed:
        return b"\\x%02x" % (allowed.bit_length() - 1)
    ranges, byte = [], 0
    while allowed >> byte:
        while not allowed >> byte & 1:
            byte += 1
        first = byte
        while allowed >> byte & 1:
            byte += 1
        ranges.append(b"\\x%02x-\\x%02x" % (first, byte - 1))
    return b"[%b]" % b"".join(ranges)
