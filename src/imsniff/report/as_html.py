"""The report as one HTML file that needs nothing else and runs nothing."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from imsniff.base.escape import visible
from imsniff.base.limits import MAX_APPENDIX_ROWS
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

FEW = 12
"""Rows of a table in the part that is to be read, which has three printed pages."""


def _shown(value: Any) -> Any:  # noqa: ANN401 - whatever a template prints
    """What jinja prints of an expression. Subclasses of str are our own mark-up or enums: safe as they are."""
    return visible(value) if type(value) is str else value


def as_html(report: Report) -> str:
    environment = Environment(
        loader=PackageLoader("imsniff.report", ""), autoescape=True, undefined=StrictUndefined, finalize=_shown
    )
    return environment.get_template("page.html.j2").render(
        r=report,
        tiles=TILES,
        most=MAX_APPENDIX_ROWS,
        few=FEW,
        states=STATES,
        chart=chart(report.timeline),
        colours=COLOURS,
        chart_width=WIDTH,
        chart_height=HEIGHT,
        chart_left=LEFT,
    )
