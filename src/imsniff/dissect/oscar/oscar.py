"""OSCAR, the protocol of AIM (all versions) and ICQ (2000 to 8) on TCP: FLAP frames (`flap`) that carry SNACs (`snac`).

This file holds the connection together: framing and its recovery, sign-on and its outcome, and the table that sends
each SNAC to the file that reads its family. One account has several connections: to the login server, to the main
server (BOS) and to one server for each further service and chat room, each opened with a cookie.

Finding a frame. On channel 2 the header of a known SNAC follows the header of the frame: together some 60 known bits,
so one frame is enough wherever the reading begins. A sign-on must have version 1 and a TLV that fits, a sign-off TLVs
to its exact end, a keep-alive another one right behind it. Some servers send a frame's header in a packet of its own;
where just that packet is lost, the SNAC behind is read up to the next frame ("headless"), but only on a connection
that is known to be OSCAR.

References: AOL's OSCAR papers of 2008 as open-oscar-server (wire/) implements them; libpurple protocols/oscar.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import msgspec

from imsniff.base.events import Anomaly, Event, Expect, Grade, Login, Outcome, Reversed, Side
from imsniff.base.limits import LOOKAHEAD, MAX_COOKIE_FRAMES, MAX_FOREIGN_FRAMES, MAX_UNSIGNED
from imsniff.dissect.core import Dissector, Inbox
from imsniff.dissect.cursor import Cursor, Malformed
from imsniff.dissect.oscar import feedbag, flap, icbm, icqmeta, presence, rooms, snac
from imsniff.dissect.oscar import login as oscar_login
from imsniff.dissect.oscar.flap import MARKER, Channel, Flap
from imsniff.dissect.oscar.markup import name_of
from imsniff.dissect.oscar.memory import Memory
from imsniff.dissect.oscar.snac import Snac

SIGN_ON_TLVS = frozenset({1, 2, 3, 6, 0xE, 0xF, 0x14, 0x16, 0x17, 0x18, 0x4A, 0x94, 0x8001, 0x8003, 0x8004})
SIGN_OFF_TLVS = frozenset({1, 4, 5, 6, 8, 9, 0xB, 0xC, 0x8E, 0x13})
_SNAC_AT = flap.HEADER + snac.HEADER
_LARGEST_HEADLESS = 0x2000

Handler = Callable[[Memory, Side, Snac], Iterable[Event]]


class Oscar(Dissector[Flap]):
    name = "oscar"
    max_frame = flap.LARGEST
    marks = flap.MARK
    mark_size = 2

    def __init__(self, *, midstream: bool = False, expected: Expect | None = None) -> None:
        super().__init__(midstream=midstream, expected=expected)
        self._memory = Memory()
        self._proven = False
        self._foreign = 0
        self._patience = MAX_FOREIGN_FRAMES if midstream else 0
        """Broken frames that may come before a sound one: none where the beginning was seen."""
        self._greeted: set[Side] = set()
        self._kept_alive: dict[Side, int] = {}
        self._cookie: Login | None = None
        """A cookie that was presented: waits for the server to say whose it is."""
        self._cookie_since = 0
        self._turned = not midstream
        self._bare: set[Side] = set()
        """Sides whose bytes begin with a SNAC that lost its frame header."""

    @property
    def confirmed(self) -> bool:
        return self._proven

    @property
    def given_up(self) -> bool:
        return super().given_up or (not self._proven and self._foreign > self._patience)

    # --- framing ------------------------------------------------------------------------------------------------------

    def frames(self, side: Side, box: Inbox) -> Iterator[Flap]:
        while box.data:
            if side in self._bare:
                body = self._headless(side, box)
                if body is None:
                    return
                self._bare.discard(side)
                yield Flap(Channel.DATA, 0, body)
                continue
            try:
                head = self._header(box)
            except Malformed:
                self._foreign += 1
                raise
            frame = flap.cut(box, head)
            if frame is None:
                return
            yield frame

    def _header(self, box: Inbox) -> flap.Header | None:
        """Refuse a frame before its body has come: what it announces may be 64 KiB of something else."""
        head = flap.header(box.data)
        if head is None or head.channel != Channel.DATA:
            return head
        if head.size < snac.HEADER:
            raise Malformed(f"SNAC of {head.size} bytes")
        if not self._proven and len(box) >= flap.HEADER + 2:
            family = int.from_bytes(box.data[flap.HEADER : flap.HEADER + 2], "big")
            if family not in snac.FAMILIES:
                raise Malformed(f"SNAC family {family:#06x}")
        return head

    def _headless(self, side: Side, box: Inbox) -> bytes | None:
        """A SNAC whose frame header was lost goes on until the next frame begins; None while that is not there."""
        at = snac.HEADER
        while (found := flap.MARK.search(box.data, at)) is not None:
            at = found.start()
            verdict = self.plausible(side, box.data, at)
            if verdict:
                return box.take(at)
            if verdict is None and len(box) - at < LOOKAHEAD:
                return None
            at += 1
        if len(box) > _LARGEST_HEADLESS:
            raise Malformed("a SNAC without its frame, and no frame after it")
        return None

    def plausible(self, side: Side, data: bytearray, at: int) -> bool | None:
        if at == 0 and self._proven and data and data[0] != MARKER:
            if len(data) < snac.HEADER:
                return None
            if snac.is_known(data):
                self._bare.add(side)
            return side in self._bare
        try:
            head = flap.header(data, at)
        except Malformed:
            return False
        return None if head is None else PLAUSIBLE[head.channel](data, at + flap.HEADER, head)

    def restart(self, side: Side) -> None:
        self._bare.discard(side)
        self._kept_alive.pop(side, None)

    # --- meaning ------------------------------------------------------------------------------------------------------

    def on_frame(self, side: Side, frame: Flap) -> Iterator[Event]:
        if handler := CHANNELS.get(frame.channel):
            yield from handler(self, side, frame)
        if self._cookie is not None and (
            self.good - self._cookie_since > MAX_COOKIE_FRAMES
            or (self._memory.own is not None and self._cookie.outcome is not Outcome.UNKNOWN)
        ):
            yield from self._release()
        if len(self._memory.unsigned) > MAX_UNSIGNED:
            yield from self._memory.sign()

    def on_end(self) -> Iterator[Event]:
        for side, box in self._inbox.items():
            if side in self._bare and box:
                yield from self._judge(side, Flap(Channel.DATA, 0, bytes(box.data)))
        yield from self._memory.sign()
        yield from self._release()

    def _sign_on(self, side: Side, frame: Flap) -> Iterator[Event]:
        if not frame.body.startswith(flap.VERSION):
            raise Malformed("sign-on without its version")
        tlvs = snac.tlvs(Cursor(frame.body, len(flap.VERSION)))
        self._greeted.add(side)
        # The client of TOC sends its name and nothing else here.
        self._proven = self._proven or len(self._greeted) == 2 or bool(tlvs.keys() & SIGN_ON_TLVS - {oscar_login.NAME})
        yield from oscar_login.software(side, tlvs)
        yield from self._named(side, tlvs)
        yield from self._credential(side, tlvs)

    def _data(self, side: Side, frame: Flap) -> Iterator[Event]:
        data = Snac.read(frame.body)
        kind = (data.family, data.subtype)
        if not self._proven and snac.is_known(frame.body):
            self._proven = True
        if not self._turned:
            yield from self._which_side(side, kind)
        if login_step := LOGIN.get(kind):
            yield from login_step(self, side, data)
        elif handler := HANDLERS.get(kind):
            yield from handler(self._memory, side, data)
        if not data.whole:
            yield Anomaly(
                side=side, code="oscar.malformed", detail=f"TLV cut short in SNAC {kind[0]:04X}/{kind[1]:04X}"
            )

    def _sign_off(self, side: Side, frame: Flap) -> Iterator[Event]:
        """The end; or, with TLVs, the answer to a login with a roasted password."""
        tlvs = snac.tlvs(Cursor(frame.body))
        if tlvs.keys() & SIGN_OFF_TLVS:
            self._proven = self._proven or len(tlvs) > 1
            yield from self._answer(side, tlvs)

    def _keep_alive(self, side: Side, frame: Flap) -> Iterator[Event]:
        earlier = self._kept_alive.get(side)
        if earlier is not None and flap.follows(earlier, frame.sequence):
            self._proven = True
        self._kept_alive[side] = frame.sequence
        yield from ()

    def _which_side(self, side: Side, kind: tuple[int, int]) -> Iterator[Event]:
        if kind in (snac.FROM_SERVER if side is Side.CLIENT else snac.FROM_CLIENT):
            yield Reversed(side=Side.CLIENT)
        self._turned = kind in snac.FROM_SERVER or kind in snac.FROM_CLIENT

    # --- login --------------------------------------------------------------------------------------------------------

    def _named(self, side: Side, tlvs: snac.Tlvs) -> Iterable[Event]:
        return self._memory.name_own(side, name_of(tlvs.get(oscar_login.NAME, b"")))

    def _credential(self, side: Side, tlvs: snac.Tlvs) -> Iterator[Event]:
        login = oscar_login.credential(side, self._memory.own, tlvs)
        if login is None:
            return
        if login.grade is Grade.TOKEN:
            yield from self._release()
            self._cookie, self._cookie_since = self.dated(login), self.good
        else:
            yield from self.hold(login)

    def _release(self, outcome: Outcome | None = None) -> Iterator[Event]:
        """The presented cookie goes out, with the account if that is known by now."""
        if self._cookie is not None:
            login, self._cookie = self._cookie, None
            yield msgspec.structs.replace(login, account=self._memory.own, outcome=outcome or login.outcome)

    def _answer(self, side: Side, tlvs: snac.Tlvs) -> Iterator[Event]:
        yield from self._named(side, tlvs)
        outcome = oscar_login.outcome(tlvs)
        if outcome is not None:
            yield from self.settle(outcome)
        if outcome is Outcome.FAILED:
            yield from self._release(outcome)
        yield from oscar_login.redirect(side, tlvs)

    def _asked_key(self, side: Side, data: Snac) -> Iterator[Event]:
        yield from self._named(side, data.tlvs())

    def _logged_in(self, side: Side, data: Snac) -> Iterator[Event]:
        tlvs = data.tlvs()
        yield from oscar_login.software(side, tlvs)
        yield from self._named(side, tlvs)
        yield from self._credential(side, tlvs)

    def _login_answered(self, side: Side, data: Snac) -> Iterator[Event]:
        yield from self._answer(side, data.tlvs())

    def _ready(self, side: Side, data: Snac) -> Iterator[Event]:
        """01/03, the list of families: the server took the cookie."""
        if self._cookie is not None:
            self._cookie = msgspec.structs.replace(self._cookie, outcome=Outcome.OK)
        yield from ()

    def _redirected(self, side: Side, data: Snac) -> Iterator[Event]:
        yield from oscar_login.redirect(side, data.tlvs())

    def _password_changed(self, side: Side, data: Snac) -> Iterator[Event]:
        yield from oscar_login.password_change(side, self._memory.own, data.tlvs())


def _plausible_sign_on(data: bytearray, at: int, head: flap.Header) -> bool | None:
    if head.size < 4 or (len(data) >= at + 4 and data[at : at + 4] != flap.VERSION):
        return False
    if head.size == 4:
        return True if len(data) >= at + 4 else None
    if len(data) < at + 8:
        return None
    kind, size = (int.from_bytes(data[at + i : at + i + 2], "big") for i in (4, 6))
    return kind in SIGN_ON_TLVS and 8 + size <= head.size


def _plausible_data(data: bytearray, at: int, head: flap.Header) -> bool | None:
    if head.size < snac.HEADER:
        return False
    return snac.is_known(data, at) if len(data) >= at + snac.HEADER else None


def _plausible_sign_off(data: bytearray, at: int, head: flap.Header) -> bool | None:
    """At least two TLVs, the first of the table, to the exact end."""
    if not 10 <= head.size <= LOOKAHEAD - flap.HEADER:
        return False
    if len(data) >= at + 2 and int.from_bytes(data[at : at + 2], "big") not in SIGN_OFF_TLVS:
        return False
    if len(data) < at + head.size:
        return None
    tlvs = snac.tlvs(Cursor(bytes(data[at : at + head.size])))
    return tlvs.whole and len(tlvs) > 1


def _plausible_keep_alive(data: bytearray, at: int, head: flap.Header) -> bool | None:
    if head.size:
        return False
    try:
        after = flap.header(data, at)
    except Malformed:
        return False
    if after is None:
        return None
    return after.channel == Channel.KEEP_ALIVE and not after.size and flap.follows(head.sequence, after.sequence)


def _implausible(_data: bytearray, _at: int, _head: flap.Header) -> bool:
    """Errors are too rare to be a place to begin."""
    return False


PLAUSIBLE: dict[int, Callable[[bytearray, int, flap.Header], bool | None]] = {
    Channel.SIGN_ON: _plausible_sign_on,
    Channel.DATA: _plausible_data,
    Channel.ERROR: _implausible,
    Channel.SIGN_OFF: _plausible_sign_off,
    Channel.KEEP_ALIVE: _plausible_keep_alive,
}

CHANNELS: dict[int, Callable[[Oscar, Side, Flap], Iterator[Event]]] = {
    Channel.SIGN_ON: Oscar._sign_on,
    Channel.DATA: Oscar._data,
    Channel.SIGN_OFF: Oscar._sign_off,
    Channel.KEEP_ALIVE: Oscar._keep_alive,
}

LOGIN: dict[tuple[int, int], Callable[[Oscar, Side, Snac], Iterator[Event]]] = {
    (0x01, 0x03): Oscar._ready,
    (0x01, 0x05): Oscar._redirected,
    (0x07, 0x04): Oscar._password_changed,
    (0x17, 0x02): Oscar._logged_in,
    (0x17, 0x03): Oscar._login_answered,
    (0x17, 0x06): Oscar._asked_key,
}

HANDLERS: dict[tuple[int, int], Handler] = {
    **presence.HANDLERS,
    **feedbag.HANDLERS,
    **icbm.HANDLERS,
    **rooms.HANDLERS,
    **icqmeta.HANDLERS,
}
