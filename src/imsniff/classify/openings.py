"""The foreign rules of the signatures as the gate's porch takes them: first bytes that end a look before it begins.

A rule goes down only where its first bytes say all it asks for. Rules of messengers that can begin with the same bytes
go with it, as doubts: what they may match comes up, and is decided here as everything is.
"""

from __future__ import annotations

from collections.abc import Iterable

from imsniff.classify.conversation import FOREIGN
from imsniff.net.porch import Opening, Sets
from imsniff.net.segment import TCP, UDP
from imsniff.rules.head import Head
from imsniff.rules.schema import PayloadRule

PROTOCOLS = {"tcp": TCP, "udp": UDP}


def openings(rules: Iterable[PayloadRule]) -> tuple[Opening, ...]:
    rules = tuple(rules)
    return tuple(
        Opening(PROTOCOLS[transport], rule.expression.head.sets, _doubts(rule, transport, rules))
        for rule in rules
        if rule.protocol == FOREIGN
        and rule.side == "either"
        and rule.expression.head.exact
        and not rule.expression.to_end
        for transport in sorted(rule.transport)
    )


def _doubts(rule: PayloadRule, transport: str, rules: Iterable[PayloadRule]) -> tuple[Sets, ...]:
    heads = [other.expression.head for other in rules if other.protocol != FOREIGN and transport in other.transport]
    return tuple(dict.fromkeys(_sure(head) for head in heads if not rule.expression.head.excludes(head)))


def _sure(head: Head) -> Sets:
    """The positions that every match reaches."""
    return head.sets[: min(head.lengths)]
