"""What the findings said of records: the excerpt that was kept of each, by the record's id."""

from __future__ import annotations

from sqlalchemy import select

from imsniff.base.limits import MAX_REPORT_ROWS
from imsniff.store.opening import Store
from imsniff.store.query import Span
from imsniff.store.schema import SIGHTING, TABLES


def excerpts(store: Store, kind: str, span: Span) -> dict[str, str]:
    """Of the records of one kind within the times of the span, the first ones only where there are very many."""
    table = TABLES[kind]
    asked = select(SIGHTING.c.record, SIGHTING.c.excerpt).join(table, table.c.id == SIGHTING.c.record)
    if span.since is not None:
        asked = asked.where(table.c.ts >= span.since)
    if span.until is not None:
        asked = asked.where(table.c.ts < span.until)
    with store.connect() as connection:
        rows = connection.execute(asked.order_by(SIGHTING.c.ts).limit(10 * MAX_REPORT_ROWS))
        return {row.record: row.excerpt for row in rows}
