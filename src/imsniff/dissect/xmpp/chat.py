"""Messages, presence and rosters (RFC 6121), rooms (XEP-0045), and messages within messages.

    <message from= to= type='chat|groupchat|normal|headline'><body>text</body></message>
    <message><received xmlns='urn:xmpp:carbons:2'><forwarded><message>...    a copy of what another device got
    <message><result xmlns='urn:xmpp:mam:2'><forwarded><delay/><message>...  from the archive

In a room everybody is `room@service/nick`. Encrypted messages come with a body that merely says so; it is not text
anybody wrote.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from imsniff.base.events import Contact, Event, Message, Presence, Side
from imsniff.base.limits import MAX_CONTACTS
from imsniff.dissect.xmpp.state import Handler, State
from imsniff.dissect.xmpp.xml import STANZAS, bare, child_text, children, local, said, space

FORWARDED = "{urn:xmpp:forward:0}forwarded"
ARCHIVED = frozenset(f"{{urn:xmpp:mam:{version}}}result" for version in ("tmp", 0, 1, 2))
DELAYED = frozenset({"{urn:xmpp:delay}delay", "{jabber:x:delay}x"})
ENCRYPTED = frozenset(
    {
        "{eu.siacs.conversations.axolotl}encrypted",
        "{urn:xmpp:omemo:0}encrypted",
        "{urn:xmpp:omemo:1}encrypted",
        "{urn:xmpp:omemo:2}encrypted",
        "{urn:xmpp:openpgp:0}openpgp",
        "{jabber:x:encrypted}x",
        "{urn:xmpp:eme:0}encryption",
        "{urn:ietf:params:xml:ns:xmpp-e2e}e2e",
        "{urn:xmpp:mls:0}mls",
    }
)
"""OMEMO (XEP-0384), OpenPGP (XEP-0373, XEP-0027), RFC 3923, and the marker of XEP-0380 for any."""
OTR = "?OTR"
OTR_DATA = ("?OTR:", "?OTR,", "?OTR|")
"""A message of OTR, or a fragment of one. What else begins with `?OTR` is a program's request for a conversation."""
OTR_OFFER = " \t  \t\t\t\t \t \t \t  "
"""Blanks that a client appends to plain text to say that it could do OTR; up to three blocks of eight follow."""
ROOM_SPACES = frozenset({"http://jabber.org/protocol/muc", "http://jabber.org/protocol/muc#user"})

SHOWN = {"away": "away", "xa": "away", "dnd": "busy", "chat": "online"}
MAX_NESTED = 3
"""Forwarded messages inside forwarded messages: a carbon of an archive of something forwarded by hand."""

MESSAGE_CHILDREN: dict[str, Handler] = {}
PRESENCE_CHILDREN: dict[str, Handler] = {}
"""What else a message or a presence can hold, by tag: files, passwords, software. Filled by `xmpp`."""


def message(state: State, side: Side, stanza: Element, *, archived: bool = False, depth: int = 0) -> Iterator[Event]:
    kind = stanza.get("type")
    if kind == "error":
        return
    if not depth and not state.settled:
        yield from state.learn(side, stanza)
    if kind == "groupchat":
        _room_of(state, stanza)
    offline, encrypted, wrapped = archived, False, False
    body, text = stanza.tag[: -len("message")] + "body", ""
    for inner in stanza:
        tag = inner.tag
        if tag == body:  # the first; others are translations, and XHTML's is in another name space
            text = text or inner.text or ""
        elif tag in DELAYED:
            offline = True
        elif tag in ENCRYPTED:
            encrypted = True
        elif (handler := MESSAGE_CHILDREN.get(tag)) is not None:
            yield from handler(state, side, stanza, inner)
        elif (found := _forwarded(inner)) is not None and depth < MAX_NESTED:
            wrapped = True
            late = tag in ARCHIVED or (tag == FORWARDED and any(part.tag in DELAYED for part in found))
            for original in found:
                if local(original) == "message" and space(original) in STANZAS:
                    yield from message(state, side, original, archived=late, depth=depth + 1)
    if encrypted:
        yield from state.end_to_end(side)
    elif text and not (wrapped and stanza.get("from") is None):
        yield from _utterance(state, side, stanza, text, offline=offline)


