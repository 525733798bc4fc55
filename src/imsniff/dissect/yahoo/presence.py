"""Who is there and who knows whom: presence of buddies and of oneself, contact lists old and new.

A presence packet from the server is a list of records that each begin with key 7; one from the client has no 7 and
speaks of itself. The contact list of versions 9 to 12 is `group:buddy,buddy\\n` lines in key 87, cut over several
packets while the status is not 0; from version 15 on it is a list of records between keys 300 and 303.
"""

from __future__ import annotations

from collections.abc import Iterator

from imsniff.base.events import Event, Side
from imsniff.base.limits import MAX_FRAME, MAX_NAME
from imsniff.dissect.yahoo.packet import FAILED, Key, Packet, Record, Service, decoded, name, number, plain
from imsniff.dissect.yahoo.session import YmsgSession

STATES: dict[int, tuple[str, str | None]] = {
    0: ("online", None),
    1: ("away", "Be Right Back"),
    2: ("busy", None),
    3: ("away", "Not at Home"),
    4: ("away", "Not at My Collector"),
    5: ("away", "Not in the Office"),
    6: ("busy", "On the Phone"),
    7: ("away", "On Vacation"),
    8: ("away", "Out to Lunch"),
    9: ("away", "Stepped Out"),
    12: ("invisible", None),
    999: ("away", "idle"),
}
CUSTOM = 99
"""The note is the user's own (19); 47 says whether it means away."""


def presence(ymsg: YmsgSession, side: Side, packet: Packet) -> Iterator[Event]:
    mine = packet.pairs.record
    if packet.service in (Service.LOGON, Service.USERSTAT) and Key.ID in mine:
        yield from ymsg.known_as(side, name(mine, Key.SELF, Key.ID))
    if Key.BUDDY in mine:
        for record in packet.pairs.records((Key.BUDDY,)):
            if (buddy := name(record, Key.BUDDY)) is not None:
                yield from ymsg.seen(side, buddy, *_state(packet.service, record))
    elif ymsg.own is None or packet.status == FAILED:
        return
    elif Key.STATE in mine or packet.service in (Service.LOGOFF, Service.BACK):
        yield from ymsg.seen(side, ymsg.own, *_state(packet.service, mine))


def _state(service: int, record: Record) -> tuple[str, str | None]:
    if service == Service.LOGOFF or record.get(Key.ONLINE) == b"0":
        return "offline", None
    if service == Service.BACK:
        return "online", None
    code = number(record.get(Key.STATE)) or 0
    if code != CUSTOM:
        return STATES.get(code, ("online", None))
    note = plain(record.get(Key.AWAY_TEXT, b""))[:MAX_NAME] or None
    return ("away" if record.get(Key.AWAY, b"0") not in (b"", b"0") else "online"), note


def contact_list(ymsg: YmsgSession, side: Side, packet: Packet) -> Iterator[Event]:
    """Versions 9 to 12."""
    lines = (ymsg.list_tail + b"".join(packet.pairs.all(Key.BUDDY_LIST))).split(b"\n")
    ymsg.list_tail = lines.pop()[:MAX_FRAME] if packet.status else b""
    for line in lines:
        group, colon, buddies = decoded(line).partition(":")
        for buddy in buddies.split(",") if colon else ():
            yield from ymsg.contact(side, buddy[:MAX_NAME], group[:MAX_NAME])


def contact_list_15(ymsg: YmsgSession, side: Side, packet: Packet) -> Iterator[Event]:
    """Version 15: 318 opens a group, 319 a buddy in it, 320 somebody ignored; each section is named again by 300."""
    ignored = False
    for key, value in packet.pairs:
        if key == Key.SECTION:
            ignored = value == b"320"
        elif key == Key.GROUP:
            ymsg.list_group = decoded(value)[:MAX_NAME]
        elif key == Key.BUDDY and not ignored:
            yield from ymsg.contact(side, decoded(value)[:MAX_NAME], ymsg.list_group)


def added(ymsg: YmsgSession, side: Side, packet: Packet) -> Iterator[Event]:
    """A buddy was added or moved; an answer with an error other than 0 took it back."""
    record = packet.pairs.record
    if record.get(Key.ERROR, b"0") not in (b"", b"0"):
        return
    yield from ymsg.known_as(side, name(record, Key.SELF))
    group = name(record, Key.NEW_GROUP, Key.GROUP)
    for buddy in packet.pairs.all(Key.BUDDY):
        yield from ymsg.contact(side, decoded(buddy)[:MAX_NAME], group)
