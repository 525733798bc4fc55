"""Tables on standard output: drawn on a terminal, tab-separated with a header line when piped."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

import click

from imsniff.base.escape import visible


def is_terminal() -> bool:
    return sys.stdout.isatty()


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table on a terminal; tab-separated with a header line when piped. Cells are escaped."""
    shown = [[visible("" if cell is None else str(cell)) for cell in row] for row in rows]
    if not is_terminal():
        for line in ([column.lower().replace(" ", "_") for column in columns], *shown):
            click.echo("\t".join(line))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from imsniff.report.layout import coloured

    made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        made.add_column(column, overflow="fold", justify="right" if column == "Count" else "left")
    for cells in shown:
        made.add_row(*map(Text, cells))
    Console(color_system="auto" if coloured() else None).print(made)
