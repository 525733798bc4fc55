"""The foreign rules of the signatures in the form that the gate's hold queue takes: first bytes that end a look early.

Beside them goes what no rule can match: to begin so says something where both sides of a connection do, or a number of
datagrams; and datagrams that say nothing.

A rule goes down only where its first bytes say all it asks for. Rules of messengers that can begin with the same bytes
go with it, as doubts: what they may match comes up, and is decided here as everything is.
"""

from __future__ import annotations

from collections.abc import Iterable

from imsniff.classify.scanner import FOREIGN, KEEPALIVE, unmatchable
from imsniff.net.hold_queue import Opening, OpeningKind
from imsniff.net.segment import TCP, UDP
from imsniff.rules.schema import PayloadRule

PROTOCOLS = {"tcp": TCP, "udp": UDP}


def openings(rules: Iterable[PayloadRule]) -> tuple[Opening, ...]:
    """What a hold queue asks flows for."""
    rules = tuple(rules)
    return (
        *(
            Opening(PROTOCOLS[transport], _doubts(rule, transport, rules) + rule.expression.head.pattern)
            for rule in rules
            if rule.protocol == FOREIGN and rule.side == "either"
            if rule.expression.head.exact and not rule.expression.to_end
            for transport in sorted(rule.transport)
        ),
        *(
            Opening(protocol, unmatchable(rules, transport), OpeningKind.UNMATCHABLE)
            for transport, protocol in PROTOCOLS.items()
        ),
        Opening(UDP, KEEPALIVE, OpeningKind.NOTHING),
    )


def _doubts(rule: PayloadRule, transport: str, rules: Iterable[PayloadRule]) -> bytes:
    """Look-aheads that leave out what a messenger's rule can match too."""
    heads = [other.expression.head for other in rules if other.protocol != FOREIGN and transport in other.transport]
    doubts = dict.fromkeys(head.pattern for head in heads if not rule.expression.head.excludes(head))
    return b"".join(b"(?!%b)" % doubt for doubt in doubts)
