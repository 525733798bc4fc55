"""Sessions over time, in as many bars as a page can show."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from imsniff.base.limits import MAX_REPORT_BARS
from imsniff.base.records import SessionRecord

STEPS = [
    timedelta(seconds=1),
    timedelta(seconds=10),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=6),
    timedelta(days=1),
    timedelta(days=7),
    timedelta(days=30),
    timedelta(days=365),
]
"""Widths of a bar that people can name; beyond the last, multiples of it."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Bar(Struct):
    begins: str
    """RFC 3339."""
    counts: dict[str, int]
    """Sessions that began within it, by protocol."""


class Timeline(Struct):
    step_seconds: int
    bars: list[Bar]
    """Without holes, oldest first."""


def timeline(sessions: list[SessionRecord]) -> Timeline:
    """Empty for no sessions."""
    moments = [(_moment(session.first_seen), session.protocol) for session in sessions]
    if not moments:
        return Timeline(0, [])
    first, last = min(moments)[0], max(moments)[0]
    step = _step(last - first)
    start = EPOCH + (first - EPOCH) // step * step
    borders = [start + step * number for number in range((last - start) // step + 1)]
    counts: list[Counter[str]] = [Counter() for _ in borders]
    for moment, protocol in moments:
        counts[bisect_right(borders, moment) - 1][protocol] += 1
    bars = [Bar(_text(border), dict(sorted(count.items()))) for border, count in zip(borders, counts, strict=True)]
    return Timeline(int(step.total_seconds()), bars)


def _step(length: timedelta) -> timedelta:
    for step in STEPS:
        if length / step < MAX_REPORT_BARS - 1:
            return step
    return STEPS[-1] * (int(length / STEPS[-1] / (MAX_REPORT_BARS - 1)) + 1)


def _moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
