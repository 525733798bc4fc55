"""How the findings of a span stand against those of the span before, and why a finding is not there any more."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from enum import StrEnum
from typing import NamedTuple

from imsniff.base.records import FindingRecord
from imsniff.store import coverage
from imsniff.store.findings import findings, first_sightings
from imsniff.store.opening import Store
from imsniff.store.query import Span


class Change(StrEnum):
    NEW = "new"
    """Never seen before."""
    WORSE = "worse"
    BETTER = "better"
    STANDING = "standing"
    REOPENED = "reopened"
    """Seen before, but not in the span before."""
    GONE = "gone"
    """A host of it was there, and it was not seen."""
    ALLOWED = "allowed"
    """The policy allows it by now."""
    NOT_VERIFIED = "not_verified"
    """Its hosts were not seen at all: it may go on where nobody watched."""


STATES = {change.value: change.value.replace("_", " ").replace("reopened", "re-opened") for change in Change}
"""As they are written for people."""


class Before(NamedTuple):
    """What there was to compare with."""

    name: str
    span: Span
    ranks: Mapping[str, int]
    """Findings by id, with the rank of their severity then."""


def marked(store: Store, found: Collection[FindingRecord], before: Before, allowed: Collection[str]) -> None:
    """Says of each finding of this span how it stands. allowed: ids that the policy allows by now."""
    unknown = [finding.id for finding in found if finding.id not in before.ranks]
    since = before.span.since or ""
    first = {one for one, ts in first_sightings(store, unknown).items() if ts < since} if since else set()
    for finding in found:
        finding.change = str(_standing(finding, before, first, allowed))


def _standing(
    finding: FindingRecord, before: Before, seen_earlier: Collection[str], allowed: Collection[str]
) -> Change:
    if finding.id in allowed:
        return Change.ALLOWED
    rank = before.ranks.get(finding.id)
    if rank is None:
        return Change.REOPENED if finding.id in seen_earlier else Change.NEW
    if finding.severity.rank == rank:
        return Change.STANDING
    return Change.WORSE if finding.severity.rank > rank else Change.BETTER


def missing(
    store: Store,
    span: Span,
    found: Collection[FindingRecord],
    before: Before,
    allows: Callable[[Collection[FindingRecord], Span], Collection[str]],
) -> list[FindingRecord]:
    """The findings of the span before that were not seen in this one, each with the reason. allows: the ids of those
    which, as sighted within a span, the policy allows by now."""
    here = {finding.id for finding in found}
    ids = [one for one in before.ranks if one not in here]
    gone = findings(store, before.span, ids)
    if lost := set(ids) - {finding.id for finding in gone}:  # a named audit may have known what was purged since
        gone += findings(store, ids=lost)
    permitted = allows(gone, before.span)
    alive = coverage.alive(store, {span.host for finding in gone for span in finding.hosts}, span)
    alive |= {span.host for finding in found for span in finding.hosts}  # also where no flow of theirs began
    for finding in gone:
        there = any(one.host in alive for one in finding.hosts)
        finding.change = str(
            Change.ALLOWED if finding.id in permitted else Change.GONE if there else Change.NOT_VERIFIED
        )
    return gone
