"""Jingle (XEP-0166) and what Google Talk had before it: sessions between peers, and the addresses they offer.

    <jingle action= sid= initiator=>
      <content><description xmlns='...:file-transfer:5'><file><name/><size/></file></description>
               <transport xmlns='...:s5b:1' sid=><candidate host= port= jid= type=/></transport></content></jingle>
    <session xmlns='http://www.google.com/session' type='candidates'><candidate address= port= type=/></session>

Transports: ICE-UDP (XEP-0176) and ICE (XEP-0371), raw UDP (XEP-0177), SOCKS5 (XEP-0260), in-band (XEP-0261). A relay's
address is nobody's; `rel-addr` beside it is the address behind the relay or the NAT.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from imsniff.base.addresses import address
from imsniff.base.events import Event, Side, TransferState, excerpt
from imsniff.dissect.xmpp.files import exposure, offered, port_of, size_of, streamhost, transfer
from imsniff.dissect.xmpp.state import Offer, State
from imsniff.dissect.xmpp.xml import child, child_text, children, local, shown, space

VIA = "xmpp.jingle"
RELAYS = frozenset({"relay", "relayed", "proxy"})
MAX_CANDIDATES = 64
"""Candidates taken from one stanza: ICE agents cap their own at about that."""
TOLD = ("ip", "host", "address", "port", "type", "rel-addr", "rel-port", "jid")
"""What evidence shows of a candidate: never Google's user name and password."""


def jingle(state: State, side: Side, stanza: Element, session: Element) -> Iterator[Event]:
    if stanza.get("type") not in (None, "set"):
        return
    action = session.get("action") or ""
    key = f"jingle {session.get('sid') or ''}"
    offer = state.offers.get(key)
    for content in children(session, "content"):
        described = _file(state, side, stanza, content) if action in ("session-initiate", "content-add") else None
        if described is not None:
            offer = state.offers[key] = described
            yield transfer(state, side, described, TransferState.OFFERED)
        for transport in children(content, "transport"):
            yield from _transport(state, side, stanza, transport, offer)
    if offer is not None and (now := _now(action, session)) is not None:
        yield transfer(state, side, offer, now)
        if now is not TransferState.ACCEPTED:
            state.offers.pop(key, None)


def _now(action: str, session: Element) -> TransferState | None:
    """What an action makes of the transfer."""
    if action in ("session-accept", "content-accept"):
        return TransferState.ACCEPTED
    if action == "session-info" and child(session, "received") is not None:
        return TransferState.COMPLETED
    if action == "session-terminate":
        reason = child(session, "reason")
        success = reason is not None and child(reason, "success") is not None
        return TransferState.COMPLETED if success else TransferState.CANCELLED
    return None


def _file(state: State, side: Side, stanza: Element, content: Element) -> Offer | None:
    """XEP-0234: up to version 3 the file is inside an `offer`, or a `request` when it shall go the other way."""
    description = child(content, "description")
    if description is None or ":file-transfer:" not in space(description):
        return None
    for file in description.iter():
        if local(file) == "file":
            name = child_text(file, "name") or file.get("name")
            if name:
                size = size_of(child_text(file, "size") or file.get("size"))
                return offered(state, side, stanza, name, size, child_text(file, "media-type"))
    return None


def _transport(state: State, side: Side, stanza: Element, transport: Element, offer: Offer | None) -> Iterator[Event]:
    sid = transport.get("sid")
    if sid and offer is not None:
        state.offers[sid] = offer  # IBB blocks and bytestreams name the transport's session
    socks = ":s5b:" in space(transport)
    for number, candidate in enumerate(children(transport, "candidate")):
        if number >= MAX_CANDIDATES:
            return
        if socks:
            announced = candidate.get("type") != "proxy"
            yield from streamhost(state, side, stanza, candidate, offer, announced=announced, via=VIA)
        else:
            yield from _candidate(state, side, stanza, candidate)


def _candidate(state: State, side: Side, stanza: Element, candidate: Element) -> Iterator[Event]:
    wire = excerpt(shown(candidate, TOLD))
    account = state.sender(stanza)
    host = candidate.get("ip") or candidate.get("address") or candidate.get("host")
    if candidate.get("type") not in RELAYS and (ip := address(host or "")) is not None:
        yield from exposure(state, side, stanza, account, ip, port_of(candidate.get("port")), VIA, wire)
    if (ip := address(candidate.get("rel-addr") or "")) is not None:
        yield from exposure(state, side, stanza, account, ip, port_of(candidate.get("rel-port")), VIA, wire)


def google_session(state: State, side: Side, stanza: Element, session: Element) -> Iterator[Event]:
    """Google Talk's own: candidates directly, or in a `transport`; files by `share`."""
    if stanza.get("type") not in (None, "set"):
        return
    for number, candidate in enumerate(part for part in session.iter() if local(part) == "candidate"):
        if number >= MAX_CANDIDATES:
            break
        yield from _candidate(state, side, stanza, candidate)
    description = child(session, "description")
    if description is None or session.get("type") != "initiate":
        return
    for file in description.iter():
        if local(file) in ("file", "folder") and (name := child_text(file, "name")):
            yield transfer(
                state, side, offered(state, side, stanza, name, size_of(file.get("size")), None), TransferState.OFFERED
            )
