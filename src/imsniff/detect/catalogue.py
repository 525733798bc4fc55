"""What looks for a risk: the detectors and matchers that registered for it, and what each of them reads."""

from __future__ import annotations

from typing import NamedTuple

from imsniff.base.records import MessageRecord
from imsniff.base.risks import Risk
from imsniff.detect.reading import MATCHERS
from imsniff.detect.registry import SHOW


class Entry(NamedTuple):
    name: str
    """Module and function, or class."""
    about: str
    """The first paragraph of its docstring, on one line."""
    reads: tuple[str, ...]
    """Kinds of records."""


def detectors_of(risk: Risk) -> list[Entry]:
    """Each once, in the order of registration. Matchers read the texts of messages."""
    shown = [(name, about, kinds) for name, about, kinds in SHOW.get(risk, ())]
    for one in MATCHERS:
        if one.risk is risk:
            name = f"{one.matcher.__module__.rpartition('.')[2]}.{one.matcher.__name__}"
            shown.append((name, one.matcher.__doc__ or "", (MessageRecord,)))
    found: dict[str, Entry] = {}
    for name, about, kinds in shown:
        reads = tuple(kind.__name__.removesuffix("Record").lower() for kind in kinds)
        found.setdefault(name, Entry(name, " ".join(about.partition("\n\n")[0].split()), reads))
    return list(found.values())
