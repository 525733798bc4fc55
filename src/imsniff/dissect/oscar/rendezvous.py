"""Rendezvous, ICBM channel 2: two clients agree on something to do, mostly to connect to each other. TLV 5 of the ICBM:

    what:2 | cookie:8 | capability:16 | TLVs           what: 0 propose, 1 cancel, 2 accept

The capability says for what. A proposal tells where its sender can be reached, which is how inside addresses get out:

    TLV 0x02 proposed address, 0x03 the sender's own, 0x04 as the server sees it, 0x05 port, 0x18 "address port" list,
    0x10 over AOL's relay (then 0x02 is the relay and 0x05 a number it gave), 0x0C invitation in words,
    0x16 address and 0x17 port once more with all bits turned, so that a translator that rewrites 0x02 and 0x05 shows,
    0x2711 what the capability has:
        file   many:2 | files:2 | bytes:4 | name, NUL        (0x2712: character set of the name)
        chat   exchange:2 | length:1 | room cookie | instance:2
        ICQ    an extended message, see `icqtext`

The receiver may propose in turn, with the same cookie (TLV 0x0A counts up), when it cannot connect.

References: open-oscar-server wire/snacs.go 780-825; libpurple protocols/oscar/{family_icbm,peer}.c.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from imsniff.base.addresses import address
from imsniff.base.events import Anomaly, Encryption, Event, Expect, Message, Side, Trait, TransferState
from imsniff.dissect.cursor import Cursor, decimal
from imsniff.dissect.oscar import icqtext
from imsniff.dissect.oscar import markup as aimtext
from imsniff.dissect.oscar.markup import name_of
from imsniff.dissect.oscar.memory import Memory, Offer
from imsniff.dissect.oscar.snac import Tlvs, tlvs

PROPOSE, CANCEL, ACCEPT = 0, 1, 2
PROPOSED, OWN, VERIFIED, PORT = 0x02, 0x03, 0x04, 0x05
INVITATION, CHARSET, RELAYED, ADDRESS_CHECK, PORT_CHECK, ADDRESSES = 0x0C, 0x0D, 0x10, 0x16, 0x17, 0x18
SERVICE_DATA, NAME_CHARSET = 0x2711, 0x2712
RELAY_PORT = 5190
_MOST_ADDRESSES = 16


def _aol(number: int) -> bytes:
    return bytes.fromhex(f"0946{number:04x}4c7f11d18222444553540000")


SEND_FILE, DIRECT_ICQ, DIRECT_IM, GET_FILE, ICQ_RELAY = map(_aol, (0x1343, 0x1344, 0x1345, 0x1348, 0x1349))
CHAT = bytes.fromhex("748f2420628711d18222444553540000")
TRILLIAN_ENCRYPTION = bytes.fromhex("f2e7c7f4fead4dfbb23536798bdf0000")

PEERS = {SEND_FILE: "oft", GET_FILE: "oft", DIRECT_IM: "odc"}
"""What is spoken on the connection that is agreed on, where we have its dissector."""


class Proposal(NamedTuple):
    side: Side
    cookie: bytes
    capability: bytes
    tlvs: Tlvs
    sender: str | None
    recipient: str | None


def on_message(
    memory: Memory, side: Side, cursor: Cursor, sender: str | None, recipient: str | None
) -> Iterator[Event]:
    """TLV 5 of an ICBM of channel 2."""
    what, cookie, capability = cursor.u16(), cursor.take(8), cursor.take(16)
    if what == CANCEL:
        yield from memory.transfer(side, cookie, TransferState.CANCELLED)
    elif what == ACCEPT:
        yield from memory.transfer(side, cookie, TransferState.ACCEPTED)
    elif what == PROPOSE:
        yield from proposed(memory, Proposal(side, cookie, capability, tlvs(cursor), sender, recipient))


def proposed(memory: Memory, proposal: Proposal) -> Iterator[Event]:
    if handler := SERVICES.get(proposal.capability):
        yield from handler(memory, proposal)
    yield from _tampered(proposal)
    yield from _places(memory, proposal)


def _file(memory: Memory, proposal: Proposal) -> Iterator[Event]:
    """Only the first proposal names the file; later ones refer to it by the cookie."""
    data = Cursor(proposal.tlvs.get(SERVICE_DATA, b""))
    if data.left <= 8:
        return
    _many, files, size = data.u16(), data.u16(), data.u32()
    charset = proposal.tlvs.get(NAME_CHARSET)
    written = data.rest()
    name = aimtext.decode_named(charset, written).partition("\0")[0].strip()
    if charset is None or b"unicode" not in charset:
        name = name_of(written)
    name = name or (f"{files} files" if files > 1 else "")
    if name:
        memory.offers[proposal.cookie] = Offer(name, size, proposal.sender, proposal.recipient)
        yield from memory.transfer(proposal.side, proposal.cookie, TransferState.OFFERED)


def _chat(_memory: Memory, proposal: Proposal) -> Iterator[Event]:
    data = Cursor(proposal.tlvs.get(SERVICE_DATA, b""))
    room = None
    if data.left > 3:
        data.skip(2)
        room = room_of(data.take(data.u8()))
    text = aimtext.decode_named(proposal.tlvs.get(CHARSET), proposal.tlvs.get(INVITATION, b""))
    if text:
        yield Message(
            side=proposal.side,
            sender=proposal.sender,
            recipient=proposal.recipient,
            room=room,
            text=aimtext.plain(text),
        )


def room_of(cookie: bytes) -> str:
    """The room's name in its cookie: `4-0-name`, or `!aol://2719:10-4-name` with blanks as %20."""
    text = name_of(cookie)
    parts = text.removeprefix("!").split("-", 2)
    return parts[2] if len(parts) == 3 else text


