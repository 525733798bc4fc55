"""What one OSCAR connection has said so far that later frames refer to. Every table is capped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from imsniff.base.addresses import address
from imsniff.base.events import Contact, Event, Exposure, Message, Presence, Side, Trait, Transfer, TransferState
from imsniff.base.limits import MAX_CONTACTS
from imsniff.dissect.core import CappedTable


class Offer(NamedTuple):
    """A file that was offered, by its rendezvous cookie."""

    name: str
    size: int | None
    sender: str | None
    recipient: str | None


def service_of(account: str) -> str:
    """ICQ's accounts are numbers, AIM's never begin with one."""
    return "icq" if account.isascii() and account.isdigit() else "aim"


class Memory:
    def __init__(self) -> None:
        self.own: str | None = None
        """The account whose connection this is."""
        self.service: str | None = None
        self.room: str | None = None
        """A chat connection serves one room."""
        self.offers: CappedTable[bytes, Offer] = CappedTable()
        self.groups: CappedTable[int, str] = CappedTable()
        self.half_item: CappedTable[int, bytes] = CappedTable(16)
        """Request id to the start of a contact list item that was cut at the border of two SNACs."""
        self.said: CappedTable[bytes, None] = CappedTable()
        """Cookies of chat messages: the room echoes them to their sender."""
        self.unsigned: dict[bytes, Message] = {}
        """Cookie to a chat message of the own account, while that is not known."""
        self._once: CappedTable[object, None] = CappedTable()
        self._presence: CappedTable[str, tuple[str, str | None]] = CappedTable()
        self._contacts: set[tuple[str, str | None]] = set()

    def is_news(self, *fact: object) -> bool:
        """Whether this fact was not said on this connection yet: user infos repeat with every message."""
        if fact in self._once:
            return False
        self._once[fact] = None
        return True

    def name_own(self, side: Side, account: str) -> Iterable[Event]:
        """The bytes say whose connection this is."""
        if not account or account == self.own:
            return ()
        self.own, self.service = account, service_of(account)
        return (Trait(side=side, account=account, service=self.service),)

    def sign(self) -> Iterator[Event]:
        """Chat messages that waited for the own account's name go out, with it or, if it did not come, without."""
        waiting, self.unsigned = self.unsigned, {}
        for message in waiting.values():
            yield msgspec.structs.replace(message, sender=self.own)

    def seen(self, side: Side, account: str, status: str, note: str | None = None) -> Iterable[Event]:
        """Presence, where it changed: servers tell the same several times, for icons and idle times."""
        if self._presence.get(account) == (status, note):
            return ()
        self._presence[account] = (status, note)
        return (Presence(side=side, account=account, status=status, note=note),)

    def guess_service(self, side: Side, party: str | None) -> Iterable[Event]:
        """Until the own account is known, those one talks with tell the service."""
        if self.service is not None or not party:
            return ()
        self.service = service_of(party)
        return (Trait(side=side, service=self.service),)

    def expose(
        self,
        side: Side,
        ip: bytes | int | str | None,
        via: str,
        *,
        account: str | None,
        port: int | None = None,
        to: str | None = None,
    ) -> Iterable[Event]:
        """An address was told inside the conversation; once for each account and address."""
        text = None if ip is None else address(ip)
        port = port if port and port < 65_536 else None
        if text is None or not self.is_news("exposure", via, account, text, port, to):
            return ()
        return (Exposure(side=side, account=account, ip=text, port=port, via=via, to=to),)

    def contact(self, side: Side, account: str, group: str | None) -> Iterable[Event]:
        """The own account has `account` on its list; once for each group."""
        key = (account, group)
        if not account or key in self._contacts or len(self._contacts) >= MAX_CONTACTS:
            return ()
        self._contacts.add(key)
        return (Contact(side=side, owner=self.own, account=account, group=group),)

    def transfer(self, side: Side, cookie: bytes, state: TransferState) -> Iterator[Event]:
        """An offered file goes on; once for each state."""
        offer = self.offers.get(cookie)
        if offer is not None and self.is_news("transfer", cookie, state):
            yield Transfer(
                side=side,
                name=offer.name,
                size=offer.size,
                sender=offer.sender,
                recipient=offer.recipient,
                state=state,
            )
