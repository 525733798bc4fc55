"""What one MSNP flow has told so far: whose it is, who else is in the conversation, whom lists and presence named.

A notification flow (NS) and a switchboard flow (SB) share this state, since the same verbs run on both and a flow met
mid-stream does not say which it is.
"""

from __future__ import annotations

from collections.abc import Iterator

from imsniff.base.events import Contact, Event, Expect, Exposure, Presence, Side, Trait, excerpt
from imsniff.base.limits import MAX_CONTACTS, MAX_NAME
from imsniff.dissect.core import CappedTable, Dissector
from imsniff.dissect.msn.mail import Invite, Pieces
from imsniff.dissect.msn.p2p import Peers
from imsniff.dissect.msn.wire import Command


class MsnpSession(Dissector[Command]):
    """The state that handlers of commands work on."""

    def __init__(self, *, midstream: bool = False, expected: Expect | None = None) -> None:
        super().__init__(midstream=midstream, expected=expected)
        self.own: str | None = None
        """The account that is logged in on this flow."""
        self.asked: str | None = None
        """Transaction in which the client named itself: the server's challenge has the same number."""
        self.invited: str | None = None
        self.groups: CappedTable[str, str] = CappedTable()
        self.changes: CappedTable[str, None] = CappedTable(64)
        """Transactions of CHG already reported: the server's echo has the same number."""
        self.invites: CappedTable[str, Invite] = CappedTable(64)
        """File transfer invitations by cookie."""
        self.pieces: CappedTable[str, Pieces] = CappedTable(16)
        self.peers = Peers()
        self._software: CappedTable[str, None] = CappedTable(16)
        self._others: CappedTable[str, str] = CappedTable(64)
        self._latest: str | None = None
        """The one of them who was heard last."""
        self._addressed: CappedTable[object, tuple[str | None, str | None]] = CappedTable(64)
        """Recipient and room by sender, until somebody comes or goes."""
        self._presence: CappedTable[str, tuple[str, str | None]] = CappedTable()
        self._listed: set[tuple[str, str, str]] = set()
        self._exposed: CappedTable[tuple[str, int | None, str], None] = CappedTable(64)

    # --- who ----------------------------------------------------------------------------------------------------------

    def is_own(self, account: str | None) -> bool:
        return account is not None and self.own is not None and account.casefold() == self.own.casefold()

    def learn(self, side: Side, account: str | None) -> Iterator[Event]:
        """The flow's own account, from whatever tells it first."""
        if account and self.own is None:
            self.own = account
            self._gone(account)
            yield Trait(side=side, account=account)

    def runs(self, side: Side, software: str) -> Iterator[Event]:
        """The client's name, once: some say it with every message."""
        if software not in self._software:
            self._software[software] = None
            yield Trait(side=side, software=software[:MAX_NAME])

    def joined(self, account: str | None) -> None:
        """Somebody else is in this switchboard. (MSNP16 announces the own other endpoints too.)"""
        if account and account != self._latest and not self.is_own(account):
            self._latest = self._others[account.casefold()] = account
            self._addressed.clear()

    def left(self, account: str | None) -> None:
        """The last one stays known: what is still said is said to him."""
        if account and len(self._others) > 1:
            self._gone(account)

    def _gone(self, account: str) -> None:
        self._others.pop(account.casefold(), None)
        self._latest = None
        self._addressed.clear()

    def addressed(self, sender: str | None) -> tuple[str | None, str | None]:
        """Recipient and room of what `sender` says in this switchboard: all others, by name.

        A switchboard of several has no name but a number that is never seen again, so the room is called by its people:
        the same people are the same room another day."""
        key = sender, self.own, self.invited
        if key not in self._addressed:
            self._addressed[key] = self._recipients(sender)
        return self._addressed[key]

    def _recipients(self, sender: str | None) -> tuple[str | None, str | None]:
        everyone = [*self._others.values()] or [*filter(None, (self.invited,))]
        if self.own is not None and not self.is_own(sender):
            everyone.append(self.own)
        to = [who for who in everyone if sender is None or who.casefold() != sender.casefold()]
        people = sorted([*to, *filter(None, (sender,))], key=str.casefold)
        return ", ".join(to)[:MAX_NAME] or None, ", ".join(people)[:MAX_NAME] if len(to) > 1 else None

    # --- what is told once --------------------------------------------------------------------------------------------

    def present(
        self, side: Side, account: str | None, status: str | None, note: str | None, wire: str
    ) -> Iterator[Event]:
        """Presence, only where it changes: servers repeat it for every list and endpoint. None keeps what was known."""
        if not account:
            return
        known, noted = self._presence.get(account.casefold(), (None, None))
        now = status or known or "online", noted if note is None else note or None
        if now != (known, noted) and (status or note or noted):
            self._presence[account.casefold()] = now
            yield Presence(side=side, account=account, status=now[0], note=now[1], wire=excerpt(wire))

    def listed(
        self, side: Side, owner: str | None, account: str | None, group: str | None, wire: str
    ) -> Iterator[Event]:
        key = (owner or "").casefold(), (account or "").casefold(), group or ""
        if account and key not in self._listed and len(self._listed) < MAX_CONTACTS:
            self._listed.add(key)
            yield Contact(side=side, owner=owner, account=account, group=group, wire=excerpt(wire))

    def exposed(self, told: Exposure) -> Iterator[Event]:
        key = told.ip, told.port, told.via
        if key not in self._exposed:
            self._exposed[key] = None
            yield told
