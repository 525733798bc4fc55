"""Files over YMSG, and the addresses that peers tell each other.

* `FILE` (old): the sender uploads packet and file to a web server in one HTTP body: keys 27, 28, and last 29, whose
  value is the file and ends far *behind* the packet. The receiver is told a URL (20).
* `PEER_FILE` (old): the receiver is told a URL on the sender's own host.
* `FILE_15`, `FILE_INFO_15`, `FILE_ACCEPT_15`: offer (222 = 1 offer, 2 cancel, 3 accept, 4 reject), where to fetch it
  (250, an address or URL; 249 = 1 the sender serves, 2 the receiver serves, 3 a relay of Yahoo's), agreement. Token 265
  ties them together; names and sizes (27, 28) are lists.
* `PEER`: the own address for a direct connection to port 5101, as Base64 of a decimal whose *lowest* octet comes first.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Iterator
from itertools import zip_longest
from urllib.parse import unquote, urlsplit

from imsniff.base.addresses import address
from imsniff.base.events import Event, Exposure, Side, TransferState, excerpt
from imsniff.base.limits import MAX_ADDRESSEES, MAX_NAME
from imsniff.dissect.cursor import Malformed
from imsniff.dissect.yahoo.packet import Key, Packet, Service, decoded, name, number
from imsniff.dissect.yahoo.session import Offer, YmsgSession

DIRECT_PORT = 5101
RELAY = b"3"
"""Value of 249: the address is Yahoo's own."""

ACTIONS = {
    b"1": TransferState.OFFERED,
    b"2": TransferState.CANCELLED,
    b"3": TransferState.ACCEPTED,
    b"4": TransferState.CANCELLED,
}


def uploaded(packet: Packet) -> Offer | None:
    """The file whose bytes follow behind this packet, if they do."""
    if Key.FILE_BYTES not in packet.pairs.record or packet.service != Service.FILE:
        return None
    record = packet.pairs.record
    file, size = name(record, Key.FILE_NAME), number(record.get(Key.FILE_SIZE))
    if file is None or not size:
        return None
    return Offer(file, size, name(record, Key.FROM, Key.ID, Key.SELF), name(record, Key.TO))


def offered(ymsg: YmsgSession, side: Side, packet: Packet) -> Iterator[Event]:
    record = packet.pairs.record
    if packet.service == Service.PEER_FILE:
        yield from peer_address(ymsg, side, packet)
    if record.get(Key.TYPE, b"FILEXFER") != b"FILEXFER":
        return  # games, IMVironments and the handshake of direct connections share the service
    if (upload := uploaded(packet)) is not None:
        yield from ymsg.known_as(side, upload.sender)
        yield upload.event(side, TransferState.OFFERED)
        return
    url = decoded(record.get(Key.URL, b""))
    file = name(record, Key.FILE_NAME) or _file_of(url)
    if file is None:
        return
    sender, recipient = name(record, Key.FROM, Key.SELF, Key.ID), name(record, Key.TO)
    if packet.service == Service.FILE and url and ymsg.own is not None and sender == ymsg.own:
        # escargot names the receiver in 4 and the sender in 5, but a URL is only told to the receiver.
        sender, recipient = recipient, sender
    yield Offer(file, number(record.get(Key.FILE_SIZE)), sender, recipient).event(side, TransferState.OFFERED)
    if packet.service == Service.PEER_FILE:
        yield from _exposed(side, url, sender, recipient)


