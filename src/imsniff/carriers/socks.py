"""SOCKS 4, 4a and 5: a client asks a proxy for a connection, which the flow then carries.

    client                                                                    proxy
    SOCKS4   04 command:1 port:2 address:4 user NUL [name NUL]                00 code:1 port:2 address:4
    SOCKS5   05 n methods:n                                                   05 method
             01 ulen user plen password   (RFC 1929, after method 2)          01 status
             05 command 00 atyp address port:2                                05 reply 00 atyp address port:2

SOCKS4a has the name where the address is 0.0.0.x.

    command 1 CONNECT, 2 BIND, 3 UDP ASSOCIATE; atyp 1 IPv4, 3 name, 4 IPv6; method 0 none, 1 GSSAPI, 2 password

After GSSAPI (RFC 1961) everything may be encapsulated: the request is then not read.

References: RFC 1928, RFC 1929; SOCKS4 and 4a as published by NEC.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from enum import Enum, auto
from ipaddress import ip_address
from typing import NamedTuple

from imsniff.base.events import (
    Event,
    Expect,
    Grade,
    InnerData,
    InnerOpened,
    Login,
    Outcome,
    Refused,
    Side,
    masked,
)
from imsniff.base.limits import MAX_NAME
from imsniff.carriers.core import Carrier
from imsniff.dissect.core import Inbox
from imsniff.dissect.cursor import Malformed

_MAX_STRING = 256
_BYTESTREAM = re.compile(r"[0-9a-fA-F]{40}:0")
"""A file's peers meet by the hash of their names (XEP-0065): no proxy, and a dissector of its own."""


class _Kind(Enum):
    """What one message is."""

    GREETING = auto()
    METHOD = auto()
    PASSWORD = auto()
    STATUS = auto()
    REQUEST = auto()
    REPLY = auto()
    DATA = auto()


class Frame(NamedTuple):
    kind: _Kind
    data: bytes


class Socks(Carrier[Frame]):
    """Both versions share what follows the handshake."""

    version: bytes
    carrier: str
    marks = re.compile(rb"(?!)")
    """The handshake cannot be found mid-stream: what the tunnel carries is, by itself."""

    def __init__(self, *, midstream: bool = False, expected: Expect | None = None) -> None:
        super().__init__(midstream=midstream, expected=expected)
        self._stage: dict[Side, _Kind] = {}
        self._destination: str | None = None
        self._answered = False

    def plausible(self, side: Side, data: bytearray, at: int) -> bool | None:
        return False

    @property
    def confirmed(self) -> bool:
        return self._answered or self.transparent

    def frames(self, side: Side, box: Inbox) -> Iterator[Frame]:
        while len(box):
            if self.transparent:
                yield Frame(_Kind.DATA, box.take(len(box)) or b"")
                continue
            kind = self._kind(side, box.data)
            size = self._size(kind, box.data)
            if size is None:
                return
            if kind is _Kind.DATA:
                if side is Side.CLIENT and self._destination is not None and Side.SERVER not in self._stage:
                    yield Frame(_Kind.DATA, b"")  # the proxy's side was not captured
                    continue
                return  # waits for the other side's answer
            data = box.take(size)
            if data is None:
                return
            yield Frame(kind, data)

    def _kind(self, side: Side, data: bytearray) -> _Kind:
        """What comes next from this side."""
        return self._stage.get(side) or self._first(side)

    def _first(self, side: Side) -> _Kind:
        raise NotImplementedError

    def _size(self, kind: _Kind, data: bytearray) -> int | None:
        """Bytes of the message that begins here; None while that is not known. Raises Malformed."""
        raise NotImplementedError

    def _open(self) -> Iterator[Event]:
        self.transparent = True
        yield InnerOpened(side=Side.CLIENT, carrier=self.carrier, destination=self._destination)

    def _refuse(self, *, refused: bool) -> Iterator[Event]:
        if self._destination is not None:
            outcome = "refused" if refused else "failed"
            yield Refused(side=Side.SERVER, destination=self._destination, via=self.carrier, outcome=outcome)


