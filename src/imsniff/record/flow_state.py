"""What the spine keeps for one flow."""

from __future__ import annotations

from typing import Any

from imsniff.classify.candidate import TimedEvent
from imsniff.classify.conversation import Conversation
from imsniff.classify.inner import InnerFlow
from imsniff.envelopes.observer import ObservedFlow
from imsniff.record.recorder import Recorder


class FlowState:
    """The state that the spine keeps for one flow: its classification and, once identified, the session's recorder."""

    __slots__ = ("closed", "conversation", "held", "inner", "observed", "own_events", "recorder", "started")

    def __init__(self) -> None:
        self.conversation = Conversation()
        self.recorder: Recorder | None = None
        self.started = False
        """Whether any payload was read."""
        self.closed = False
        """Whether the session's last record went out."""
        self.observed: ObservedFlow | None = None
        """What its envelope shows, while no dissector claims it."""
        self.held: Any = None
        """Packets that wait for the flow's verdict (live capture with `-w`)."""
        self.inner: dict[str, InnerFlow[FlowState]] | None = None
        """Of a carrier: its inner streams by identifier."""
        self.own_events: list[TimedEvent] | None = None
        """Of a carrier: events of its own, until an inner stream is found to be messaging."""