def _icq(memory: Memory, proposal: Proposal) -> Iterator[Event]:
    data = Cursor(proposal.tlvs.get(SERVICE_DATA, b""))
    if data:
        yield from icqtext.extended(memory, proposal.side, data, proposal.sender, proposal.recipient)


def _encrypted(_memory: Memory, proposal: Proposal) -> Iterator[Event]:
    yield Trait(side=proposal.side, encryption=Encryption.E2E)


SERVICES: dict[bytes, Callable[[Memory, Proposal], Iterator[Event]]] = {
    SEND_FILE: _file,
    CHAT: _chat,
    ICQ_RELAY: _icq,
    TRILLIAN_ENCRYPTION: _encrypted,
}


def _tampered(proposal: Proposal) -> Iterator[Event]:
    for what, plain, check, ones in (
        ("address", PROPOSED, ADDRESS_CHECK, 0xFFFF_FFFF),
        ("port", PORT, PORT_CHECK, 0xFFFF),
    ):
        size = ones.bit_length() // 8
        said, turned = proposal.tlvs.number(plain, size), proposal.tlvs.number(check, size)
        if said is not None and turned is not None and said ^ ones != turned:
            yield Anomaly(
                side=proposal.side,
                code="oscar.rendezvous-tampered",
                detail=f"{what} {said:#x} does not match its check {turned:#x}",
            )


def _places(memory: Memory, proposal: Proposal) -> Iterator[Event]:
    """Where the proposer says it can be reached: told to the other end, and worth waiting for."""
    relayed = RELAYED in proposal.tlvs
    port = proposal.tlvs.number(PORT, 2)
    places: dict[tuple[str, int | None], None] = {}
    for kind in (OWN, VERIFIED) if relayed else (PROPOSED, OWN, VERIFIED):
        value = proposal.tlvs.get(kind, b"")
        if len(value) == 4 and (ip := address(value)):
            places[ip, None if relayed else port] = None
    listed = Cursor(proposal.tlvs.get(ADDRESSES, b""))
    while listed and len(places) < _MOST_ADDRESSES:
        ip_text, _, port_text = name_of(listed.take(min(listed.u8(), listed.left))).partition(" ")
        if ip := address(ip_text):
            places[ip, decimal(port_text, 0xFFFF) if port_text else port] = None
    for ip, at in places:
        yield from memory.expose(
            proposal.side, ip, "oscar.rendezvous", account=proposal.sender, port=at, to=proposal.recipient
        )
    protocol = PEERS.get(proposal.capability)
    if protocol is None:
        return
    if relayed and (relay := address(proposal.tlvs.get(PROPOSED, b""))):
        places[relay, RELAY_PORT] = None
    offer = memory.offers.get(proposal.cookie)
    for ip, at in places:
        if at and at < 65_536 and memory.is_news("expect", ip, at, proposal.cookie):
            yield Expect(
                side=proposal.side,
                protocol=protocol,
                ip=ip,
                port=at,
                name=offer.name if offer else None,
                size=offer.size if offer else None,
                sender=offer.sender if offer else proposal.sender,
                recipient=offer.recipient if offer else proposal.recipient,
            )