def _forwarded(inner: Element) -> Element | None:
    """The `forwarded` that this child is, or wraps (carbons, archive)."""
    if inner.tag == FORWARDED:
        return inner
    return next((part for part in inner if part.tag == FORWARDED), None) if len(inner) else None


def _utterance(state: State, side: Side, stanza: Element, text: str, *, offline: bool) -> Iterator[Event]:
    if text.startswith(OTR):
        if text.startswith(OTR_DATA):
            yield from state.end_to_end(side)
        return
    if OTR_OFFER in text:
        text = text.partition(OTR_OFFER)[0]
    room = None
    sender, recipient = state.sender(stanza), state.recipient(side, stanza)
    if stanza.get("type") == "groupchat":
        room = _room_of(state, stanza)
        if stanza.get("from") is None or bare(stanza.get("from") or "") != room:
            state.uttered[room, stanza.get("id") or "", text] = None
        elif state.uttered.pop((room, stanza.get("id") or "", text), 0) is None:
            return  # the room's copy for the author
        recipient = room
    if text.strip():
        yield Message(
            side=side, sender=sender, recipient=recipient, room=room, text=text, offline=offline, wire=state.tell
        )


def _room_of(state: State, stanza: Element) -> str:
    """Occupants write to the room's bare JID, the room to the occupants' full ones."""
    sender, recipient = stanza.get("from"), stanza.get("to") or ""
    if sender is None:
        room = bare(recipient)
    elif bare(sender) in state.rooms or not recipient or "/" in recipient or bare(recipient) == state.own:
        room = bare(sender)
    else:
        room = bare(recipient)
    if room:
        state.rooms[room] = None
    return room


# --- presence -------------------------------------------------------------------------------------------------------


def presence(state: State, side: Side, stanza: Element) -> Iterator[Event]:
    kind = stanza.get("type")
    if kind == "error":
        return
    if not state.settled:
        yield from state.learn(side, stanza)
    room = next((inner for inner in stanza if space(inner) in ROOM_SPACES), None)
    if room is not None:
        address = stanza.get("to") if space(room).endswith("muc") else stanza.get("from")
        if address and "@" in address:
            state.rooms[bare(address)] = None
    for inner in stanza:
        if (handler := PRESENCE_CHILDREN.get(inner.tag)) is not None:
            yield from handler(state, side, stanza, inner)
    if kind == "subscribe":
        owner, account = state.sender(stanza), state.recipient(side, stanza)
        if account and owner != account:
            yield from _listed(state, side, owner, account, None)
    elif kind in (None, "unavailable") and not (stanza.get("from") is None and stanza.get("to")):
        # what a client sends to one address is for a room, or repeats what it told everybody
        yield from _present(state, side, stanza, room)


def _present(state: State, side: Side, stanza: Element, room: Element | None) -> Iterator[Event]:
    account = state.sender(stanza)
    if room is not None:  # rooms that are not anonymous tell who is behind the nick
        real = next((jid for item in children(room, "item") if (jid := item.get("jid"))), None)
        account = bare(real) if real else account
    if not account:
        return
    if stanza.get("type") == "unavailable":
        status = "offline"
    else:
        show = child_text(stanza, "show") or ""
        status = SHOWN.get(show, show or "online")
    note = child_text(stanza, "status")
    if state.present.get(account) != (status, note):
        state.present[account] = (status, note)
        yield Presence(side=side, account=account, status=status, note=note, wire=state.tell)


# --- rosters --------------------------------------------------------------------------------------------------------


def roster(state: State, side: Side, stanza: Element, query: Element) -> Iterator[Event]:
    """The list as the server sends it, pushes of single items, and what the client adds."""
    if stanza.get("type") not in ("result", "set"):
        return
    owner = state.own or (bare(stanza.get("to") or "") if side is not state.client else None) or None
    for number, item in enumerate(children(query, "item")):
        if number >= MAX_CONTACTS:
            return
        account = bare(item.get("jid") or "")
        if not account or item.get("subscription") == "remove":
            continue
        groups = [said(group) for group in item if local(group) == "group"]
        for group in groups or [None]:
            yield from _listed(state, side, owner, account, group)


def _listed(state: State, side: Side, owner: str | None, account: str, group: str | None) -> Iterator[Event]:
    if (owner, account, group) not in state.listed:
        state.listed[owner, account, group] = None
        yield Contact(side=side, owner=owner, account=account, group=group, wire=state.tell)
