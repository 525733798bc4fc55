"""Conversations: who is in a switchboard, and the commands that carry messages.

    USR 1 alice@example.net cookie         CAL 2 bob@example.net          CAL 2 RINGING session
    ANS 1 bob@example.net cookie session   IRO 1 1 1 alice@example.net Alice       ANS 1 OK
    JOI bob@example.net Bob                BYE bob@example.net [1]
    MSG 3 A 105       from the client: U no answer, N or A negative or any acknowledgement, S, D data
    MSG bob@example.net Bob 94             from the server; `MSG Hotmail Hotmail 1443` is the server's own

On the notification server, MSNP14 writes to other networks (Yahoo) and MSNP18 to people who are offline:

    UUM 5 bob@yahoo.example 32 1 85        UBM bob@yahoo.example 32 alice@example.net 1 1 85
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from imsniff.base.events import Event, Side
from imsniff.dissect.msn import mime
from imsniff.dissect.msn.mail import Mail
from imsniff.dissect.msn.session import MsnpSession
from imsniff.dissect.msn.wire import Command, account, headed

TEXT = "1"
"""The type of UUM and UBM that is a message; 2 is typing, 3 a nudge."""


def msg(msnp: MsnpSession, side: Side, command: Command) -> Iterable[Event]:
    first = command.arg(0)
    sent = first.isdigit()
    sender = msnp.own if sent else account(first) if "@" in first else None
    head, body = headed(command.payload)
    if not sent and sender is not None:
        msnp.joined(sender)
    if sent and sender is None:
        # mid-stream: the message itself may tell who types
        sender = account(head.get("typinguser"))
    recipient, room = msnp.addressed(sender)
    return mime.handle(msnp, side, Mail(sender, recipient, room, head, body, command.line, sent))


def uum(msnp: MsnpSession, side: Side, command: Command) -> Iterator[Event]:
    """To another network, or (`Dest-Agent: client`, MSNP18) to somebody offline."""
    head, body = headed(command.payload)
    mail = Mail(msnp.own, account(command.arg(1)), None, head, body, command.shown(), sent=True)
    if command.args[-2] == TEXT:
        yield from mime.handle(msnp, side, replace(mail, offline=head.get("dest-agent", "").casefold() == "client"))


def ubm(msnp: MsnpSession, side: Side, command: Command) -> Iterator[Event]:
    head, body = headed(command.payload)
    people = [account(word) for word in command.args[:-1] if "@" in word]
    recipient = people[1] if len(people) > 1 else msnp.own
    yield from msnp.learn(side, recipient)
    mail = Mail(people[0] if people else None, recipient, None, head, body, command.shown())
    if command.args[-2] == TEXT:
        yield from mime.handle(msnp, side, replace(mail, offline="original-arrival-time" in head))


def cal(msnp: MsnpSession, _: Side, command: Command) -> Iterator[Event]:
    match command.args:
        case [_, who, *_] if "@" in who:
            msnp.invited = account(who) if not msnp.is_own(account(who)) else msnp.invited
    yield from ()


def joi(msnp: MsnpSession, _: Side, command: Command) -> Iterator[Event]:
    msnp.joined(account(command.arg(0)))
    yield from ()


def iro(msnp: MsnpSession, _: Side, command: Command) -> Iterator[Event]:
    msnp.joined(account(command.arg(3)))
    yield from ()


def bye(msnp: MsnpSession, _: Side, command: Command) -> Iterator[Event]:
    if ";" not in command.arg(0):  # with an endpoint, the person may still be there at another one
        msnp.left(account(command.arg(0)))
    yield from ()
