"""Which software speaks: versions (XEP-0092), service discovery (XEP-0030), capabilities (XEP-0115).

A contact's client answers through the server too; only what a side says of itself is the session's software.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from imsniff.base.events import Event, Side
from imsniff.dissect.xmpp.state import State
from imsniff.dissect.xmpp.xml import bare, child, child_text, children

SCHEME = re.compile(r"^https?://(?:www\.)?")


def _of_itself(state: State, side: Side, stanza: Element) -> bool:
    sender = bare(stanza.get("from") or "")
    return not sender or sender == (state.own if side is state.client else state.domain)


def version(state: State, side: Side, stanza: Element, query: Element) -> Iterator[Event]:
    name = child_text(query, "name")
    if name and stanza.get("type") == "result" and _of_itself(state, side, stanza):
        yield from state.software(side, " ".join(filter(None, (name, child_text(query, "version")))), 3)


def discovery(state: State, side: Side, stanza: Element, query: Element) -> Iterator[Event]:
    if stanza.get("type") != "result" or not _of_itself(state, side, stanza):
        return
    category = "client" if side is state.client else "server"
    for identity in children(query, "identity"):
        if identity.get("category") == category:
            yield from state.software(side, identity.get("name"), 2)


def capabilities(state: State, side: Side, stanza: Element, caps: Element) -> Iterator[Event]:
    """The node is a web address of the software."""
    if stanza.get("from") is None and stanza.get("type") is None:
        yield from state.software(side, SCHEME.sub("", caps.get("node") or "").partition("#")[0].rstrip("/"), 1)


def features(state: State, side: Side, element: Element) -> Iterator[Event]:
    """What a server offers; its capabilities are among it."""
    yield from state.client_is(side.other)
    if (caps := child(element, "c")) is not None:
        yield from capabilities(state, side, element, caps)
