"""Audits that were kept by name: the span that a report covered and what it found, to compare with later.

A report is computed of what was seen within a span of packet time; nothing is written by looking. Keeping one by name
is for comparing with it after the policy or the span has changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import delete, insert, select

from imsniff.base.escape import storable
from imsniff.store.opening import Store
from imsniff.store.query import Span
from imsniff.store.schema import AUDIT


class Audit(NamedTuple):
    name: str
    made: str
    span: Span
    findings: dict[str, int]
    """By id, the rank of the severity that each had."""


def audits(store: Store) -> list[Audit]:
    """All of them, in order."""
    with store.connect() as connection:
        rows = connection.execute(select(AUDIT).order_by(AUDIT.c.id)).all()
    return [Audit(row.name, row.made, Span(row.since, row.until), row.findings) for row in rows]


def audit_named(store: Store, name: str) -> Audit:
    """Raises LookupError, with the names there are."""
    every = audits(store)
    for one in every:
        if name in (one.name, one.name.removeprefix("audit ")):
            return one
    known = ", ".join(repr(one.name) for one in every[-10:]) or "none yet: keep one with `report --record NAME`"
    raise LookupError(f"no audit was kept as {name!r}; the last are {known}")


def keep(store: Store, name: str, made: str, span: Span, findings: Mapping[str, int]) -> None:
    """Under this name; what was kept under it before is forgotten."""
    name = storable(name)
    row = {"name": name, "made": made, "since": span.since, "until": span.until, "findings": dict(findings)}
    with store.begin() as connection:
        connection.execute(delete(AUDIT).where(AUDIT.c.name == name))
        connection.execute(insert(AUDIT), row)
