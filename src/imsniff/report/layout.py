"""Rows on a terminal of any width, one line each: columns shrink first, then leave, and what is cut shows `…`."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from rich.cells import cell_len

from imsniff.base.escape import visible

GAP = "  "
NARROWEST = 40
"""Columns below which a terminal is not believed."""


def cut_end(text: str, width: int) -> str:
    """At most `width` cells, the end given up."""
    if cell_len(text) <= width:
        return text
    mark = _mark()
    return _begin(text, width - len(mark)) + mark


def cut_middle(text: str, width: int) -> str:
    """At most `width` cells, the middle given up: of a name both ends tell something."""
    if cell_len(text) <= width:
        return text
    mark = _mark()
    left = max(0, width - len(mark))
    return _begin(text, left - left // 2) + mark + _begin(text[::-1], left // 2)[::-1]


_ENDING = re.compile(r"(?:\.(?:pcap|pcapng|cap|dmp))?(?:\.(?:gz|xz|zst))?$", re.IGNORECASE)


def cut_place(text: str, width: int) -> str:
    """`file#frame +n`: the frame is why it is there, so the name of the file gives way, its ending first."""
    if cell_len(text) <= width:
        return text
    name, hash_, frame = text.rpartition("#")
    room = width - cell_len(frame) - 1
    if not hash_ or room <= len(_mark()):
        return cut_end(hash_ + frame, width)
    return cut_middle(_ENDING.sub("", name) or name, room) + hash_ + frame


_DATED = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?: [0-9]{2}:[0-9]{2})?")


def cut_time(text: str, width: int) -> str:
    """A period gives up its end, then the time of day: `2026-11-22 01:08-01:31`, `2026-11-22 01:08`, `2026-11-22`."""
    begins = _DATED.match(text)
    if cell_len(text) <= width or begins is None:
        return cut_end(text, width)
    return begins[0] if len(begins[0]) <= width else cut_end(text[:10], width)


class Column(NamedTuple):
    title: str
    good: int = 0
    """Cells it shrinks to before another column leaves; 0: it does not shrink."""
    least: int = 0
    """Cells it shrinks to when no other column can leave; 0: as `good`."""
    most: int = 60
    """Cells it never exceeds."""
    leaves: int = 0
    """Columns shrink to their least, then leave a narrow terminal, in falling order of this; 0 stays."""
    cut: Callable[[str, int], str] = cut_end
    right: bool = False
    style: str = ""


def width_of_terminal() -> int:
    """In cells; one less than there are, for some terminals wrap when the last one is written."""
    return max(NARROWEST, shutil.get_terminal_size((100, 24)).columns - 1)


def lines(
    columns: Sequence[Column],
    rows: Sequence[Sequence[object]],
    width: int,
    *,
    styles: Sequence[str] = (),
    head: bool = True,
) -> Iterator[str]:
    """The table, a line a row, none wider than `width`. Cells are escaped. styles: of each row's first column."""
    shown = [[visible("" if cell is None else str(cell)) for cell in row] for row in rows]
    kept = [number for number, column in enumerate(columns) if any(row[number] for row in shown)]
    natural = {
        n: min(columns[n].most, max(cell_len(columns[n].title), *(cell_len(row[n]) for row in shown))) for n in kept
    }
    if not kept:
        return
    widths = fit({n: columns[n] for n in kept}, natural, width)
    if head:
        titles = (_cell(columns[n], columns[n].title, widths[n]) for n in widths)
        yield styled(cut_end(GAP.join(titles).rstrip(), width), "dim")
    for number, row in enumerate(shown):
        first = styles[number] if number < len(styles) else ""
        cells = [(_cell(columns[n], row[n], widths[n]), columns[n].style) for n in widths]
        spare = width - sum(cell_len(text) for text, _ in cells) - len(GAP) * (len(cells) - 1)
        if spare < 0:  # narrower than all the least widths together
            yield cut_end(GAP.join(text for text, _ in cells), width)
            continue
        text, _ = cells[-1]
        cells[-1] = (text.rstrip(), cells[-1][1])
        yield GAP.join(
            styled(text, first if place == 0 and first else style) for place, (text, style) in enumerate(cells)
        )


def fit(columns: dict[int, Column], natural: dict[int, int], width: int) -> dict[int, int]:
    """Cells for each column that stays."""
    floors = {n: c.good or natural[n] for n, c in columns.items()}
    while True:
        widths = _shrunk({n: natural[n] for n in floors}, floors, width)
        if _total(widths) <= width:
            return widths
        giving = max(floors, key=lambda n: columns[n].leaves, default=None)
        if giving is None or not columns[giving].leaves:
            return _shrunk(widths, {n: columns[n].least or floors[n] for n in floors}, width)
        if floors[giving] > (least := columns[giving].least) > 0:
            floors[giving] = least
        else:
            del floors[giving]


def _shrunk(widths: dict[int, int], floors: dict[int, int], width: int) -> dict[int, int]:
    """The widest gives first, a cell at a time."""
    made = dict(widths)
    while _total(made) > width:
        able = [n for n in made if made[n] > floors[n]]
        if not able:
            break
        made[max(able, key=lambda n: made[n])] -= 1
    return made


def _total(widths: dict[int, int]) -> int:
    return sum(widths.values()) + len(GAP) * (len(widths) - 1)


def _cell(column: Column, text: str, width: int) -> str:
    text = column.cut(text, width)
    space = " " * (width - cell_len(text))
    return space + text if column.right else text + space


def _begin(text: str, width: int) -> str:
    """As many characters as have room in `width` cells."""
    if len(text) * 2 <= width:
        return text
    taken = 0
    for number, char in enumerate(text):
        taken += cell_len(char)
        if taken > width:
            return text[:number]
    return text


def _mark() -> str:
    return "…" if unicode_terminal() else ".."


def unicode_terminal() -> bool:
    """Whether standard output takes more than ASCII."""
    try:
        "…".encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


CODES = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "cyan": "36",
    "white": "37",
    "on_red": "41",
}

SEVERITY_STYLES = {
    "critical": "bold white on_red",
    "high": "bold red",
    "medium": "yellow",
    "low": "cyan",
    "info": "dim",
}


def coloured() -> bool:
    """Whether a terminal is there that wants colours (no-color.org: set and not empty means no)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def styled(text: str, style: str) -> str:
    """`text` in words of CODES, where the terminal wants them."""
    if not style or not text.strip() or not coloured():
        return text
    return f"\x1b[{';'.join(CODES[word] for word in style.split())}m{text}\x1b[0m"
