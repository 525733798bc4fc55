"""The live view of `imsniff capture`: rates, sessions, the worst findings, losses. On a terminal only."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from imsniff.base.escape import visible
from imsniff.live.collector import Collector
from imsniff.live.counts import Counts

_REFRESH = 0.5
"""Seconds between two pictures."""
_WORST = 8
"""Findings that are listed."""
_COLOURS = {"critical": "bold red", "high": "red", "medium": "yellow", "low": "cyan", "info": "dim"}


class View(Protocol):
    def __call__(self, counts: dict[str, Counts], desk: Collector) -> None:
        """Show how things stand."""


@contextmanager
def live_view() -> Iterator[View]:
    """On standard error, so that standard output keeps the results. Gone when the run ends."""
    from rich.console import Console, Group
    from rich.live import Live
    from rich.table import Table
    from rich.text import Text

    began = last = time.monotonic()
    before: dict[str, Counts] = {}

    def interfaces(counts: dict[str, Counts], seconds: float) -> Table:
        table = Table(box=None, pad_edge=False)
        for title in ("Interface", "Packets", "Packets/s", "MB/s", "Flows", "Skipped", "Lost"):
            table.add_column(title, justify="left" if title == "Interface" else "right", no_wrap=True)
        for name, now in counts.items():
            then = before.get(name, Counts())
            lost = now.lost
            table.add_row(
                visible(name),
                f"{now.packets:,}",
                f"{(now.packets - then.packets) / seconds:,.0f}",
                f"{(now.octets - then.octets) / seconds / 1e6:,.1f}",
                f"{now.flows:,}",
                f"{now.gate_skips:,}",
                Text(f"{lost:,}", style="bold red" if lost else ""),
            )
        return table

    def findings(desk: Collector) -> Table:
        table = Table(box=None, pad_edge=False)
        for title in ("Severity", "Risk", "Subject", "Host", "Count", "Last seen"):
            table.add_column(title, no_wrap=True, overflow="ellipsis")
        for one in desk.found.worst(_WORST):
            severity = Text(one.severity.value, style=_COLOURS.get(one.severity.value, ""))
            table.add_row(severity, one.risk, visible(one.subject), one.host, f"{one.count:,}", one.last_seen[11:19])
        return table

    def picture(counts: dict[str, Counts], desk: Collector, seconds: float) -> Group:
        elapsed = int(time.monotonic() - began)
        clock = f"{elapsed // 3600}:{elapsed // 60 % 60:02}:{elapsed % 60:02}"
        sessions = ", ".join(f"{count:,} {protocol}" for protocol, count in desk.protocols.most_common(6)) or "none yet"
        lines: list[Text | Table] = [
            Text(f"imsniff capture, {clock}, Ctrl-C ends it", style="bold"),
            interfaces(counts, seconds),
            Text(f"Sessions: {sessions}"),
        ]
        queue_drops = sum(one.queue_drops for one in counts.values())
        if queue_drops:
            lines.append(Text(f"{queue_drops:,} records could not be stored in time", style="bold red"))
        if counted := desk.found.by_severity():
            told = ", ".join(f"{count:,} {severity}" for severity, count in counted.items())
            lines += [Text(f"Findings: {told}"), findings(desk)]
        return Group(*lines)

    console = Console(stderr=True)
    with Live(console=console, auto_refresh=False, transient=True) as live:

        def show(counts: dict[str, Counts], desk: Collector) -> None:
            nonlocal last, before
            now = time.monotonic()
            if before and now - last < _REFRESH:
                return
            live.update(picture(counts, desk, max(now - last, 0.001)), refresh=True)
            last, before = now, counts

        yield show
