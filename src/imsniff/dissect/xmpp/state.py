"""What one XMPP flow has told so far: who speaks, what was asked, what is on offer.

Handlers get the `State` and return events; `tell` is the excerpt of the stanza's start tag that every event shows as
evidence. Start tags hold no secrets: those are in texts and in children.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol
from xml.etree.ElementTree import Element

from imsniff.base.events import Encryption, Event, Login, Outcome, Reversed, Side, Trait, excerpt
from imsniff.base.limits import MAX_CONTACTS, MAX_NAME
from imsniff.dissect.core import CappedTable
from imsniff.dissect.file_bytes import FileBytes
from imsniff.dissect.xmpp.xml import bare

Answered = Callable[[Side, bool, Element], Iterator[Event]]
"""What to do when a question is answered: the answering side, whether it was a result, the answer."""


class Handler(Protocol):
    """What a child of a stanza means: (state, side, stanza, child) to events."""

    def __call__(self, state: State, side: Side, stanza: Element, inner: Element, /) -> Iterator[Event]: ...


@dataclass(slots=True)
class Offer:
    """A file on offer."""

    name: str
    size: int | None
    sender: str | None
    recipient: str | None
    media: str | None = None


class Incoming:
    """Bytes of a file that come in blocks through the stream itself (IBB)."""

    __slots__ = ("_file", "_next", "size", "whole")

    def __init__(self) -> None:
        self._file = FileBytes()
        self._next = 0
        self.size = 0
        self.whole = True
        """Whether every block so far was seen, in order."""

    def block(self, number: int, data: bytes, keep: int) -> None:
        self.whole = self.whole and number == self._next
        self._next = (number + 1) & 0xFFFF
        self.size += len(data)
        if self.whole:
            self._file.add(data, keep)

    @property
    def seen(self) -> FileBytes | None:
        """The file, where no block is missing."""
        return self._file if self.whole and self.size else None


class Exchange:
    """One SASL negotiation, from `auth` to `success` or `failure`."""

    __slots__ = ("account", "answers", "mechanism", "told")

    def __init__(self, mechanism: str) -> None:
        self.mechanism = mechanism
        self.account: str | None = None
        """Where a message tells it that holds no credential yet."""
        self.answers = 0
        """Messages of the client so far."""
        self.told = False
        """Whether the credential was reported."""


class State:
    """Shared by all handlers of one flow; every table is capped."""

    def __init__(
        self,
        hold: Callable[[Login], Iterator[Event]],
        settle: Callable[[Outcome], Iterator[Event]],
        *,
        midstream: bool,
    ) -> None:
        self.hold = hold
        self.settle = settle
        self.raw = b""
        """The piece that is being read."""
        self.role: str | None = None
        """`client`, `server` or `component`, once known: what kind of stream this is."""
        self.own: str | None = None
        """The bare JID of the client whose stream this is."""
        self.domain: str | None = None
        """The service the stream was opened to."""
        self.client = Side.CLIENT
        """Which side is the client: a guess, where the stream was met midway, until one side shows itself."""
        self.sure = not midstream
        self.exchange: Exchange | None = None
        """The SASL negotiation under way."""
        self.asked: CappedTable[tuple[Side, str], Answered] = CappedTable()
        """Questions (`iq` of type get or set) by who asked and their id."""
        self.rooms: CappedTable[str, None] = CappedTable()
        self.uttered: CappedTable[tuple[str, str, str], None] = CappedTable()
        """Room messages this client sent, by room, id and text: the room sends each back to its author."""
        self.present: CappedTable[str, tuple[str, str | None]] = CappedTable()
        """What was last reported of an account: servers reflect a client's own presence."""
        self.listed: CappedTable[tuple[str | None, str, str | None], None] = CappedTable(MAX_CONTACTS)
        self.offers: CappedTable[str, Offer] = CappedTable()
        """By the session id that the transports name."""
        self.keep = 0
        """Bytes of a file that are kept (`Dissector.keep`)."""
        self.incoming: CappedTable[tuple[Side, str], Incoming] = CappedTable()
        self.exposed: CappedTable[tuple[str | None, str, int | None], None] = CappedTable()
        self.ranks: dict[Side, int] = {}
        """How good the word is that was had of each side's software."""
        self.encrypted = False

    @property
    def tell(self) -> str:
        """The start tag of what is being read, as evidence."""
        return excerpt(self.raw[: self.raw.find(b">") + 1])

    # --- who ----------------------------------------------------------------------------------------------------------

    def account(self, jid: str | None) -> str | None:
        """The account of a JID: bare, but for the occupants of a room, who have no other name than `room/nick`."""
        if not jid:
            return None
        account = bare(jid)
        return jid[:MAX_NAME].strip() if account in self.rooms else account

    def sender(self, stanza: Element) -> str | None:
        return self.account(stanza.get("from")) or self.own

    def recipient(self, side: Side, stanza: Element) -> str | None:
        """Whom a stanza is for; one from the server without address is for the client it is sent to."""
        return self.account(stanza.get("to")) or (self.own if side is not self.client else None)

    def identify(self, side: Side, jid: str | None) -> Iterator[Event]:
        """The client's account is known, beyond doubt or as far as its login says."""
        account = bare(jid) if jid else ""
        if self.role == "server" or "@" not in account or account == self.own:
            return
        self.own = account
        yield Trait(side=side, account=account, wire=self.tell)

    def client_is(self, side: Side) -> Iterator[Event]:
        """What was said only a client says, or only to a server."""
        if not self.sure:
            self.sure = True
            if side is not self.client:
                self.client = side
                yield Reversed(side=side.other)

    @property
    def settled(self) -> bool:
        """Whether there is nothing left to `learn`."""
        return self.sure and self.own is not None and self.role is not None

    def learn(self, side: Side, stanza: Element) -> Iterator[Event]:
        """From a message or presence: clients need not write who they are, servers always do (RFC 6120 §8.1.2)."""
        sender, recipient = stanza.get("from"), stanza.get("to")
        if sender is None and recipient:
            self.role = self.role or "client"
            yield from self.client_is(side)
        elif sender and recipient and side is not self.client and self.own is None and self.role in (None, "client"):
            account = bare(recipient)
            if self.role == "client":
                yield from self.identify(side, account)
            elif "@" in account:
                self.own = account

    # --- what ---------------------------------------------------------------------------------------------------------

    def ask(self, side: Side, stanza: Element, answered: Answered) -> None:
        """Call `answered` when the other side answers this `iq`."""
        if identity := stanza.get("id"):
            self.asked[side, identity] = answered

    def end_to_end(self, side: Side) -> Iterator[Event]:
        if not self.encrypted:
            self.encrypted = True
            yield Trait(side=side, encryption=Encryption.E2E, wire=self.tell)

    def software(self, side: Side, name: str | None, rank: int) -> Iterator[Event]:
        """Software as told; a better word (a version, rank 3, against a capability node, rank 1) follows a worse."""
        if name and rank > self.ranks.get(side, 0):
            self.ranks[side] = rank
            yield Trait(side=side, software=name[:MAX_NAME], wire=self.tell)
