"""What is exported: records of the store, kind by kind, and findings, as one stream."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from imsniff.base.records import KINDS, Record
from imsniff.store import query
from imsniff.store.findings import findings
from imsniff.store.opening import Store
from imsniff.store.query import Span


def exported(store: Store, kinds: Sequence[str], span: Span) -> Iterator[Record]:
    """The asked kinds, each in packet order, kinds in the contract's order whatever order they were asked in."""
    for kind in KINDS:
        if kind not in kinds:
            continue
        if kind == "finding":
            yield from findings(store, span)
        else:
            yield from query.records(store, kind, span)
