"""Honest words about the limits of an audit, those of its span with their figures."""

from __future__ import annotations

from collections.abc import Sequence

from imsniff.base.records import SessionRecord
from imsniff.report.changes import Before
from imsniff.report.words import counted
from imsniff.store import coverage, query
from imsniff.store.coverage import Watched
from imsniff.store.opening import Store
from imsniff.store.query import Run, Span


def blind(
    store: Store,
    span: Span,
    sessions: list[SessionRecord],
    runs: Sequence[Run],
    watched: Watched,
    before: Before | None,
) -> list[str]:
    gaps = sum(often for (code,), often in query.values(store, "anomaly", ("code",), span) if code == "stream.gap")
    closed = sum(session.encryption != "none" for session in sessions)
    said = [
        (
            "Only what passes the tapped link: phones on mobile networks, traffic inside a switch and other "
            "sites are not in it. No finding is no proof that there is no messaging."
        ),
        f"Time: packets were seen in {counted(watched.hours, 'hour')} of this span. Nobody knows of the others.",
        (
            f"Inside encryption: {closed:,} of {len(sessions):,} sessions were encrypted. Of those only the ends, the "
            "times, the sizes and what was said before the encryption began are known."
        ),
        f"Bytes that were not captured: {gaps:,} gaps in the streams of this time. What was said there is missing.",
        "People: an account is not a person, and an address may have had another host behind it at another time.",
    ]
    if before is not None and before.span != span and not coverage.watched(store, before.span).packets:
        said.append("The span before was not watched, or it is not known: what is called new may have been there.")
    lost = [one for run in runs for one in run.counters.get("blind", ()) if _within(one, span)]
    if lost:
        first, last = min(str(one["since"]) for one in lost), max(str(one["until"]) for one in lost)
        said.append(
            f"Packets that the sensor lost: {sum(int(one['lost']) for one in lost):,} in {len(lost):,} spans between "
            f"{first[:19]}Z and {last[:19]}Z. Sessions of these times may be missing or have gaps."
        )
    if broken := [one.name for run in runs for one in run.inputs if one.error]:
        said.append(f"Captures that could not be read whole: {', '.join(broken)}.")
    if unfinished := [run.id for run in runs if run.ended is None]:
        said.append(f"Runs that are under way or were killed: {', '.join(map(str, unfinished))}.")
    said.append("This is evidence of what was seen, not an archive of record as SEC 17a-4 or the like mean it.")
    return said


def _within(lost: dict[str, object], span: Span) -> bool:
    return (span.until is None or str(lost["since"]) < span.until) and (
        span.since is None or str(lost["until"]) >= span.since
    )
