"""YPNS and YHOO, what Yahoo! Pager spoke before YMSG (1998 to 2000).

    "YPNS2.0\\0" or "YHOO1.0\\0" | length:4 | service:4 | connection:4 | magic:4 | unknown:4 | type:4 |
    nick:36 | active nick:36 | content ...

**Little-endian**, and `length` counts the header too. Clients write YPNS, servers YHOO. Services are those of YMSG. The
content of a message is `recipient,text` from the client, `sender,text` from the server, and
`number,number,recipient,sender,time,text` where it waited on the server. A log-on carries the cookie of a web log-in.

References: libyahoo, Wireshark's packet-yhoo.c.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from imsniff.base.events import Event, Grade, Login, Message, Side, excerpt, masked
from imsniff.base.limits import MAX_FRAME, MAX_YPNS_ANNOUNCED
from imsniff.dissect.cursor import Cursor, Malformed, TooLarge
from imsniff.dissect.yahoo.packet import Service, decoded, plain
from imsniff.dissect.yahoo.session import YmsgSession

OLD_HEADER = 104
CLIENT_MAGIC, SERVER_MAGIC = b"YPNS", b"YHOO"


class OldPacket(NamedTuple):
    from_client: bool
    service: int
    nick: str
    content: bytes


def old_size(header: bytes | bytearray) -> int:
    """Size of the whole packet from its first 12 bytes."""
    size = int.from_bytes(header[8:12], "little")
    if not OLD_HEADER <= size <= MAX_YPNS_ANNOUNCED:
        raise Malformed(f"old packet of {size} bytes")
    if size > MAX_FRAME:
        raise TooLarge(f"old packet of {size} bytes", size)
    return size


def old_packet(frame: bytes) -> OldPacket:
    cursor = Cursor(frame)
    magic = cursor.take(4)
    cursor.skip(8)
    service = cursor.le32()
    cursor.skip(16)
    nick, active = (cursor.take(36).partition(b"\0")[0] for _ in range(2))
    return OldPacket(magic == CLIENT_MAGIC, service, decoded(active or nick), cursor.rest().rstrip(b"\0"))


def on_old_packet(ymsg: YmsgSession, side: Side, packet: OldPacket) -> Iterator[Event]:
    yield from ymsg.known_as(side, packet.nick or None)
    if packet.service == Service.LOGON and packet.from_client and packet.content:
        cookie = decoded(packet.content)
        wire = excerpt(f"YPNS log-on of {packet.nick}: {masked(cookie)}")
        yield Login(
            side=side, account=packet.nick or None, scheme="cookie", grade=Grade.TOKEN, secret=cookie, wire=wire
        )
    elif packet.service in (Service.MESSAGE, Service.SYSTEM) and packet.content:
        yield from _message(side, packet)


def _message(side: Side, packet: OldPacket) -> Iterator[Event]:
    parts = packet.content.split(b",", 5)
    if len(parts) == 6 and parts[0].isdigit() and parts[1].isdigit():
        peer, text, offline = decoded(parts[3]), plain(parts[5]), True
    else:
        first, _, rest = packet.content.partition(b",")
        peer, text, offline = decoded(first), plain(rest), False
    if text.strip():
        sender, recipient = (packet.nick, peer) if packet.from_client else (peer, packet.nick)
        yield Message(side=side, sender=sender or None, recipient=recipient or None, text=text, offline=offline)
