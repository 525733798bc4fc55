"""AIM's chat rooms: each has a connection of its own, where family 0x0E is spoken.

    0E/02 the room:      exchange:2 | length:1 | room cookie | instance:2 | detail:1 | number:2 | TLVs (0xD3 name)
    0E/05, 0E/06 a text: cookie:8 | channel:2 | TLVs    0x03 user info of the sender (06 only), 0x05 the message: TLVs
                         0x01 text, 0x02 character set, 0x03 language

The room echoes a message to its sender with the same cookie. Nothing else on this connection says whose it is, so the
first message waits for its echo.

References: open-oscar-server wire/snacs.go (0x0D, 0x0E); libpurple protocols/oscar/family_chat.c.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from imsniff.base.events import Event, Message, Side
from imsniff.dissect.cursor import Cursor
from imsniff.dissect.oscar import markup as aimtext
from imsniff.dissect.oscar.markup import name_of
from imsniff.dissect.oscar.memory import Memory
from imsniff.dissect.oscar.rendezvous import room_of
from imsniff.dissect.oscar.snac import Snac, Tlvs, tlvs, user_info

SENDER, MESSAGE = 0x03, 0x05
TEXT, CHARSET = 0x01, 0x02
ROOM_NAME = 0xD3


def room(memory: Memory, _side: Side, snac: Snac) -> Iterator[Event]:
    snac.body.skip(2)
    cookie = snac.body.take(snac.body.u8())
    snac.body.skip(3)
    name = snac.tlvs(snac.body.u16()).get(ROOM_NAME)
    memory.room = name_of(name) if name else room_of(cookie)
    yield from ()


def sent(memory: Memory, side: Side, snac: Snac) -> Iterator[Event]:
    cookie, found = _message(snac)
    memory.said[cookie] = None
    for message in _text(memory, side, memory.own, found):
        if memory.own is None:
            memory.unsigned[cookie] = message
        else:
            yield message


def received(memory: Memory, side: Side, snac: Snac) -> Iterator[Event]:
    cookie, found = _message(snac)
    sender = user_info(Cursor(found[SENDER])).name if SENDER in found else None
    if cookie not in memory.said:
        yield from memory.guess_service(side, sender)
        yield from _text(memory, side, sender, found)
    elif sender:
        yield from memory.name_own(side, sender)
        yield from memory.sign()


def _message(snac: Snac) -> tuple[bytes, Tlvs]:
    cookie = snac.body.take(8)
    snac.body.skip(2)
    return cookie, snac.tlvs()


def _text(memory: Memory, side: Side, sender: str | None, found: Tlvs) -> Iterator[Message]:
    message = tlvs(Cursor(found.get(MESSAGE, b"")))
    text = aimtext.plain(aimtext.decode_named(message.get(CHARSET), message.get(TEXT, b"")))
    if text:
        yield Message(side=side, sender=sender, recipient=memory.room, room=memory.room, text=text)


HANDLERS: dict[tuple[int, int], Callable[[Memory, Side, Snac], Iterator[Event]]] = {
    (0x0E, 0x02): room,
    (0x0E, 0x05): sent,
    (0x0E, 0x06): received,
}
