"""The state of one YMSG connection that its dissector shares with the readers of log-ins, presence, talk and files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

from imsniff.base.events import Event, Login, Outcome, Side, Transfer, TransferState
from imsniff.dissect.core import CappedTable
from imsniff.dissect.file_bytes import FileBytes, facts


class Offer(NamedTuple):
    """One file on offer."""

    name: str
    size: int | None
    sender: str | None
    recipient: str | None

    def event(self, side: Side, state: TransferState, seen: FileBytes | None = None) -> Transfer:
        return Transfer(
            side=side,
            name=self.name,
            size=self.size,
            sender=self.sender,
            recipient=self.recipient,
            state=state,
            **facts(seen),
        )


class YmsgSession(Protocol):
    """What the readers of single services need of the dissector `Ymsg`."""

    own: str | None
    list_tail: bytes
    list_group: str | None
    offers: CappedTable[bytes, list[Offer]]
    answered: CappedTable[tuple[bytes, str, TransferState], None]

    def known_as(self, side: Side, account: str | None) -> Iterable[Event]: ...
    def contact(self, side: Side, account: str, group: str | None) -> Iterable[Event]: ...
    def seen(self, side: Side, account: str, status: str, note: str | None) -> Iterable[Event]: ...
    def repeated(self, sender: str | None, number: bytes | None) -> bool: ...
    def hold(self, login: Login) -> Iterator[Event]: ...
    def settle(self, outcome: Outcome) -> Iterator[Event]: ...
