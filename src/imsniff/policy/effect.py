"""What a policy says, in sentences, and what it makes of sessions that were seen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from imsniff.base.records import SessionRecord
from imsniff.policy.policy import Policy
from imsniff.policy.rule import Rule


def sentences(policy: Policy) -> Iterator[str]:
    """One a rule, those that are asked first in front, and what is said of risks, ports and people."""
    for rule, allows in policy.in_order:
        said = f"{'Allowed' if allows else 'Forbidden'}: {rule.sentence()} ({rule.name})"
        why = "; ".join(part for part in (rule.reason, rule.owner and f"owner {rule.owner}") if part)
        yield f"{said}: {why}" if why else said
    for risk, severity in policy.severity.items():
        yield f"{risk} is of severity {severity}"
    for risk in sorted(policy.off):
        yield f"{risk} is not looked for"
    for protocol, ports in policy.ports.items():
        yield f"{protocol} is expected on {', '.join(map(str, sorted(ports)))}, too"
    for group in policy.regulated:
        who = " or ".join((*group.accounts, *group.hosts))
        where = " or ".join(group.recorded) or "nothing"
        yield f"Talk of {who} must be recorded ({group.name}), and is on {where}"
    if policy.conduct.announcers:
        yield f"{', '.join(policy.conduct.announcers)} may tell many people the same"
    if policy.conduct.shared_hosts:
        yield f"{', '.join(policy.conduct.shared_hosts)}: many people work there"


class Effect(NamedTuple):
    rule: Rule
    allows: bool
    sessions: int
    people: int
    """Accounts, or hosts where there is none."""


def effects(policy: Policy, sessions: Iterable[SessionRecord]) -> tuple[list[Effect], int]:
    """How many sessions each rule decides, in the order of `sentences`, and how many none does."""
    decided: dict[int, list[SessionRecord]] = {}
    left = 0
    for session in sessions:
        number = policy.decides(session)
        if number is None:
            left += 1
        else:
            decided.setdefault(number, []).append(session)
    return [
        Effect(rule, allows, len(of := decided.get(number, [])), len({one.account or one.client_ip for one in of}))
        for number, (rule, allows) in enumerate(policy.in_order)
    ], left
