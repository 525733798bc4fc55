"""What was watched: packets by the hour, and which inside hosts were alive."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import func, select

from imsniff.store.opening import Store
from imsniff.store.query import Span
from imsniff.store.schema import HOST_SEEN, WATCHED


class Watched(NamedTuple):
    """Of a span, in whole hours: an hour that it only reaches into counts."""

    packets: int
    first: str | None
    """The first packet, and the last."""
    last: str | None
    captures: list[str]
    runs: set[int]
    hours: int
    """Hours in which any packet was seen."""


def watched(store: Store, span: Span) -> Watched:
    where = []
    if span.since is not None:
        where.append(WATCHED.c.last_seen >= span.since)
    if span.until is not None:
        where.append(WATCHED.c.first_seen < span.until)
    with store.connect() as connection:
        rows = connection.execute(select(WATCHED).where(*where).order_by(WATCHED.c.first_seen)).all()
    return Watched(
        packets=sum(row.packets for row in rows),
        first=min((row.first_seen for row in rows), default=None),
        last=max((row.last_seen for row in rows), default=None),
        captures=list(dict.fromkeys(row.capture for row in rows)),
        runs={row.run for row in rows},
        hours=len({row.hour for row in rows}),
    )


def ends(store: Store) -> tuple[str, str] | None:
    """Times of the first and the last packet of all that was ever watched."""
    with store.connect() as connection:
        row = connection.execute(select(func.min(WATCHED.c.first_seen), func.max(WATCHED.c.last_seen))).one()
    return None if row[0] is None else (row[0], row[1])


def alive(store: Store, hosts: Collection[str], span: Span) -> set[str]:
    """Those of these hosts of which a flow began within the span, by the hour."""
    where = []
    if span.since is not None:
        where.append(HOST_SEEN.c.day >= span.since[:10])
    if span.until is not None:
        where.append(HOST_SEEN.c.day <= span.until[:10])
    with store.connect() as connection:
        rows = connection.execute(select(HOST_SEEN).where(*where)).all()
    wanted = set(hosts)
    return {row.host for row in rows if row.host in wanted and row.hours & _hours(row.day, span)}


def _hours(day: str, span: Span) -> int:
    """The hours of a day that the span reaches into, a bit each."""
    first = int(span.since[11:13]) if span.since is not None and span.since[:10] == day else 0
    last = 24
    if span.until is not None and span.until[:10] == day:
        last = int(span.until[11:13]) + (span.until[14:] > "00:00.000000Z")
    return (1 << last) - (1 << first) if last > first else 0
