"""Spans of time as people write them: `last-week`, `2026-W47`, `7d`, `month`, in a time zone of theirs."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)
_WEEK = timedelta(days=7)
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": _DAY, "w": _WEEK}
_LENGTH = re.compile(r"([0-9]{1,5})([mhdw])")
_ISO_WEEK = re.compile(r"([0-9]{4})-W([0-9]{2})")
_MONTH = re.compile(r"([0-9]{4})-([0-9]{2})")

WANTED = "give one as 2026-11-22, 2026-11-22T14:30:00Z, 7d, 24h, yesterday, last-week, 2026-W47 or 2026-11"


class Period(NamedTuple):
    """From `since` to before `until`; both with a time zone."""

    since: datetime
    until: datetime

    @property
    def texts(self) -> tuple[str, str]:
        """Both as records write times."""
        return text(self.since), text(self.until)

    @property
    def before(self) -> Period:
        """The span before it: the month before a month, else one of the same length on the wall clock."""
        since, until = self
        if since.day == until.day == 1 and since.time() == until.time() == datetime.min.time():
            months = (until.year - since.year) * 12 + until.month - since.month
            return Period(_months_back(since, months), since)
        length = until.replace(tzinfo=None) - since.replace(tzinfo=None)
        return Period(since - length, since)


def text(moment: datetime) -> str:
    """As records write times: RFC 3339, UTC, microseconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def read(written: str, now: datetime, zone: ZoneInfo | None = None) -> Period:
    """A period by its name; a date is that day. Raises ValueError. Words that look back do so from `now`."""
    word = written.strip().lower()
    local = now.astimezone(zone or UTC)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    if named := _NAMED.get(word):
        return named(midnight)
    if found := _LENGTH.fullmatch(word):
        return Period(local - int(found[1]) * _UNITS[found[2]], local)
    if found := _ISO_WEEK.fullmatch(word.upper()):
        return _week(datetime.fromisocalendar(int(found[1]), int(found[2]), 1).replace(tzinfo=midnight.tzinfo))
    if found := _MONTH.fullmatch(word):
        return _month(midnight.replace(year=int(found[1]), month=int(found[2]), day=1))
    moment = datetime.fromisoformat(written.strip())
    moment = moment.replace(tzinfo=midnight.tzinfo) if moment.tzinfo is None else moment
    return Period(moment, moment + _DAY)


def _months_back(first: datetime, months: int) -> datetime:
    year, month = divmod(first.year * 12 + first.month - 1 - months, 12)
    return first.replace(year=year, month=month + 1)


def _monday(midnight: datetime) -> datetime:
    return midnight - timedelta(days=midnight.weekday())


def _first(midnight: datetime) -> datetime:
    return midnight.replace(day=1)


def _week(day: datetime) -> Period:
    return Period(_monday(day), _monday(day) + _WEEK)


def _month(day: datetime) -> Period:
    return Period(_first(day), _months_back(_first(day), -1))


_NAMED: dict[str, Callable[[datetime], Period]] = {
    "today": lambda day: Period(day, day + _DAY),
    "yesterday": lambda day: Period(day - _DAY, day),
    "week": _week,
    "this-week": _week,
    "last-week": lambda day: _week(day).before,
    "month": _month,
    "this-month": _month,
    "last-month": lambda day: _month(day).before,
}
