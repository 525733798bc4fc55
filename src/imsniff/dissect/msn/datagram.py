"""MSNP21, which has no switchboards: messages and presence are datagrams through the notification server.

    SDG 58 size          a message, either way           PUT 35 size   publish          NFY PUT size   notify

The payload is three blocks of header lines, then the content:

    Routing: 1.0                                  Reliability: 1.0     Messaging: 2.0
    To: 1:bob@example.net                                              Message-Type: Text
    From: 1:alice@example.net;epid={guid}                              Content-Type: text/plain; charset=UTF-8
    Service-Channel: IM/Offline                                        Content-Length: 21

Accounts are `network:id;options`: 1 Live, 13 Facebook, 32 Yahoo, 9 a circle and 10 a chat of several people.
References: https://github.com/msndevs/msnp-sharp/blob/wiki/KB_MSNP21.md
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from imsniff.base.events import Event, Side
from imsniff.dissect.cursor import Malformed
from imsniff.dissect.msn import mime
from imsniff.dissect.msn.mail import Mail
from imsniff.dissect.msn.roster import STATUSES, note
from imsniff.dissect.msn.session import MsnpSession
from imsniff.dissect.msn.wire import Command, account, fields

ROOMS = ("9:", "10:")
"""Networks whose ids are groups."""
_STATUS = re.compile(rb"<Status>([A-Z]{3})</Status>")


class Datagram(NamedTuple):
    routing: dict[str, str]
    content: dict[str, str]
    body: bytes

    def who(self, header: str) -> str | None:
        return account(self.routing.get(header))


def datagram(payload: bytes) -> Datagram:
    blocks = payload.split(b"\r\n\r\n", 3)
    if len(blocks) < 3:
        raise Malformed(f"datagram of {len(blocks)} blocks")
    routing = fields(blocks[0])
    if "routing" not in routing:
        raise Malformed("datagram without routing")
    return Datagram(routing, fields(blocks[2]), blocks[3] if len(blocks) > 3 else b"")


def sdg(msnp: MsnpSession, side: Side, command: Command) -> Iterator[Event]:
    said = datagram(command.payload)
    kind = said.content.get("message-type", "").casefold()
    to = said.routing.get("to", "")
    sent = command.arg(0) != "0"  # the server has no transactions
    if sent or to.startswith("1:"):
        yield from msnp.learn(side, said.who("from" if sent else "to"))
    room = said.who("to") if to.startswith(ROOMS) else None
    mail = Mail(
        said.who("from"),
        said.who("to"),
        room,
        said.content,
        said.body,
        command.shown(),
        sent=sent,
        offline=said.routing.get("service-channel", "").casefold() == "im/offline",
    )
    if kind == "signal/p2p":
        yield from msnp.peers.signals.text(side, said.body)
    elif kind == "text" or mail.kind == "application/x-msnmsgrp2p":
        yield from mime.handle(msnp, side, mail)


def published(msnp: MsnpSession, side: Side, command: Command) -> Iterator[Event]:
    """PUT and NFY: somebody's presence, one's own with PUT."""
    if not command.payload:
        return
    said = datagram(command.payload)
    who = said.who("from")
    if command.verb == "PUT" and command.arg(0).isdigit() and len(command.args) == 2:
        yield from msnp.learn(side, who)
    if command.verb == "NFY" and (said.routing.get("to") or "").startswith("1:"):
        yield from msnp.learn(side, said.who("to"))
    if "user+xml" not in said.content.get("content-type", ""):
        return
    status = _STATUS.search(said.body)
    name = STATUSES.get(status[1].decode()) if status else None
    yield from msnp.present(side, who, name, note(said.body), command.shown())
