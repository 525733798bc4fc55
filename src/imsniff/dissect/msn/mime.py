"""What the bodies of MSN messages mean, by content type.

    text/plain                     what people say. X-MMS-IM-Format is its font.
    text/x-msmsgscontrol           who is typing: names the own account, also mid-stream
    text/x-msmsgsinvite            file transfer before MSNP9: INVITE, ACCEPT with addresses, CANCEL (see `msnftp`)
    application/x-msnmsgrp2p       file transfer since MSNP9 (see `p2p`)
    text/x-msmsgsprofile           the server's first word: the client's own address, and its ticket
    text/x-clientcaps              third-party clients tell their name
    text/x-msmsgs...mdata...       offline messages wait: who wrote them (the text comes by SOAP)

A message longer than about 1 400 bytes comes in pieces: the first has `Message-ID` and `Chunks`, the others
`Message-ID` and `Chunk` (from 1) and no type.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from msgspec.structs import replace

from imsniff.base.addresses import address
from imsniff.base.events import (
    Event,
    Expect,
    Exposure,
    Grade,
    Login,
    Message,
    Outcome,
    Side,
    Transfer,
    TransferState,
    excerpt,
    masked,
)
from imsniff.base.limits import MAX_MSN_CHUNKS, MAX_NAME
from imsniff.dissect.cursor import Malformed, decimal
from imsniff.dissect.msn.mail import Invite, Mail, Pieces
from imsniff.dissect.msn.msnslp import FILE
from imsniff.dissect.msn.p2p import packet
from imsniff.dissect.msn.session import MsnpSession
from imsniff.dissect.msn.wire import account, decoded, endpoint, fields, port_number

_WAITING = re.compile(r"<M>(?:(?!</M>).){0,400}?<E>([^<]{1,320})</E>")


def handle(msnp: MsnpSession, side: Side, mail: Mail) -> Iterable[Event]:
    """A message, or a piece of one."""
    key = mail.fields.get("message-id")
    if key is not None and {"chunks", "chunk"} & mail.fields.keys():
        whole = _piece(msnp, key[:64], mail)
        if whole is None:
            return ()
        mail = whole
    handler = BODIES.get(mail.kind)
    return handler(msnp, side, mail) if handler is not None else ()


def _piece(msnp: MsnpSession, key: str, mail: Mail) -> Mail | None:
    """The whole message once its last piece came."""
    if "chunks" in mail.fields:
        count, at = decimal(mail.fields["chunks"], MAX_MSN_CHUNKS), 0
        msnp.pieces[key] = Pieces(mail, count)
    else:
        at = decimal(mail.fields["chunk"], MAX_MSN_CHUNKS)
    pieces = msnp.pieces.get(key)
    if pieces is None:  # its beginning was not seen: what is left is told at the end
        pieces = msnp.pieces[key] = Pieces(replace(mail, fields={"content-type": "text/plain"}), 0)
    if not pieces.add(at, mail.body):
        return None
    del msnp.pieces[key]
    return replace(pieces.mail, body=pieces.joined())


def unfinished(msnp: MsnpSession) -> Iterator[Event]:
    """Texts of which pieces were lost, at the end of the flow."""
    for pieces in msnp.pieces.values():
        if pieces.mail.kind == "text/plain":
            yield from plain(
                msnp, Side.CLIENT if pieces.mail.sent else Side.SERVER, replace(pieces.mail, body=pieces.joined())
            )
    msnp.pieces.clear()


# --- what people say --------------------------------------------------------------------------------------------------


def plain(msnp: MsnpSession, side: Side, mail: Mail) -> Iterator[Event]:
    if mail.sent and "user-agent" in mail.fields:
        yield from msnp.runs(side, mail.fields["user-agent"])
    yield Message(
        side=side,
        sender=mail.sender,
        recipient=mail.recipient,
        room=mail.room,
        text=decoded(mail.body, mail.fields.get("content-type", "")),
        offline=mail.offline,
        wire=excerpt(mail.line),
    )


def control(msnp: MsnpSession, side: Side, mail: Mail) -> Iterator[Event]:
    who = account(mail.fields.get("typinguser"))
    if mail.sent:
        yield from msnp.learn(side, who)
    elif who and "@" in who:
        msnp.joined(who)


def clientcaps(msnp: MsnpSession, side: Side, mail: Mail) -> Iterator[Event]:
    software = {**mail.fields, **fields(mail.body)}.get("client-name")
    if mail.sent and software:
        yield from msnp.runs(side, software)


def waiting(msnp: MsnpSession, side: Side, mail: Mail) -> Iterator[Event]:
    """Offline messages wait on the server: their writers, without the text."""
    data = {**mail.fields, **fields(mail.body)}.get("mail-data", "")
    for found in _WAITING.finditer(data):
        yield Message(
            side=side, sender=account(found[1]), recipient=msnp.own, text="", offline=True, wire=excerpt(mail.line)
        )


# --- the server's profile ---------------------------------------------------------------------------------------------


def profile(msnp: MsnpSession, side: Side, mail: Mail) -> Iterator[Event]:
    said = {**fields(mail.body), **mail.fields}
    yield from msnp.learn(side, account(said.get("preferredemail")))
    ip = address(said.get("clientip", ""))
    if ip is not None:  # (its ClientPort has the bytes swapped, or not, by the server's age: left out)
        yield from msnp.exposed(
            Exposure(side=side, account=msnp.own, ip=ip, via="msnp.profile", wire=excerpt(f"ClientIP: {ip}"))
        )
    ticket = said.get("mspauth")
    if ticket:
        yield Login(
            side=side,
            account=msnp.own,
            scheme="ticket",
            grade=Grade.TOKEN,
            outcome=Outcome.OK,
            secret=ticket,
            wire=f"MSPAuth: {masked(ticket)}",
        )


# --- files before MSNP9 -----------------------------------------------------------------------------------------------


def _transfer(side: Side, file: Invite, state: TransferState, wire: str) -> Transfer:
    return Transfer(
        side=side,
        name=file.name or "",
        size=file.size,
        sender=file.sender,
        recipient=file.recipient,
        state=state,
        wire=excerpt(wire),
    )


def invite(msnp: MsnpSession, side: Side, mail: Mail) -> Iterator[Event]:
    said = fields(mail.body)
    command = said.get("invitation-command", "").upper()
    cookie = said.get("invitation-cookie", "")[:64]
    known = msnp.invites.get(cookie)
    line = f"Invitation-Command: {command} Invitation-Cookie: {cookie}"
    if command == "INVITE" and (
        "application-file" in said or said.get("application-guid", "").strip("{}").casefold() == FILE
    ):
        size = said.get("application-filesize")
        known = Invite(
            said.get("application-file", "")[:MAX_NAME],
            None if size is None else decimal(size, 1 << 62),
            mail.sender,
            mail.recipient,
        )
        msnp.invites[cookie] = known
        yield _transfer(side, known, TransferState.OFFERED, f"Application-File: {known.name}")
    elif command == "ACCEPT" and known is not None and not known.accepted:
        known = msnp.invites[cookie] = known._replace(accepted=True)
        yield _transfer(side, known, TransferState.ACCEPTED, line)
    elif command == "CANCEL" and known is not None:
        del msnp.invites[cookie]
        yield _transfer(side, known, TransferState.CANCELLED, line)
    yield from _addresses(msnp, side, mail, said, known)


def _addresses(
    msnp: MsnpSession, side: Side, mail: Mail, said: dict[str, str], known: Invite | None
) -> Iterator[Event]:
    """Where the other may connect to. Behind a router a client tells both its addresses and up to three ports."""
    outside, inside = said.get("ip-address", ""), said.get("ip-address-internal", "")
    port, other = port_number(said.get("port")), port_number(said.get("portx"))
    told = [(address(outside), port)]
    if other is not None:
        told.append((address(outside), other))
    if inside:
        told.append((address(inside), port_number(said.get("portx-internal")) or port))
    joined = endpoint(outside)  # voice and video invitations write ip:port, and go elsewhere
    for ip, number in [joined] if joined else told:
        if ip is None:
            continue
        wire = excerpt(f"IP-Address: {ip} Port: {number or ''}")
        yield from msnp.exposed(
            Exposure(
                side=side, account=mail.sender, ip=ip, port=number, via="msnp.ip-address", to=mail.recipient, wire=wire
            )
        )
        if number is not None and joined is None:
            file = known or Invite(None, None, None, None)
            yield Expect(
                side=side,
                protocol="msnftp",
                ip=ip,
                port=number,
                name=file.name,
                size=file.size,
                sender=file.sender,
                recipient=file.recipient,
            )


# --- files since MSNP9 ------------------------------------------------------------------------------------------------


def peer(msnp: MsnpSession, side: Side, mail: Mail) -> Iterator[Event]:
    """A packet, or several of them (MSNP21) at the offsets the header tells."""
    to = account(mail.fields.get("p2p-dest"))
    if to and not mail.sent:
        yield from msnp.learn(side, to)
    elif to:
        msnp.joined(to)
    offsets = [
        decimal(text.strip(), len(mail.body)) for text in mail.fields.get("bridging-offsets", "0").split(",")[:64]
    ]
    for begin, end in zip(offsets, [*offsets[1:], len(mail.body)], strict=True):
        got = packet(mail.body[begin:end])
        if got is None:
            raise Malformed(f"P2P packet of {end - begin} bytes does not add up")
        yield from msnp.peers.packet(side, got, mail.sender, keep=msnp.keep)


BODIES: dict[str, Callable[[MsnpSession, Side, Mail], Iterator[Event]]] = {
    "text/plain": plain,
    "text/x-msmsgscontrol": control,
    "text/x-msmsgsinvite": invite,
    "text/x-msmsgsprofile": profile,
    "text/x-clientcaps": clientcaps,
    "text/x-msmsgsinitialmdatanotification": waiting,
    "text/x-msmsgsoimnotification": waiting,
    "application/x-msnmsgrp2p": peer,
}
"""What is not here says nothing to us: nudges and winks (datacast), ink, emoticons, mail notices, keep-alives."""