class Socks4(Socks):
    """Version 4, and 4a which leaves the name to the proxy."""

    name = "socks4"
    carrier = "socks4"

    def _first(self, side: Side) -> _Kind:
        return _Kind.REQUEST if side is Side.CLIENT else _Kind.REPLY

    def _size(self, kind: _Kind, data: bytearray) -> int | None:
        if kind is _Kind.REPLY:
            if data[0] != 0:
                raise Malformed("no SOCKS4 reply")
            return 8
        if kind is not _Kind.REQUEST:
            return 0
        if data[0] != 4 or (len(data) > 1 and data[1] not in (1, 2)):
            raise Malformed("no SOCKS4 request")
        end = _string(data, 8)
        if end is None or data[4:7] != b"\0\0\0" or data[7] == 0:
            return end
        return _string(data, end)

    def on_frame(self, side: Side, frame: Frame) -> Iterator[Event]:
        if frame.kind is _Kind.DATA:
            if not self.transparent:
                yield from self._open()
            if frame.data:
                yield InnerData(side=side, data=frame.data)
        elif frame.kind is _Kind.REQUEST:
            self._stage[side] = _Kind.DATA
            yield from self._request(frame.data)
        else:
            self._answered = True
            self._stage[side] = _Kind.DATA
            if frame.data[1] == 90:
                yield from self._open()
            else:
                yield from self._refuse(refused=True)

    def _request(self, data: bytes) -> Iterator[Event]:
        user, _, name = data[8:].partition(b"\0")
        host = _text(name.rstrip(b"\0")) or str(ip_address(data[4:8]))
        self._destination = f"{host}:{int.from_bytes(data[2:4], 'big')}"
        if user:
            yield Login(
                side=Side.CLIENT,
                account=_text(user),
                scheme="socks4",
                grade=Grade.PROTECTED,
                wire=f"SOCKS4 user {_text(user)}",
            )


class Socks5(Socks):
    """Version 5."""

    name = "socks5"
    carrier = "socks5"

    def __init__(self, *, midstream: bool = False, expected: Expect | None = None) -> None:
        super().__init__(midstream=midstream, expected=expected)
        self._offers_password = False
        self._is_bytestream = False

    @property
    def given_up(self) -> bool:
        return self._is_bytestream or super().given_up

    def _kind(self, side: Side, data: bytearray) -> _Kind:
        kind = super()._kind(side, data)
        # where the proxy's choice was not captured, the client's next message shows it
        return _Kind.PASSWORD if kind is _Kind.REQUEST and data[0] == 1 and self._offers_password else kind

    def _first(self, side: Side) -> _Kind:
        return _Kind.GREETING if side is Side.CLIENT else _Kind.METHOD

    def _size(self, kind: _Kind, data: bytearray) -> int | None:
        return _SIZES[kind](data) if kind in _SIZES else 0

    def on_frame(self, side: Side, frame: Frame) -> Iterator[Event]:
        if frame.kind is _Kind.DATA:
            if not self.transparent:
                yield from self._open()
            if frame.data:
                yield InnerData(side=side, data=frame.data)
            return
        yield from _STEPS[frame.kind](self, side, frame.data)

    # --- steps --------------------------------------------------------------------------------------------------------

    def _greeting(self, side: Side, data: bytes) -> Iterator[Event]:
        self._offers_password = 2 in data[2:]
        self._stage[side] = _Kind.REQUEST
        yield from ()

    def _method(self, side: Side, data: bytes) -> Iterator[Event]:
        method = data[1]
        self._stage[side] = {2: _Kind.STATUS, 0: _Kind.REPLY}.get(method, _Kind.DATA)
        if method == 1:
            yield Login(side=Side.CLIENT, account=None, scheme="gssapi", grade=Grade.PROTECTED, wire="SOCKS5 GSSAPI")
            self.opaque = True

    def _password(self, side: Side, data: bytes) -> Iterator[Event]:
        self._stage[side] = _Kind.REQUEST
        user = data[2 : 2 + data[1]]
        secret = data[3 + data[1] :]
        login = Login(
            side=side,
            account=_text(user),
            scheme="socks5",
            grade=Grade.CLEARTEXT,
            secret=_text(secret),
            wire=f"SOCKS5 user {_text(user)}, password {masked(_text(secret))}",
        )
        yield from self.hold(login)

    def _status(self, side: Side, data: bytes) -> Iterator[Event]:
        self._stage[side] = _Kind.REPLY
        yield from self.settle(Outcome.FAILED if data[1] else Outcome.OK)

    def _request(self, side: Side, data: bytes) -> Iterator[Event]:
        self._stage[side] = _Kind.DATA
        self._destination = _endpoint(data[3:])
        self._is_bytestream = _BYTESTREAM.fullmatch(self._destination) is not None
        yield from ()

    def _reply(self, side: Side, data: bytes) -> Iterator[Event]:
        self._answered = True
        self._stage[side] = _Kind.DATA
        if data[1] == 0:
            yield from self._open()
        else:
            yield from self._refuse(refused=data[1] == 2)


