"""YMSG, Yahoo! Messenger's protocol: versions 9 to 16, the web messenger's 0x65, and its predecessor YPNS/YHOO.

TCP 5050; clients fall back to 23, 25, 80 and others, or put packets into HTTP bodies; peers talk directly on 5101. A
stream is a run of packets (see `packet`), so packets of the old form (`old`) and HTTP heads are cut here too:

    POST http://filetransfer.msg.yahoo.com/notifyft HTTP/1.0 CRLF ... Cookie: Y=...; T=... CRLF CRLF
    packet FILE ... 28=<size> 29=<file>, of which the packet's length counts nothing, or 4 bytes (libpurple)

    HTTP/1.0 200 OK CRLF ... CRLF CRLF  number of packets:4 (little-endian)  packets ...

The server need not repeat the client's version (escargot answers with 0). A length close to 65 536 has sent other
programs, that add the header in 16 bits, into an endless loop.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from struct import Struct
from typing import ClassVar, NamedTuple

from imsniff.base.events import Contact, Event, Expect, Outcome, Presence, Side, Trait, TransferState
from imsniff.base.limits import MAX_CONTACTS, MAX_HTTP_HEAD
from imsniff.dissect.core import CappedTable, Dissector, Inbox
from imsniff.dissect.cursor import Malformed, TooLarge
from imsniff.dissect.file_bytes import FileBytes
from imsniff.dissect.yahoo.file import offered, offered_15, peer_address, uploaded, whereabouts_15
from imsniff.dissect.yahoo.login import auth, bearer, granted, response
from imsniff.dissect.yahoo.messages import ROLES, message
from imsniff.dissect.yahoo.old import OLD_HEADER, OldPacket, old_packet, old_size, on_old_packet
from imsniff.dissect.yahoo.packet import HEADER, Key, Packet, Pairs, Service, decoded, name
from imsniff.dissect.yahoo.presence import added, contact_list, contact_list_15, presence
from imsniff.dissect.yahoo.session import Offer

MAGIC = b"YMSG"
OLD = (b"YPNS", b"YHOO")
HTTP = (b"POST ", b"GET ", b"HTTP/")
MAX_VERSION = 0x1FF
MAX_SERVICE = 0xFFF
"""Above everything known; keeps text that begins with "YMSG" out."""
COUNT = 4
"""Bytes of the number of packets before those of an HTTP answer."""


class Head(NamedTuple):
    """The head of an HTTP message."""

    text: str


class Received(NamedTuple):
    """A file that followed its packet, whole."""

    offer: Offer
    seen: FileBytes


class Bad(NamedTuple):
    """A packet whose body is no list of pairs."""

    why: str


Frame = Packet | OldPacket | Head | Received | Bad
Handler = Callable[["Ymsg", Side, Packet], Iterable[Event]]


def listed(ymsg: Ymsg, side: Side, packet: Packet) -> Iterator[Event]:
    yield from granted(ymsg, side, packet)
    yield from contact_list(ymsg, side, packet)


def listed_15(ymsg: Ymsg, side: Side, packet: Packet) -> Iterator[Event]:
    yield from granted(ymsg, side, packet)
    yield from contact_list_15(ymsg, side, packet)


def asked_and_added(ymsg: Ymsg, side: Side, packet: Packet) -> Iterator[Event]:
    yield from added(ymsg, side, packet)
    yield from message(ymsg, side, packet)


def alive(ymsg: Ymsg, side: Side, packet: Packet) -> Iterable[Event]:
    """Hours of a quiet session are nothing but these, and they name the account."""
    return ymsg.known_as(side, name(packet.pairs.record, Key.ID, Key.SELF))


HANDLERS: dict[int, Handler] = {
    **dict.fromkeys(ROLES, message),
    Service.AUTH: auth,
    Service.AUTH_RESPONSE: response,
    Service.LIST: listed,
    Service.LIST_15: listed_15,
    Service.KEEPALIVE: alive,
    Service.CHAT_PING: alive,
    Service.LOGON: presence,
    Service.LOGOFF: presence,
    Service.AWAY: presence,
    Service.BACK: presence,
    Service.USERSTAT: presence,
    Service.STATUS: presence,
    Service.STATUS_15: presence,
    Service.ADD_BUDDY: asked_and_added,
    Service.CHANGE_GROUP_15: added,
    Service.FILE: offered,
    Service.PEER_FILE: offered,
    Service.FILE_15: offered_15,
    Service.FILE_INFO_15: whereabouts_15,
    Service.FILE_ACCEPT_15: whereabouts_15,
    Service.PEER: peer_address,
}
"""Services that say something of interest; the others only prove the framing."""


class Upload:
    """A file whose bytes are going by."""

    __slots__ = ("bytes", "left", "offer")

    def __init__(self, offer: Offer) -> None:
        self.offer = offer
        self.left = offer.size or 0
        self.bytes = FileBytes()

    def add(self, data: bytes, keep: int) -> None:
        data = data[: self.left]
        self.left -= len(data)
        self.bytes.add(data, keep)


class Ymsg(Dissector[Frame]):
    name = "ymsg"
    max_frame: ClassVar[int] = HEADER + 0xFFFF
    marks = re.compile(rb"YMSG[\x00\x01]|YPNS[0-9]\.|YHOO[0-9]\.")
    mark_size = 8
    reads_http: ClassVar[bool] = True

    def __init__(self, *, midstream: bool = False, expected: Expect | None = None) -> None:
        super().__init__(midstream=midstream, expected=expected)
        self.own: str | None = None
        """The account whose session it is."""
        self.list_tail = b""
        """A line of the contact list that goes on in the next packet."""
        self.list_group: str | None = None
        self.offers: CappedTable[bytes, list[Offer]] = CappedTable()
        """Files on offer, by token."""
        self.answered: CappedTable[tuple[bytes, str, TransferState], None] = CappedTable()
        self._contacts: CappedTable[tuple[str, str | None], None] = CappedTable(MAX_CONTACTS)
        self._states: CappedTable[str, tuple[str, str | None]] = CappedTable(MAX_CONTACTS)
        self._messages: CappedTable[tuple[str | None, bytes], None] = CappedTable()
        self._uploads: dict[Side, Upload] = {}
        self._cuts: dict[bytes, Callable[[Side, Inbox], Frame | None]] = {
            MAGIC: self._packet,
            **dict.fromkeys(OLD, _old_packet),
            **dict.fromkeys(HTTP, _head),
        }
        """How what begins so is cut from a stream."""
        self._packets = 0

    @property
    def confirmed(self) -> bool:
        return self._packets >= self.proof

    # --- framing ------------------------------------------------------------------------------------------------------

    def frames(self, side: Side, box: Inbox) -> Iterator[Frame]:
        while data := box.data:
            if self._uploads and (upload := self._uploads.get(side)) is not None:
                upload.add(box.take(min(upload.left, len(box))) or b"", self.keep)
                if upload.left:
                    return
                yield self._whole(side, upload)
                continue
            for opening, cut in self._cuts.items():
                if data.startswith(opening):
                    if (frame := cut(side, box)) is None:
                        return
                    yield frame
                    break
            else:
                start = bytes(data[:8])
                if start.startswith(MAGIC, COUNT):
                    box.drop(COUNT)
                elif any(opening.startswith(start) for opening in self._cuts) or MAGIC.startswith(start[COUNT:]):
                    return
                else:
                    raise Malformed(f"no packet begins with {start[:5]!r}")

    def _packet(self, side: Side, box: Inbox) -> Packet | Bad | None:
        if len(box.data) < HEADER:
            return None
        version, service, status, length = _header(box.data, 0)
        end = HEADER + length
        if len(box.data) < end:
            return None
        body = bytes(box.data[HEADER:end])
        box.drop(end)
        try:
            packet = Packet(version, service, status, Pairs(body))
        except Malformed as why:  # the length still tells where the next packet begins
            return Bad(str(why))
        if (offer := uploaded(packet)) is not None:
            self._uploads[side] = upload = Upload(offer)
            upload.add(packet.pairs.all(Key.FILE_BYTES)[0], self.keep)
        return packet

    def _whole(self, side: Side, upload: Upload) -> Received:
        del self._uploads[side]
        return Received(upload.offer, upload.bytes)

    def plausible(self, side: Side, data: bytearray, at: int) -> bool | None:
        if data.startswith(OLD, at):
            return _plausible_old(data, at)
        if not MAGIC.startswith(data[at : at + 4]):
            return False
        if len(data) - at < HEADER:
            return None
        try:
            _, service, _, length = _header(data, at)
        except Malformed:
            return False
        if length == 0:
            return service in set(Service)
        first = data[at + HEADER : at + HEADER + 7]
        return True if _KEY.match(first) else None if _HALF_KEY.fullmatch(first) else False

    def restart(self, side: Side) -> None:
        self._uploads.pop(side, None)
        self.list_tail = b""

    # --- meaning ------------------------------------------------------------------------------------------------------

    def on_frame(self, side: Side, frame: Frame) -> Iterator[Event]:
        if isinstance(frame, Packet):
            yield from self._counted(side)
            if (handler := HANDLERS.get(frame.service)) is not None:
                yield from handler(self, side, frame)
        elif isinstance(frame, OldPacket):
            yield from self._counted(side)
            yield from on_old_packet(self, side, frame)
        elif isinstance(frame, Head):
            yield from self._cookies(side, frame.text)
        elif isinstance(frame, Received):
            yield frame.offer.event(side, TransferState.COMPLETED, frame.seen)
        else:
            raise Malformed(frame.why)

    def proves(self, frame: Frame) -> bool:
        """A browser sends HTTP requests too; the answer to one that carried packets is the server's."""
        return not isinstance(frame, Head) or frame.text.startswith("HTTP/")

    def _counted(self, side: Side) -> Iterable[Event]:
        """One packet more; the first tells the service."""
        self._packets += 1
        return (Trait(side=side, service="yahoo"),) if self._packets == 1 else ()

    def _cookies(self, side: Side, head: str) -> Iterator[Event]:
        for line in head.split("\r\n"):
            field, _, value = line.partition(":")
            if field.lower() == "cookie":
                pairs = (pair.strip().partition("=") for pair in value.split(";"))
                yield from bearer(side, self.own, {key: text for key, _, text in pairs}, Outcome.UNKNOWN)

    # --- what the handlers share --------------------------------------------------------------------------------------

    def known_as(self, side: Side, account: str | None) -> Iterable[Event]:
        """The session's account, the first time it is told."""
        if self.own is not None or not account:
            return ()
        self.own = account
        return (Trait(side=side, account=account),)

    def contact(self, side: Side, account: str, group: str | None) -> Iterable[Event]:
        """Somebody on the list, once: what the client asks the server repeats."""
        if not account or (account, group) in self._contacts:
            return ()
        self._contacts[account, group] = None
        return (Contact(side=side, owner=self.own, account=account, group=group or None),)

    def seen(self, side: Side, account: str, status: str, note: str | None) -> Iterable[Event]:
        """A status, unless it is the one last told."""
        if self._states.get(account) == (status, note):
            return ()
        self._states[account] = (status, note)
        return (Presence(side=side, account=account, status=status, note=note),)

    def repeated(self, sender: str | None, number: bytes | None) -> bool:
        """Whether a numbered message was told before: version 16 sends again until it is acknowledged."""
        if number is None:
            return False
        known = (sender, number) in self._messages
        self._messages[sender, number] = None
        return known


