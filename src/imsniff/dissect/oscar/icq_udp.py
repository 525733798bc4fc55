"""ICQ over UDP (1996 to 2000, versions 2 to 5): one packet a datagram (`icq_packet`), each acknowledged by its sequence
number and repeated until it is.

    03E8 login:        [time:4] | port:4 | length:2 | password | 4 | own address:4 | kind:1 | status:4
    010E message:      recipient:4 | type:2 | length:2 | text             0104 the same, with the sender
    00DC kept message: sender:4 | date:6 | type:2 | length:2 | text
    0406 contacts:     number:1 | UIN:4 ...                               053C one more: UIN:4
    006E is online:    UIN:4 | address:4 | port:4 | inside address:4 | kind:1 | status:4     (2: port:2, status:2 at 17)
    0078 is offline:   UIN:4        01A4 new status: UIN:4 | status:4

Passwords are readable in every version: 2 and 3 hide nothing, 4 not that far into the packet, 5 with a key that is in
the packet.

References: open-oscar-server server/icq_legacy; icqlib; H. Isaksson's description of version 5.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from imsniff.base.events import Event, Expect, Grade, Login, Outcome, Side, Trait, excerpt, masked
from imsniff.base.limits import MAX_FOREIGN_FRAMES
from imsniff.dissect.core import CappedTable, Dissector, Inbox
from imsniff.dissect.cursor import Cursor, Malformed
from imsniff.dissect.oscar import icqtext
from imsniff.dissect.oscar.icq_packet import Packet, packets
from imsniff.dissect.oscar.markup import loose
from imsniff.dissect.oscar.memory import Memory
from imsniff.dissect.oscar.presence import ICQ_STATUS

LOGIN = 0x03E8
LONGEST_PASSWORD = 64
SET_PASSWORD = 0x042E
_UNCHECKED = 4
"""Packets without a check code that prove a flow, with answers among them and one UIN: versions 2 and 3 have none."""
SMALLEST_UIN = 1_000


class Icq(Dissector[Packet]):
    name = "icq"
    marks = re.compile(rb"[\x02-\x05]\x00")
    mark_size = 2
    datagrams_only = True

    def __init__(self, *, midstream: bool = False, expected: Expect | None = None) -> None:
        super().__init__(midstream=midstream, expected=expected)
        self.memory = Memory()
        self._proven = False
        self._foreign = 0
        self._unchecked: dict[Side, int] = dict.fromkeys(Side, 0)
        self._repeated: CappedTable[tuple[bool, int, tuple[int, int], bytes], None] = CappedTable()

    @property
    def confirmed(self) -> bool:
        return self._proven

    @property
    def given_up(self) -> bool:
        return not self._proven and self._foreign > MAX_FOREIGN_FRAMES

    def frames(self, side: Side, box: Inbox) -> Iterator[Packet]:
        data = box.take(len(box)) or b""
        try:
            yield from packets(data)
        except Malformed:
            self._foreign += 1
            raise

    def plausible(self, side: Side, data: bytearray, at: int) -> bool | None:
        """There is no stream to look in."""
        return False

    def on_frame(self, side: Side, frame: Packet) -> Iterator[Event]:
        self._proven = self._proven or frame.checked or self._is_likely(side, frame)
        again = (frame.from_client, frame.command, frame.sequence, frame.body)
        if again in self._repeated:
            return
        self._repeated[again] = None
        if frame.uin:
            if self.memory.own is None:
                yield Trait(side=side, software=f"ICQ protocol version {frame.version}")
            yield from self.memory.name_own(side, str(frame.uin))
        handler = (CLIENT_COMMANDS if frame.from_client else SERVER_COMMANDS).get(frame.command)
        if handler:
            yield from handler(self, side, frame, Cursor(frame.body))

    def _is_likely(self, side: Side, frame: Packet) -> bool:
        if frame.uin is not None and (frame.uin < SMALLEST_UIN or self.memory.own not in (None, str(frame.uin))):
            self._unchecked = dict.fromkeys(Side, 0)
            return False
        self._unchecked[side] += 1
        return all(self._unchecked.values()) and sum(self._unchecked.values()) >= _UNCHECKED

    # --- what the client says -----------------------------------------------------------------------------------------

    def _login(self, side: Side, frame: Packet, body: Cursor) -> Iterator[Event]:
        if frame.version > 2:
            body.skip(4)
        port = body.le32()
        written = body.take(body.le16())
        password = loose(written.rstrip(b"\0"))
        if not port < 65_536 or len(written) > LONGEST_PASSWORD or b"\0" in written[:-1]:
            raise Malformed("login that is none")
        self._proven = True
        clear = frame.plain or frame.version == 4
        yield from self.hold(
            Login(
                side=side,
                account=self.memory.own,
                scheme="plain" if clear else "icq-v5",
                grade=Grade.CLEARTEXT if clear else Grade.REVERSIBLE,
                secret=password,
                wire=excerpt(f"version {frame.version} login of {self.memory.own} {masked(password)}"),
            )
        )
        if body.left >= 13:
            body.skip(4)
            ip = body.take(4)
            yield from self.memory.expose(side, ip, "icq.login", account=self.memory.own, port=port)
            body.skip(1)
            if self.memory.own:
                status = body.le16()
                yield from self.memory.seen(side, self.memory.own, _status(status))

    def _registered(self, side: Side, frame: Packet, body: Cursor) -> Iterator[Event]:
        """A new account's or a changed password: length:2 | password."""
        if body.left < 3:
            return
        written = body.take(min(body.le16(), body.left))
        password = loose(written.rstrip(b"\0"))
        clear = frame.plain or frame.version == 4
        if 0 < len(written) <= LONGEST_PASSWORD and password.isprintable():
            yield Login(
                side=side,
                account=self.memory.own,
                scheme="password-change",
                grade=Grade.CLEARTEXT if clear else Grade.REVERSIBLE,
                secret=password,
                wire=excerpt(f"version {frame.version} new password {masked(password)}"),
            )

    def _meta(self, side: Side, frame: Packet, body: Cursor) -> Iterator[Event]:
        if body.left >= 2 and body.le16() == SET_PASSWORD:
            yield from self._registered(side, frame, body)

    def _sent(self, side: Side, frame: Packet, body: Cursor) -> Iterator[Event]:
        recipient, kind = str(body.le32()), body.le16()
        text = body.take(min(body.le16(), body.left))
        yield from icqtext.typed(self.memory, side, kind & 0xFF, text, self.memory.own, recipient)

    def _contacts(self, side: Side, frame: Packet, body: Cursor) -> Iterator[Event]:
        for _ in range(body.u8()):
            if body.left < 4:
                return
            yield from self.memory.contact(side, str(body.le32()), None)

    def _added(self, side: Side, frame: Packet, body: Cursor) -> Iterator[Event]:
        yield from self.memory.contact(side, str(body.le32()), None)

    def _own_status(self, side: Side, frame: Packet, body: Cursor) -> Iterator[Event]:
        if self.memory.own:
            yield from self.memory.seen(side, self.memory.own, _status(body.le16()))

    def _left(self, side: Side, frame: Packet, body: Cursor) -> Iterator[Event]:
        if self.memory.own:
            yield from self.memory.seen(side, self.memory.own, "offline")

    # --- what the server says -----------------------------------------------------------------------------------------

    def _welcome(self, side: Side, frame: Packet, body: Cursor) -> Iterator[Event]:
        yield from self.settle(Outcome.OK)

    def _refused(self, side: Side, frame: Packet, body: Cursor) -> Iterator[Event]:
        yield from self.settle(Outcome.FAILED)

    def _received(self, side: Side, frame: Packet, body: Cursor) -> Iterator[Event]:
        sender, kind = str(body.le32()), body.le16()
        text = body.take(min(body.le16(), body.left))
        yield from icqtext.typed(self.memory, side, kind & 0xFF, text, sender, self.memory.own)

    def _kept(self, side: Side, frame: Packet, body: Cursor) -> Iterator[Event]:
        sender = str(body.le32())
        body.skip(6)
        kind = body.le16()
        text = body.take(min(body.le16(), body.left))
        yield from icqtext.typed(self.memory, side, kind & 0xFF, text, sender, self.memory.own, offline=True)

    def _online(self, side: Side, frame: Packet, body: Cursor) -> Iterator[Event]:
        account, outside = str(body.le32()), body.take(4)
        port = body.le16() if frame.version == 2 else body.le32()
        inside = body.take(4)
        body.skip(3 if frame.version == 2 else 1)
        yield from self.memory.seen(side, account, _status(body.le16()))
        for ip in dict.fromkeys((outside, inside)):
            yield from self.memory.expose(side, ip, "icq.user-online", account=account, port=port, to=self.memory.own)

    def _offline(self, side: Side, frame: Packet, body: Cursor) -> Iterator[Event]:
        yield from self.memory.seen(side, str(body.le32()), "offline")

    def _status_of(self, side: Side, frame: Packet, body: Cursor) -> Iterator[Event]:
        yield from self.memory.seen(side, str(body.le32()), _status(body.le16()))


def _status(bits: int) -> str:
    return next((word for mask, word in ICQ_STATUS if bits & mask), "online")


Handler = Callable[[Icq, Side, Packet, Cursor], Iterator[Event]]

CLIENT_COMMANDS: dict[int, Handler] = {
    0x010E: Icq._sent,
    LOGIN: Icq._login,
    0x03FC: Icq._registered,
    0x0406: Icq._contacts,
    0x0438: Icq._left,
    0x049C: Icq._registered,
    0x04D8: Icq._own_status,
    0x053C: Icq._added,
    0x064A: Icq._meta,
}

SERVER_COMMANDS: dict[int, Handler] = {
    0x005A: Icq._welcome,
    0x0064: Icq._refused,
    0x006E: Icq._online,
    0x0078: Icq._offline,
    0x00DC: Icq._kept,
    0x0104: Icq._received,
    0x01A4: Icq._status_of,
}
