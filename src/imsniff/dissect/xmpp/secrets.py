"""Credentials in XMPP outside SASL.

    XEP-0078   <iq type='set'><query xmlns='jabber:iq:auth'><username/><password/> or <digest/></query></iq>
    XEP-0077   <query xmlns='jabber:iq:register'><username/><password/></query>   account made, or password changed
    XEP-0045   <presence to='room/nick'><x xmlns='.../muc'><password/></x>        the room's password
    XEP-0114   <handshake>SHA-1 of stream id and secret</handshake>               a component towards its server
    XEP-0220   <db:result from= to=>key</db:result>                               a server towards another

A dialback key holds for one stream and proves a domain, not a person: it is told, but nothing can be made of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from imsniff.base.events import Event, Grade, Login, Outcome, Side, excerpt, masked
from imsniff.dissect.xmpp.state import State
from imsniff.dissect.xmpp.xml import bare, child, child_text, children, said

MUC = "http://jabber.org/protocol/muc"


def login(
    state: State, side: Side, account: str | None, scheme: str, secret: str | None, grade: Grade = Grade.CLEARTEXT
) -> Login:
    """A login whose excerpt names scheme and account, and of the secret just the length."""
    wire = excerpt(f"{state.tell} {scheme} {account or ''} {masked(secret)}".rstrip())
    return Login(side=side, account=account, scheme=scheme, grade=grade, secret=secret, wire=wire)


def _settled(state: State, side: Side, stanza: Element) -> None:
    """The answer to this `iq` tells the outcome."""

    def answered(_: Side, result: bool, __: Element) -> Iterator[Event]:
        return state.settle(Outcome.OK if result else Outcome.FAILED)

    state.ask(side, stanza, answered)


def _at(state: State, stanza: Element, user: str) -> str:
    domain = bare(stanza.get("to") or "") or state.domain
    return user if "@" in user or not domain else f"{user}@{domain}"


def iq_auth(state: State, side: Side, stanza: Element, query: Element) -> Iterator[Event]:
    user = child_text(query, "username")
    if stanza.get("type") != "set" or not user:
        return
    account = _at(state, stanza, user)
    state.role = state.role or "client"
    yield from state.client_is(side)
    for name, scheme, grade in (
        ("password", "plain", Grade.CLEARTEXT),
        ("digest", "digest", Grade.CRACKABLE),
        ("hash", "0k", Grade.CRACKABLE),
    ):
        if (secret := child_text(query, name)) is not None:
            yield from state.hold(login(state, side, account, scheme, secret, grade))
            _settled(state, side, stanza)
            break
    yield from state.identify(side, account)


def _fields(query: Element) -> dict[str, str]:
    """What a query says in plain children or in a data form (XEP-0004)."""
    found = {name: text for name in ("username", "password", "email") if (text := child_text(query, name))}
    if (form := child(query, "x")) is not None:
        for field in children(form, "field"):
            if (name := field.get("var")) and (text := child_text(field, "value")):
                found.setdefault(name, text)
    return found


def register(state: State, side: Side, stanza: Element, query: Element) -> Iterator[Event]:
    """An account is made or its password changed; at a gateway, the account and password of the other network."""
    fields = _fields(query)
    if stanza.get("type") != "set" or "password" not in fields:
        return
    yield from state.client_is(side)
    to = bare(stanza.get("to") or "")
    user = fields.get("username")
    foreign = bool(to) and state.domain is not None and to != state.domain
    account = user if user is None or foreign else _at(state, stanza, user)
    yield from state.hold(login(state, side, account or state.own, "register", fields["password"]))
    _settled(state, side, stanza)


def room_password(state: State, side: Side, stanza: Element, x: Element) -> Iterator[Event]:
    """In a presence that joins, or in an invitation (XEP-0045 §7.8.2)."""
    if (secret := child_text(x, "password")) is not None:
        yield login(state, side, state.sender(stanza) or bare(stanza.get("to") or "") or None, "muc", secret)


def direct_invitation(state: State, side: Side, stanza: Element, x: Element) -> Iterator[Event]:
    """XEP-0249"""
    if secret := x.get("password"):
        yield login(state, side, state.sender(stanza), "muc", secret)


def room_configuration(state: State, side: Side, stanza: Element, query: Element) -> Iterator[Event]:
    """The owner sets, or the room shows its owner, the password."""
    if (secret := _fields(query).get("muc#roomconfig_roomsecret")) is not None:
        yield login(state, side, state.own or state.sender(stanza), "muc", secret)


def bookmarks(state: State, side: Side, stanza: Element, storage: Element) -> Iterator[Event]:
    """XEP-0048: rooms kept at the server, with their passwords."""
    for conference in children(storage, "conference"):
        if (secret := child_text(conference, "password")) is not None:
            yield login(state, side, state.own or state.sender(stanza), "muc", secret)


def private(state: State, side: Side, stanza: Element, query: Element) -> Iterator[Event]:
    """XEP-0049"""
    for storage in children(query, "storage"):
        yield from bookmarks(state, side, stanza, storage)


def handshake(state: State, side: Side, element: Element) -> Iterator[Event]:
    secret = said(element)
    if secret is None:
        yield from state.settle(Outcome.OK)
        return
    state.role = state.role or "component"
    yield from state.client_is(side)
    yield from state.hold(login(state, side, state.domain, "component", secret, Grade.CRACKABLE))


def dialback(state: State, side: Side, element: Element) -> Iterator[Event]:
    """`db:result` with a key asks, with a type it answers. (`db:verify` repeats the key of another stream.)"""
    state.role = "server"
    kind = element.get("type")
    if kind is not None:
        yield from state.settle(Outcome.OK if kind == "valid" else Outcome.FAILED)
    elif said(element) is not None:
        account = bare(element.get("from") or "") or None
        yield from state.hold(login(state, side, account, "dialback", None, Grade.PROTECTED))