def _string(data: bytearray, at: int) -> int | None:
    """Where the string that begins here is over, its NUL included. Raises Malformed where it is too long."""
    end = data.find(b"\0", at, at + _MAX_STRING)
    if end >= 0:
        return end + 1
    if len(data) >= at + _MAX_STRING:
        raise Malformed("a string without end")
    return None


def _greeting_size(data: bytearray) -> int | None:
    if data[0] != 5 or (len(data) > 1 and not 0 < data[1] < 9):
        raise Malformed("no SOCKS5 greeting")
    return 2 + data[1] if len(data) > 1 else None


def _method_size(data: bytearray) -> int | None:
    if data[0] != 5:
        raise Malformed("no SOCKS5 answer")
    return 2


def _password_size(data: bytearray) -> int | None:
    if data[0] != 1:
        raise Malformed("no user and password")
    if len(data) < 2 or len(data) < 3 + data[1]:
        return None
    return 3 + data[1] + data[2 + data[1]]


def _address_size(data: bytearray) -> int | None:
    """A request or a reply."""
    if data[0] != 5 or (len(data) > 2 and data[2] != 0):
        raise Malformed("no SOCKS5 request")
    if len(data) < 5:
        return None
    size = {1: 4, 3: 1 + data[4], 4: 16}.get(data[3])
    if size is None:
        raise Malformed(f"SOCKS5 address of type {data[3]}")
    return 4 + size + 2


def _endpoint(data: bytes) -> str:
    """Type, address and port as `host:port`."""
    port = int.from_bytes(data[-2:], "big")
    if data[0] == 3:
        return f"{_text(data[2:-2])}:{port}"
    ip = ip_address(data[1:-2])
    return f"[{ip}]:{port}" if ip.version == 6 else f"{ip}:{port}"


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")[:MAX_NAME]


_SIZES: dict[_Kind, Callable[[bytearray], int | None]] = {
    _Kind.GREETING: _greeting_size,
    _Kind.METHOD: _method_size,
    _Kind.PASSWORD: _password_size,
    _Kind.STATUS: lambda _: 2,
    _Kind.REQUEST: _address_size,
    _Kind.REPLY: _address_size,
}
_STEPS: dict[_Kind, Callable[[Socks5, Side, bytes], Iterator[Event]]] = {
    _Kind.GREETING: Socks5._greeting,
    _Kind.METHOD: Socks5._method,
    _Kind.PASSWORD: Socks5._password,
    _Kind.STATUS: Socks5._status,
    _Kind.REQUEST: Socks5._request,
    _Kind.REPLY: Socks5._reply,
}
