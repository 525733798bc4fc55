"""The contract of a carrier: a flow in which other conversations travel (a proxy, a gateway, WebSocket).

A carrier reads a flow as a dissector does (`dissect.core`: frames, resynchronisation, proof) and yields inner streams
(`InnerOpened`, `InnerData`, `InnerGap`, `InnerEnd`) beside events of its own: its log-in, a refusal. The spine asks of
every inner stream what it asks of a flow, so carriers nest.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from imsniff.base.events import Event, InnerGap, Side
from imsniff.dissect.core import Dissector, Frame


class Carrier(Dissector[Frame]):
    """Base of all carriers; one instance a flow."""

    single: ClassVar[bool] = True
    """Whether a flow carries one inner stream for its whole life: once that is no messenger's, the flow is ignored."""

    transparent = False
    """Set once the rest of the flow is the inner stream, byte for byte: a gap is then a gap of that stream."""

    def gap(self, side: Side, missing: int) -> Iterator[Event]:
        if self.transparent:
            yield InnerGap(side=side, missing=missing)
        else:
            yield from super().gap(side, missing)
