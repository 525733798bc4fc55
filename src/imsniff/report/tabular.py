"""Tables on standard output: drawn on a terminal, tab-separated with a header line when piped."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence

import click

from imsniff.escape import visible

SEVERITY_STYLES = {
    "critical": "bold white on red",
    "high": "bold red",
    "medium": "yellow",
    "low": "cyan",
    "info": "dim",
}


def is_terminal() -> bool:
    return sys.stdout.isatty()


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str = "", severity: int = -1) -> None:
    """A table on a terminal; tab-separated with a header line when piped. Cells are escaped.

    severity: the column that holds one, to be coloured."""
    shown = [[visible("" if cell is None else str(cell)) for cell in row] for row in rows]
    if not is_terminal():
        for line in ([column.lower().replace(" ", "_") for column in columns], *shown):
            click.echo("\t".join(line))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    made = Table(title=title or None, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        made.add_column(column, overflow="fold", justify="right" if column == "Count" else "left")
    for cells in shown:
        made.add_row(
            *(
                Text(cell, style=SEVERITY_STYLES.get(cell, "") if number == severity else "")
                for number, cell in enumerate(cells)
            )
        )
    Console(no_color=True if "NO_COLOR" in os.environ else None).print(made)
