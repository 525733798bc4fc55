"""What people see: notes on standard error, tables on standard output, progress on a terminal only."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import click

from imsniff.escape import visible

SEVERITY_STYLES = {
    "critical": "bold white on red",
    "high": "bold red",
    "medium": "yellow",
    "low": "cyan",
    "info": "dim",
}


class Voice:
    """Standard error, as loud as -q and -v say."""

    def __init__(self, level: int = 0) -> None:
        self.level = level

    def note(self, text: str) -> None:
        """Good to know; silent with -q."""
        if self.level >= 0:
            click.echo(visible(text), err=True)

    def detail(self, text: str) -> None:
        """Only with -v."""
        if self.level >= 1:
            click.echo(visible(text), err=True)

    def warn(self, text: str) -> None:
        """Silent with -qq."""
        if self.level >= -1:
            click.echo(f"imsniff: {visible(text)}", err=True)

    def error(self, text: str) -> None:
        click.echo(f"imsniff: {visible(text)}", err=True)


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


class Progress(Protocol):
    def __call__(self, label: str, done: int, total: int | None) -> None:
        """Bytes of one input."""


@contextmanager
def progress(voice: Voice) -> Iterator[Progress]:
    """A bar an input on standard error, where that is a terminal and nobody asked for quiet."""
    if voice.level < 0 or not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, int] = {}

        def show(label: str, done: int, total: int | None) -> None:
            if label not in tasks:
                tasks[label] = bars.add_task(visible(label), total=total)
            bars.update(tasks[label], completed=done)  # type: ignore[arg-type]  # rich's TaskID is an int
            if total is not None and done >= total:
                bars.remove_task(tasks.pop(label))  # type: ignore[arg-type]

        yield show
