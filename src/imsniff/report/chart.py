"""The timeline as stacked bars: numbers for an inline SVG, no script, no picture file."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from imsniff.report.timeline import Timeline

WIDTH, HEIGHT = 960, 230
"""User units of the whole picture; it scales."""
LEFT, RIGHT, TOP, BOTTOM = 44, 8, 10, 34

COLOURS = ("#2f6db5", "#d9792b", "#3a9466", "#b3478f", "#c9a227", "#5b4fb3", "#32a3b0", "#8a8f99")
"""The colours of the style sheet on light ground (`--c0` ...), for printers that do not style pictures. The
colour-blind can tell them apart; further protocols share the last."""


class Piece(NamedTuple):
    x: float
    y: float
    width: float
    height: float
    colour: int
    label: str


class Mark(NamedTuple):
    at: float
    label: str


class Chart(NamedTuple):
    pieces: list[Piece]
    across: list[Mark]
    """Times below the bars."""
    up: list[Mark]
    """Figures left of the bars, with lines."""
    legend: list[tuple[str, int, int]]
    """Protocol, colour, sessions; most first."""
    said: str
    """The picture in words."""


def chart(timeline: Timeline) -> Chart | None:
    """None where there is nothing to draw."""
    if not timeline.bars:
        return None
    totals: Counter[str] = Counter()
    for bar in timeline.bars:
        totals.update(bar.counts)
    protocols = [protocol for protocol, _ in sorted(totals.items(), key=lambda item: (-item[1], item[0]))]
    colour = {protocol: min(number, len(COLOURS) - 1) for number, protocol in enumerate(protocols)}
    top = _round_up(max(sum(bar.counts.values()) for bar in timeline.bars))
    unit = (HEIGHT - TOP - BOTTOM) / top
    slot = (WIDTH - LEFT - RIGHT) / len(timeline.bars)
    width = min(slot * 0.82, 56.0)
    pieces = []
    for number, bar in enumerate(timeline.bars):
        x, y = LEFT + slot * number + (slot - width) / 2, float(HEIGHT - BOTTOM)
        for protocol in protocols:
            if count := bar.counts.get(protocol):
                y -= count * unit
                label = f"{_label(bar.begins, timeline.step_seconds)}: {count} {protocol}"
                pieces.append(
                    Piece(round(x, 2), round(y, 2), round(width, 2), round(count * unit, 2), colour[protocol], label)
                )
    every = max(1, -(-len(timeline.bars) // 8))
    across = [
        Mark(round(LEFT + slot * (number + 0.5), 2), _label(bar.begins, timeline.step_seconds))
        for number, bar in enumerate(timeline.bars)
        if number % every == 0
    ]
    steps = next(n for n in (4, 5, 2, 3, 1) if top % n == 0)
    up = [Mark(round(HEIGHT - BOTTOM - top * unit * n / steps, 2), str(top * n // steps)) for n in range(steps + 1)]
    legend = [(protocol, colour[protocol], totals[protocol]) for protocol in protocols]
    said = "Sessions by protocol: " + ", ".join(f"{protocol} {count}" for protocol, _, count in legend)
    return Chart(pieces, across, up, legend, said)


def _round_up(value: int) -> int:
    """The next figure that divides well."""
    for top in (1, 2, 4, 5, 8, 10):
        if value <= top:
            return top
    size = int(10 ** (len(str(value)) - 1))
    return -(-value // size) * size if value // size >= 4 else -(-value * 2 // size) * size // 2


def _label(begins: str, step: int) -> str:
    day, time = begins[:10], begins[11:19]
    if step >= 86_400:
        return day
    return f"{day[5:]} {time[:5]}" if step >= 60 else time
