"""Durations and sizes as people write them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    Base = click.ParamType[float]  # generic in the types only
else:
    Base = click.ParamType

_WRITTEN = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)([a-z]*)", re.IGNORECASE)


class _Unit(Base):
    def __init__(self, name: str, units: dict[str, float], example: str) -> None:
        self.name = name
        self._units = units
        self._example = example

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        written = _WRITTEN.fullmatch(str(value).strip())
        factor = self._units.get(written[2].lower()) if written else None
        if written is None or factor is None or not float(written[1]):
            self.fail(f"{value!r} is no {self.name}; give one as {self._example}", param, ctx)
        return float(written[1]) * factor


DURATION = _Unit("duration", {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}, "90s, 15m, 2h or 1d")
"""Seconds."""
SIZE = _Unit("size", {"": 1, "k": 1024, "kb": 1024, "m": 1 << 20, "mb": 1 << 20, "g": 1 << 30, "gb": 1 << 30}, "100M")
"""Bytes."""
