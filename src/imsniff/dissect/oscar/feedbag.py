"""The contact list of OSCAR: kept on the server (family 0x13, "feedbag"), or told anew at each login (family 0x03).

    13/06 (whole list):  version:1 | number:2 | items | time:4          13/08 add, 13/09 change:  items
    item:                length:2 | name | group:2 | item:2 | class:2 | length:2 | TLVs     class 0 contact, 1 group
    03/04:               (length:1 | name) ...

A long list comes in several SNACs with one request id, flag 0x0001 in all but the last. A group may be named after its
members, or in an earlier SNAC, so groups are remembered.

References: open-oscar-server wire/snacs.go; libpurple protocols/oscar/family_feedbag.c.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from imsniff.base.events import Event, Side
from imsniff.base.limits import MAX_NAME
from imsniff.dissect.cursor import Cursor, Malformed
from imsniff.dissect.oscar.markup import loose, name_of
from imsniff.dissect.oscar.memory import Memory
from imsniff.dissect.oscar.snac import FLAG_MORE, Snac

CONTACT, GROUP = 0x0000, 0x0001
_ITEM_HEADER = 10


class Item(NamedTuple):
    name: str
    group: int
    kind: int


def whole_list(memory: Memory, side: Side, snac: Snac) -> Iterator[Event]:
    """13/06. Where a server cut an item at the border of two SNACs, the second goes on where the first ended."""
    begun = memory.half_item.pop(snac.request, None)
    if begun is None:
        version, count = snac.body.u8(), snac.body.u16()
        if version > 1:
            raise Malformed(f"contact list of version {version}")
        body = Cursor(snac.body.rest())
    else:
        count, body = 0xFFFF, Cursor(begun + snac.body.rest())
    items = _items(body, count)
    if snac.flags & FLAG_MORE and 4 < body.left < 0x2000 and len(items) < count:
        memory.half_item[snac.request] = body.rest()
    yield from _contacts(memory, side, items)


def changed(memory: Memory, side: Side, snac: Snac) -> Iterator[Event]:
    yield from _contacts(memory, side, _items(snac.body, 0xFFFF))


def _items(body: Cursor, count: int) -> list[Item]:
    """Up to `count` items; the cursor stays before one that is cut short."""
    items: list[Item] = []
    while len(items) < count and body.left >= _ITEM_HEADER:
        began = body.at
        try:
            name = loose(body.take(body.u16()))[:MAX_NAME]
            group, _item, kind = body.u16(), body.u16(), body.u16()
            body.skip(body.u16())
        except Malformed:
            body.at = began
            break
        items.append(Item(name, group, kind))
    return items


def _contacts(memory: Memory, side: Side, items: list[Item]) -> Iterator[Event]:
    for item in items:
        if item.kind == GROUP and item.group:
            memory.groups[item.group] = item.name
    for item in items:
        if item.kind == CONTACT:
            yield from memory.guess_service(side, item.name)
            yield from memory.contact(side, item.name, memory.groups.get(item.group))


def told(memory: Memory, side: Side, snac: Snac) -> Iterator[Event]:
    """03/04."""
    while snac.body:
        name = name_of(snac.body.take(snac.body.u8()))
        yield from memory.guess_service(side, name)
        yield from memory.contact(side, name, None)


HANDLERS: dict[tuple[int, int], Callable[[Memory, Side, Snac], Iterator[Event]]] = {
    (0x03, 0x04): told,
    (0x13, 0x06): whole_list,
    (0x13, 0x08): changed,
    (0x13, 0x09): changed,
}
