"""The state of one IRC connection that its dissector shares with the readers of log-ins and DCC offers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

import msgspec

from imsniff.base.events import Event, Expect, Login, Outcome, Side, Transfer, TransferState
from imsniff.base.limits import MAX_PENDING_LINES
from imsniff.dissect.core import CappedTable


class Pending:
    """Log-ins whose outcome is not known yet, by what was asked."""

    def __init__(self) -> None:
        self._waiting: CappedTable[str, tuple[Login, int]] = CappedTable(32)
        self._lines = 0

    def add(self, key: str, login: Login) -> Iterator[Event]:
        yield from self.settle(key, Outcome.UNKNOWN)
        self._waiting[key] = (login, self._lines)

    def settle(self, key: str, outcome: Outcome, account: str | None = None) -> Iterator[Event]:
        if (found := self._waiting.pop(key, None)) is not None:
            yield msgspec.structs.replace(found[0], outcome=outcome, account=found[0].account or account)

    def __bool__(self) -> bool:
        """Whether any log-in waits."""
        return bool(self._waiting)

    def waits(self, key: str) -> bool:
        return key in self._waiting

    def tick(self, account: str | None) -> Iterator[Event]:
        """Count a line: log-ins that waited for MAX_PENDING_LINES lines go out as unknown."""
        self._lines += 1
        while self._waiting and self._lines - next(iter(self._waiting.values()))[1] > MAX_PENDING_LINES:
            yield from self.settle(next(iter(self._waiting)), Outcome.UNKNOWN, account)

    def flush(self, account: str | None) -> Iterator[Event]:
        for key in list(self._waiting):
            yield from self.settle(key, Outcome.UNKNOWN, account)


class SaslExchange:
    """A SASL exchange under way."""

    __slots__ = ("account", "mechanism", "pieces", "side")

    def __init__(self, mechanism: str, side: Side) -> None:
        self.mechanism = mechanism
        self.side = side
        """Who logs in."""
        self.pieces: list[str] = []
        self.account: str | None = None


class Offer(NamedTuple):
    """A file, or a chat where `name` is None, that one offered the other."""

    name: str | None
    size: int | None
    sender: str | None
    recipient: str | None
    ip: str | None = None
    port: int = 0

    def transfer(self, side: Side, state: TransferState) -> Iterator[Event]:
        if self.name is not None:
            yield Transfer(
                side=side, name=self.name, size=self.size, sender=self.sender, recipient=self.recipient, state=state
            )

    def expected(self, side: Side, offset: int = 0) -> Iterator[Event]:
        """The flow that follows, once somebody listens."""
        if self.ip is not None and self.port:
            yield Expect(
                side=side,
                protocol="dcc",
                ip=self.ip,
                port=self.port,
                name=self.name,
                size=self.size,
                offset=offset,
                sender=self.sender,
                recipient=self.recipient,
            )


class IrcSession(Protocol):
    """What log-ins and offers need of the dissector `Irc`."""

    own: str | None
    sasl: SaslExchange | None
    pending: Pending
    keys: CappedTable[str, str]
    offers: CappedTable[str, Offer]
    resumed: CappedTable[Offer, int]

    def dated(self, login: Login) -> Login: ...
    def host(self, side: Side, account: str | None, host: str) -> Iterable[Event]: ...
