"""Sessions of which only one side spoke the protocol, and the findings that wait for the other side.

Whoever sends one packet can write any name in it, and a page or a mail may quote a whole stream. So what only one side
said is told with less certainty until the other side answers in the protocol, or acknowledges the bytes on a connection
that was seen to open. A flow that signalling announced is answered by the announcement, an inner stream by its carrier.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from imsniff.base.events import Side
from imsniff.base.limits import ANSWER_NS, MAX_UNANSWERED
from imsniff.base.records import SILENT, UNSEEN, Placed
from imsniff.classify.conversation import Conversation
from imsniff.classify.inner import AnyFlow
from imsniff.net.flows import Flow
from imsniff.net.segment import TCP
from imsniff.rules.said import Said


class Shown(NamedTuple):
    """What detectors are shown of an event."""

    record: Placed
    wire: str
    """The masked excerpt."""
    said: Said
    """Of a message the whole text, whether it is kept or not, and what stands in it."""


def one_sided(flow: AnyFlow[Any], conversation: Conversation) -> str | None:
    """SILENT, UNSEEN, or None where both sides spoke.

    Of a datagram that nobody answered the flow does not show whether the other side was captured: it is silent, unless
    what the one side says implies answers."""
    chosen = conversation.chosen
    if chosen is None or chosen.dissector.expected is not None or not isinstance(flow, Flow):
        return None
    if conversation.http_to_messenger:
        return SILENT
    spoke = [side for side in Side if conversation.turns(side)]
    if len(spoke) == 2:
        return None
    speaker = spoke[0] if spoke else Side.CLIENT if flow.client_octets else Side.SERVER
    if not flow.packets_of(speaker.other):
        return UNSEEN if flow.protocol == TCP or chosen.dissector.answer_implied else SILENT
    return None if flow.opened and flow.acknowledged(speaker) else SILENT


class Unanswered:
    """Records of one session whose findings wait for an answer: at most MAX_UNANSWERED, for ANSWER_NS."""

    __slots__ = ("_since", "_told", "_waiting")

    def __init__(self) -> None:
        self._waiting: list[Shown] = []
        self._told: list[Shown] = []
        """Those whose findings went out as one-sided: an answer raises them."""
        self._since = 0

    def __bool__(self) -> bool:
        return bool(self._waiting or self._told)

    def add(self, shown: Shown, ts: int) -> Iterable[Shown]:
        """Another record, at `ts` nanoseconds since 1970. Returns those that have waited long enough."""
        if not self:
            self._since = ts
        self._waiting.append(shown)
        if len(self._waiting) <= MAX_UNANSWERED and ts - self._since < ANSWER_NS:
            return ()
        return self.expire()

    def expire(self) -> list[Shown]:
        """All that wait: they are told as one-sided."""
        due, self._waiting = self._waiting, []
        self._told += due[: max(0, MAX_UNANSWERED - len(self._told))]
        return due

    def answered(self) -> tuple[list[Shown], list[Shown]]:
        """Those that were not told yet, and those that were told as one-sided."""
        waiting, told, self._waiting, self._told = self._waiting, self._told, [], []
        return waiting, told