_KEY = re.compile(rb"[0-9]{1,5}\xc0\x80")
_HALF_KEY = re.compile(rb"[0-9]{0,5}\xc0?")
_FIELDS = Struct("!4xHxxHHI")


def _header(data: bytearray, at: int) -> tuple[int, int, int, int]:
    """Version, service, status and body length of the packet at `at`, whose header is there."""
    version, length, service, status = _FIELDS.unpack_from(data, at)
    if version > MAX_VERSION or service > MAX_SERVICE:
        raise Malformed(f"version {version:#x}, service {service:#x}")
    if 0 < length < 3:
        raise Malformed(f"body of {length} bytes cannot hold a pair")
    return version, service, status, length


def _old_packet(_: Side, box: Inbox) -> OldPacket | None:
    frame = box.take(old_size(box.data)) if len(box) >= 12 else None
    return old_packet(frame) if frame is not None else None


def _head(_: Side, box: Inbox) -> Head | None:
    head = box.until(b"\r\n\r\n", MAX_HTTP_HEAD)
    return Head(decoded(head)) if head is not None else None


def _plausible_old(data: bytearray, at: int) -> bool | None:
    if len(data) - at < OLD_HEADER:
        return None
    try:
        old_size(data[at : at + 12])
    except TooLarge:
        pass
    except Malformed:
        return False
    return data[at + 14 : at + 16] == b"\0\0"  # services fit two of their four bytes
