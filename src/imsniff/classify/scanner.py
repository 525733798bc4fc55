"""Which payload rules the first bytes of one direction match.

A `start` rule counts at the first byte of the data only; an `anywhere` rule counts anywhere in a stream that was met
mid-stream, and at the first byte otherwise. Whatever a rule matches must end within its own `within` bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

from imsniff.rules.engines import Bytes, Engine, Needle, engine
from imsniff.rules.head import LONGEST
from imsniff.rules.schema import PayloadRule

FOREIGN = "foreign"
"""The `protocol` of rules that tell what is certainly no messenger, so that it need not be looked at longer."""

EngineName = Literal["auto", "hyperscan", "re"]


KEEPALIVE = rb"[\r\n\0]*+\Z|(?s:.{0,4}+\Z|.{4}\x21\x12\xa4\x42)"
"""Blank lines (RFC 5626 §3.5.1), zeros, up to four bytes of anything (what SIP phones send to keep NAT open), or STUN,
which shares the SIP port: no such datagram says what its flow is."""


def unmatchable(rules: Iterable[PayloadRule], transport: str) -> bytes:
    """A pattern of first bytes with which no messenger's rule can match, whatever follows: LONGEST of a stream, or what
    a datagram has of them. It is to look at no more."""
    begun = {rule.expression.begun for rule in rules if transport in rule.transport and rule.protocol != FOREIGN}
    enough = b"" if transport == "udp" else b"(?=(?s:.{%d}))" % LONGEST
    return enough + b"(?!%b)" % ("|".join(sorted(begun)).encode() or b"(?!)")


class Scanner:
    """Looks for all rules at once. One scanner may be used by several threads."""

    def __init__(self, rules: Iterable[PayloadRule], engine: EngineName = "auto") -> None:
        self._rules = tuple(rules)
        self._engine: EngineName = engine
        self._compiled: dict[tuple[str, bool], tuple[Engine, tuple[PayloadRule, ...]]] = {}
        self._unmatchable: re.Pattern[bytes] | None = None

    def scan(self, data: Bytes, transport: str, *, midstream: bool = False) -> tuple[PayloadRule, ...]:
        """The rules that match, each once, in the order of the set.

        `transport` is `tcp` or `udp`; `midstream`: the data does not begin where its stream began."""
        ready = self._compiled.get((transport, midstream))
        if ready is None:  # two threads may both compile: the results are the same
            ready = self._compiled[transport, midstream] = self._compile(transport, midstream=midstream)
        looks, rules = ready
        found = looks.find(data)
        return tuple([rules[number] for number in found]) if found else ()

    def unmatchable(self, data: Bytes) -> bool:
        """Whether no messenger's rule can match a stream that begins like this, whatever follows."""
        if self._unmatchable is None:
            self._unmatchable = re.compile(unmatchable(self._rules, "tcp"))
        return self._unmatchable.match(data, 0, LONGEST) is not None

    def _compile(self, transport: str, *, midstream: bool) -> tuple[Engine, tuple[PayloadRule, ...]]:
        rules = tuple(rule for rule in self._rules if transport in rule.transport)
        needles = [Needle(rule.expression, rule.anchored or not midstream, rule.within) for rule in rules]
        return engine(self._engine, needles), rules
