"""Files over XMPP, but for Jingle.

    XEP-0096  <si id=sid><file name= size=/></si>              an offer; its answer chooses the transport
    XEP-0065  <query sid=><streamhost jid= host= port=/></query>   addresses where the bytes can be had (SOCKS5)
    XEP-0047  <open sid=/> <data sid= seq=>Base64</data> <close sid=/>   the bytes inside the stream
    XEP-0066  <x xmlns='jabber:x:oob'><url/></x>               just a link
    XEP-0363  <request filename= size=/>  <slot><put url=/><get url=/></slot>
    XEP-0447  <file-sharing><file><name/><size/></file></file-sharing>

A streamhost that is the peer itself tells its addresses, the inner ones too. One that is a proxy tells nothing of
anybody, but a flow will come there.
"""

from __future__ import annotations

from base64 import b64decode
from binascii import Error
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit
from xml.etree.ElementTree import Element

from imsniff.base.addresses import address
from imsniff.base.events import Event, Expect, Exposure, Side, Transfer, TransferState, excerpt
from imsniff.base.limits import MAX_NAME
from imsniff.dissect.cursor import Malformed, decimal
from imsniff.dissect.file_bytes import FileBytes, facts
from imsniff.dissect.xmpp.state import Incoming, Offer, State
from imsniff.dissect.xmpp.xml import bare, child, child_text, children, said, shown

MAX_STREAMHOSTS = 32
"""Addresses taken from one offer: real ones list an interface each and a proxy or two."""
MAX_SIZE = 1 << 62


def size_of(text: str | None) -> int | None:
    """A file size; None where it is missing or no number."""
    try:
        return decimal((text or "").strip(), MAX_SIZE)
    except Malformed:
        return None


def port_of(text: str | None) -> int | None:
    try:
        return decimal((text or "").strip(), 0xFFFF) or None
    except Malformed:
        return None


def transfer(
    state: State, side: Side, offer: Offer, now: TransferState, seen: FileBytes | None = None, size: int | None = None
) -> Transfer:
    return Transfer(
        side=side,
        name=offer.name,
        size=offer.size if size is None else size,
        sender=offer.sender,
        recipient=offer.recipient,
        state=now,
        **facts(seen, offer.media),
        wire=state.tell,
    )


def offered(state: State, side: Side, stanza: Element, name: str, size: int | None, media: str | None) -> Offer:
    """What `stanza` offers, from its sender to its recipient."""
    return Offer(name[:MAX_NAME], size, state.sender(stanza), state.recipient(side, stanza), media)


def follow(state: State, side: Side, stanza: Element, offer: Offer) -> None:
    """The answer to this `iq` accepts the offer or turns it down."""

    def answered(by: Side, result: bool, _: Element) -> Iterator[Event]:
        yield transfer(state, by, offer, TransferState.ACCEPTED if result else TransferState.CANCELLED)

    state.ask(side, stanza, answered)


# --- stream initiation, XEP-0095 and XEP-0096 -----------------------------------------------------------------------


def stream_initiation(state: State, side: Side, stanza: Element, si: Element) -> Iterator[Event]:
    file = child(si, "file")
    if stanza.get("type") != "set" or file is None or not (name := file.get("name")):
        return
    offer = offered(state, side, stanza, name, size_of(file.get("size")), si.get("mime-type"))
    if sid := si.get("id"):
        state.offers[sid] = offer
    follow(state, side, stanza, offer)
    yield transfer(state, side, offer, TransferState.OFFERED)


# --- SOCKS5 bytestreams, XEP-0065 -----------------------------------------------------------------------------------


def bytestreams(state: State, side: Side, stanza: Element, query: Element) -> Iterator[Event]:
    """Also in a message of the old kind, and from a proxy that tells its address: that is asked for without a `sid`."""
    sid = query.get("sid")
    offer = state.offers.get(sid or "")
    for number, host in enumerate(children(query, "streamhost")):
        if number >= MAX_STREAMHOSTS:
            return
        yield from streamhost(state, side, stanza, host, offer, announced=sid is not None, via="xmpp.streamhost")


def streamhost(
    state: State, side: Side, stanza: Element, host: Element, offer: Offer | None, *, announced: bool, via: str
) -> Iterator[Event]:
    """One place where a bytestream can be had: `streamhost`, or a Jingle S5B candidate."""
    ip, port = address(host.get("host") or ""), port_of(host.get("port"))
    if ip is None:
        return
    jid = host.get("jid") or ""
    wire = excerpt(shown(host, ("jid", "host", "port", "type")))
    if "@" in jid:
        yield from exposure(state, side, stanza, bare(jid), ip, port, via, wire)
    if announced and port is not None:
        offer = offer or Offer("", None, state.sender(stanza), state.recipient(side, stanza))
        yield Expect(
            side=side,
            protocol="bytestream",
            ip=ip,
            port=port,
            name=offer.name or None,
            size=offer.size,
            sender=offer.sender,
            recipient=offer.recipient,
            wire=wire,
        )


