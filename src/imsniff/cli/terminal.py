"""What people see beside the results: notes and progress, on standard error."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import click

from imsniff.base.escape import visible


class Reporter:
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


class Progress(Protocol):
    def __call__(self, label: str, done: int, total: int | None) -> None:
        """Bytes of one input."""


@contextmanager
def progress(voice: Reporter) -> Iterator[Progress]:
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