def offered_15(ymsg: YmsgSession, side: Side, packet: Packet) -> Iterator[Event]:
    """Offer, acceptance, refusal."""
    record = packet.pairs.record
    state = ACTIONS.get(record.get(Key.FILE_ACTION, b"1"))
    token = record.get(Key.FILE_TOKEN, b"")
    if state is None:
        return
    if state is not TransferState.OFFERED:
        for offer in ymsg.offers.get(token, ()):
            yield from _answered(ymsg, side, token, offer, state)
        return
    sender, recipient = name(record, Key.FROM, Key.SELF), name(record, Key.TO)
    if Key.FROM not in record:
        yield from ymsg.known_as(side, sender)
    names, sizes = packet.pairs.all(Key.FILE_NAME), packet.pairs.all(Key.FILE_SIZE)
    offers = [
        Offer(decoded(file)[:MAX_NAME], number(size), sender, recipient)
        for file, size in zip_longest(names, sizes[: len(names)])
        if file
    ][:MAX_ADDRESSEES]
    ymsg.offers[token] = offers
    for offer in offers:
        yield offer.event(side, TransferState.OFFERED)


def whereabouts_15(ymsg: YmsgSession, side: Side, packet: Packet) -> Iterator[Event]:
    """`FILE_INFO_15` from the sender, `FILE_ACCEPT_15` from the receiver: the address to meet at."""
    record = packet.pairs.record
    here, there = name(record, Key.FROM, Key.SELF), name(record, Key.TO)
    refused = record.get(Key.ERROR, b"0") not in (b"", b"0")
    if packet.service == Service.FILE_ACCEPT_15:
        file, token = name(record, Key.FILE_NAME), record.get(Key.FILE_TOKEN, b"")
        for offer in ymsg.offers.get(token, ()):
            if file in (None, offer.name):
                state = TransferState.CANCELLED if refused else TransferState.ACCEPTED
                yield from _answered(ymsg, side, token, offer, state)
    if record.get(Key.FILE_MODE) != RELAY:
        yield from _exposed(side, decoded(record.get(Key.FILE_HOST, b"")), here, there)


def _answered(ymsg: YmsgSession, side: Side, token: bytes, offer: Offer, state: TransferState) -> Iterator[Event]:
    """Once: the offer as a whole is accepted first, then each of its files."""
    if (token, offer.name, state) not in ymsg.answered:
        ymsg.answered[token, offer.name, state] = None
        yield offer.event(side, state)


def peer_address(ymsg: YmsgSession, side: Side, packet: Packet) -> Iterator[Event]:
    record = packet.pairs.record
    raw = record.get(Key.ADDRESS)
    if not raw:
        return
    told = name(record, Key.FROM, Key.SELF)
    ip = address(_unpacked(raw))
    if ip is not None:
        yield Exposure(
            side=side,
            account=told or ymsg.own,
            ip=ip,
            port=DIRECT_PORT,
            via="ymsg.p2p",
            to=name(record, Key.TO),
            wire=excerpt(f"YMSG key 12: {decoded(raw[:32])}"),
        )


def _unpacked(raw: bytes) -> bytes:
    """Four octets from Base64 of a decimal, which some clients write as a signed number."""
    try:
        text = b64decode(raw.strip())
    except (binascii.Error, ValueError):
        raise Malformed(f"key 12 is not Base64: {raw[:24]!r}") from None
    value = number(text.removeprefix(b"-"))
    if value is None or value > 0xFFFF_FFFF:
        raise Malformed(f"key 12 is no address: {text[:24]!r}")
    return ((-value if text.startswith(b"-") else value) & 0xFFFF_FFFF).to_bytes(4, "little")


def _exposed(side: Side, where: str, account: str | None, to: str | None) -> Iterator[Event]:
    """A URL or bare address whose host is an address."""
    try:
        parts = urlsplit(where if "://" in where else f"//{where}")
        ip, port = address(parts.hostname or ""), parts.port
    except ValueError:
        return  # a port that is none, half an IPv6 address: nothing to tell
    if ip is not None:
        wire = excerpt(f"YMSG: {where.partition('?')[0]}")
        yield Exposure(side=side, account=account, ip=ip, port=port, via="ymsg.filetransfer", to=to, wire=wire)


def _file_of(url: str) -> str | None:
    """The file's name at the end of a URL's path."""
    path = url.partition("?")[0].partition("://")[2]
    return unquote(path.rpartition("/")[2])[:MAX_NAME] or None