def exposure(
    state: State, side: Side, stanza: Element, account: str | None, ip: str, port: int | None, via: str, wire: str
) -> Iterator[Event]:
    """Each address of each account once a session."""
    if (account, ip, port) not in state.exposed:
        state.exposed[account, ip, port] = None
        to = state.recipient(side, stanza)
        yield Exposure(side=side, account=account, ip=ip, port=port, via=via, to=to, wire=wire)


# --- in-band bytestreams, XEP-0047 ----------------------------------------------------------------------------------


def ibb_open(state: State, side: Side, _: Element, opening: Element) -> Iterator[Event]:
    if sid := opening.get("sid"):
        state.incoming[side, sid] = Incoming()
    yield from ()


def ibb_data(state: State, side: Side, _: Element, data: Element) -> Iterator[Event]:
    sid = data.get("sid") or ""
    incoming = state.incoming.get((side, sid))
    if incoming is None:  # its opening is not in the capture
        incoming = state.incoming[side, sid] = Incoming()
        incoming.whole = data.get("seq") == "0"
    try:
        block = b64decode("".join((data.text or "").split()), validate=True)
    except (Error, ValueError):
        incoming.whole = False
        raise Malformed("an IBB block that is not Base64") from None
    incoming.block(decimal(data.get("seq") or "", 0xFFFF), block, state.keep)
    yield from ()


def ibb_close(state: State, side: Side, stanza: Element, closing: Element) -> Iterator[Event]:
    """Either side closes; the one that sent bytes sent the file."""
    sid = closing.get("sid") or ""
    offer = state.offers.get(sid)
    for speaker in (side, side.other):
        incoming = state.incoming.pop((speaker, sid), None)
        if incoming is None or not incoming.size:
            continue
        here, there = state.sender(stanza), state.recipient(side, stanza)
        known = offer or Offer("", None, *((here, there) if speaker is side else (there, here)))
        if incoming.whole and known.size in (None, incoming.size):
            yield transfer(state, side, known, TransferState.COMPLETED, incoming.seen, incoming.size)
        elif known.name:  # blocks are missing from the capture, or were never sent
            now = TransferState.CANCELLED if incoming.whole else TransferState.COMPLETED
            yield transfer(state, side, known, now)


# --- links and uploads ----------------------------------------------------------------------------------------------


def link_name(url: str) -> str:
    """The file's name in a link: the last part of its path."""
    path = url.partition("?")[0].partition("#")[0].rstrip("/")
    _, scheme, rest = path.partition("://")
    return unquote(rest.rpartition("/")[2] if scheme and "/" in rest else path.rpartition("/")[2])[:MAX_NAME] or url


def out_of_band(state: State, side: Side, stanza: Element, x: Element) -> Iterator[Event]:
    if (url := child_text(x, "url")) is None or stanza.get("type") in ("result", "error"):
        return
    offer = offered(state, side, stanza, link_name(url), None, None)
    yield from _link_address(state, side, url, offer)
    if stanza.get("type") == "set":
        follow(state, side, stanza, offer)
    yield transfer(state, side, offer, TransferState.OFFERED)


def _link_address(state: State, side: Side, url: str, offer: Offer) -> Iterator[Event]:
    """The sender's own address, where the link leads to it and not to a named server."""
    try:
        parts = urlsplit(url[:MAX_NAME])
        ip, port = address(parts.hostname or ""), parts.port
    except ValueError:
        return
    if ip is not None:
        to = offer.recipient
        yield Exposure(side=side, account=offer.sender, ip=ip, port=port, via="xmpp.oob", to=to, wire=state.tell)


def upload_request(state: State, side: Side, stanza: Element, request: Element) -> Iterator[Event]:
    """Attributes since version 0, children before."""
    name = request.get("filename") or child_text(request, "filename")
    if stanza.get("type") != "get" or not name:
        return
    size = size_of(request.get("size") or child_text(request, "size"))
    media = request.get("content-type") or child_text(request, "content-type")
    offer = Offer(name[:MAX_NAME], size, state.sender(stanza), None, media)
    follow(state, side, stanza, offer)
    yield transfer(state, side, offer, TransferState.OFFERED)


def upload_slot(state: State, side: Side, stanza: Element, slot: Element) -> Iterator[Event]:
    """The answer, where the question is not in the capture."""
    get = child(slot, "get")
    url = None if get is None else get.get("url") or said(get)
    if url and (side.other, stanza.get("id") or "") not in state.asked:
        offer = Offer(link_name(url), None, state.recipient(side, stanza), None)
        yield transfer(state, side, offer, TransferState.ACCEPTED)


def shared(state: State, side: Side, stanza: Element, sharing: Element) -> Iterator[Event]:
    """XEP-0447 and XEP-0385: a file's description in a message."""
    for file in sharing.iter():
        if file.tag.endswith("}file") and (name := child_text(file, "name")):
            offer = offered(
                state, side, stanza, name, size_of(child_text(file, "size")), child_text(file, "media-type")
            )
            yield transfer(state, side, offer, TransferState.OFFERED)
            return
