"""How times, places and names are written where there is little room."""

from __future__ import annotations


def moment(text: str) -> str:
    """`2026-11-22 01:08` of an RFC 3339 time; UTC, as everything is."""
    return f"{text[:10]} {text[11:16]}"


def period(first: str, last: str) -> str:
    """`2026-11-22 01:08-01:31`, `2026-11-20 - 2026-11-22`: only as much of the end as differs from the beginning."""
    if first[:16] == last[:16]:
        return moment(first)
    if first[:10] == last[:10]:
        return f"{moment(first)}-{last[11:16]}"
    return f"{first[:10]} - {last[:10]}"


def place(capture: str, frame: int, more: int = 0) -> str:
    """`office.pcap#118 +3`: the file without its folder, the packet's number, how many further ones there are."""
    name = capture.rsplit("/", 1)[-1] or capture
    return f"{name}#{frame}" + (f" +{more}" if more > 0 else "")


def counted(number: int, word: str) -> str:
    """`1 time`, `2 times`."""
    ending = "" if number == 1 else "es" if word.endswith("s") else "s"
    return f"{number:,} {word}{ending}"
