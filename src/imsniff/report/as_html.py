"""The report as one HTML file that needs nothing else and runs nothing."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from imsniff.base.escape import visible
from imsniff.base.limits import MAX_APPENDIX_ROWS, MAX_RISK_ROWS
from imsniff.report.changes import STATES
from imsniff.report.chart import COLOURS, HEIGHT, LEFT, WIDTH, chart
from imsniff.report.model import Report

TILES = (
    ("findings", "findings"),
    ("sessions", "sessions"),
    ("hosts", "client hosts"),
    ("accounts", "accounts"),
    ("messages", "messages"),
    ("credentials", "log-ins seen"),
    ("transfers", "files"),
    ("exposures", "addresses told"),
)

FEW = 10
"""Rows of a table in the part that is to be read, which has three printed pages."""

SHORT = 38
"""Characters of a name there; the appendix has it whole."""


def _shown(value: Any) -> Any:  # noqa: ANN401 - whatever a template prints
    """What jinja prints of an expression. Subclasses of str are our own mark-up or enums: safe as they are."""
    return visible(value) if type(value) is str else value


def _short(value: str) -> str:
    """A name with its middle left out where it is long: beginnings and ends tell names apart."""
    text = visible(value)
    return text if len(text) <= SHORT else f"{text[: SHORT // 2]}…{text[1 - SHORT // 2 :]}"


def as_html(report: Report, *, per_risk: int = MAX_RISK_ROWS, most: int = MAX_APPENDIX_ROWS) -> str:
    """per_risk: findings listed of each risk. most: rows of each other table of the appendix."""
    environment = Environment(
        loader=PackageLoader("imsniff.report", ""), autoescape=True, undefined=StrictUndefined, finalize=_shown
    )
    environment.filters["short"] = _short
    return environment.get_template("page.html.j2").render(
        r=report,
        tiles=TILES,
        per_risk=per_risk,
        most=most,
        few=FEW,
        states=STATES,
        chart=chart(report.timeline),
        colours=COLOURS,
        chart_width=WIDTH,
        chart_height=HEIGHT,
        chart_left=LEFT,
    )
