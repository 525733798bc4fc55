"""The PROXY protocol: a load balancer tells the server, before all else, who the true client is.

    version 1   "PROXY TCP4 192.0.2.1 198.51.100.9 40000 5222" CRLF      or "PROXY UNKNOWN ..." CRLF
    version 2   0D 0A 0D 0A 00 0D 0A 51 55 49 54 0A | version, command:1 | family, transport:1 | length:2 |
                source, target, ports (12 bytes for IPv4, 36 for IPv6), then further TLVs

Command 1 is PROXY, 0 LOCAL (a health check); family 1 is IPv4, 2 IPv6. The rest of the flow is unchanged.

Reference: the PROXY protocol, versions 1 and 2 (HAProxy, 2020/03/05).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_address

from imsniff.base.addresses import at_port
from imsniff.base.events import Event, Expect, InnerData, InnerOpened, Side
from imsniff.carriers.core import Carrier
from imsniff.dissect.core import Inbox
from imsniff.dissect.cursor import Malformed

_SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
_LINE = re.compile(
    r"PROXY (?:TCP[46] ([0-9A-Fa-f.:]{2,45}) ([0-9A-Fa-f.:]{2,45}) ([0-9]{1,5}) ([0-9]{1,5})|UNKNOWN.{0,90})"
)
_MAX_LINE = 107
"""Bytes of a version 1 line, by its specification."""
_MAX_HEADER = 4_096
"""Bytes of a version 2 header; real TLVs (a certificate's name, a TLS version) stay under 1 kB."""
_SIZES = {1: 4, 2: 16}
"""Bytes of an address by family."""


class ProxyProtocol(Carrier[bytes]):
    """A header with the true client's address, then the conversation."""

    name = "proxy-protocol"
    marks = re.compile(rb"(?!)")

    def __init__(self, *, midstream: bool = False, expected: Expect | None = None) -> None:
        super().__init__(midstream=midstream, expected=expected)

    @property
    def confirmed(self) -> bool:
        return self.transparent

    def frames(self, side: Side, box: Inbox) -> Iterator[bytes]:
        while len(box):
            if self.transparent:
                yield box.take(len(box)) or b""
                continue
            if side is Side.SERVER:
                return  # says nothing before the header
            header = _binary(box) if box.data.startswith(_SIGNATURE[: len(box)]) else box.line(_MAX_LINE)
            if header is None:
                return
            yield header

    def on_frame(self, side: Side, frame: bytes) -> Iterator[Event]:
        if self.transparent:
            yield InnerData(side=side, data=frame)
            return
        ends = _ends(frame) if frame.startswith(_SIGNATURE) else _written_ends(frame)
        self.transparent = True
        if ends is None:
            yield InnerOpened(side=Side.CLIENT, carrier=self.name)
            return
        (client, port), (server, server_port) = ends
        target = at_port(server, server_port)
        yield InnerOpened(side=Side.CLIENT, carrier=self.name, client=client, client_port=port, destination=target)

    def plausible(self, side: Side, data: bytearray, at: int) -> bool | None:
        return False


Ends = tuple[tuple[str, int], tuple[str, int]]


def _binary(box: Inbox) -> bytes | None:
    if len(box) < 16:
        return None
    size = 16 + int.from_bytes(box.data[14:16], "big")
    if box.data[12] >> 4 != 2 or size > _MAX_HEADER:
        raise Malformed("no PROXY header of version 2")
    return box.take(size)


def _ends(header: bytes) -> Ends | None:
    size = _SIZES.get(header[13] >> 4)
    if header[12] & 0x0F != 1 or size is None:
        return None  # a health check, or a socket that has no address
    if len(header) < 16 + 2 * size + 4:
        raise Malformed("a PROXY header without its addresses")
    at = 16 + 2 * size
    ports = int.from_bytes(header[at : at + 2], "big"), int.from_bytes(header[at + 2 : at + 4], "big")
    source, target = header[16 : 16 + size], header[16 + size : at]
    return (str(ip_address(source)), ports[0]), (str(ip_address(target)), ports[1])


def _written_ends(line: bytes) -> Ends | None:
    found = _LINE.fullmatch(line.decode("latin-1"))
    if found is None:
        raise Malformed("no PROXY header of version 1")
    if found[1] is None:
        return None
    ports = int(found[3]), int(found[4])
    if max(ports) > 0xFFFF:
        raise Malformed("a port of more than 16 bits")
    try:
        return (str(ip_address(found[1])), ports[0]), (str(ip_address(found[2])), ports[1])
    except ValueError:
        raise Malformed("a PROXY header with no address") from None
