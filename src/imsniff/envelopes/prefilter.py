"""What the gate asks of first payloads that no messenger's dissector would read: may they name a service?

Exact where that is cheap (the name in a ClientHello, a DNS question, a Host header), generous where it is not (a hello
that is cut, a QUIC Initial, STUN): those flows come up and are judged above.
"""

from __future__ import annotations

import re

from imsniff.envelopes.naming import Naming
from imsniff.envelopes.reader import DNS_START, METHODS
from imsniff.envelopes.stun import is_stun
from imsniff.envelopes.tls import server_name
from imsniff.net.packet import Buffer
from imsniff.net.segment import TCP

_HOST = re.compile(rb"\n[Hh][Oo][Ss][Tt]:[ \t]*([A-Za-z0-9._-]{1,255})")
_REQUEST = frozenset(method[:4] for method in METHODS)
_DNS = re.compile(rb"(?s)..[\x00\x01\x80\x81\x84\x85][\x00-\xbf]\x00[\x00-\x08]\x00.\x00.\x00")
_BEGINNINGS = (b"\x16", b"\0", b"\1", b"\2")
"""Of a TLS record, and of the length of a DNS message."""


class Prefilter:
    """Answers for one signature set."""

    def __init__(self, naming: Naming) -> None:
        self._naming = naming

    def __call__(self, protocol: int, slab: Buffer, start: int, stop: int) -> bool:
        """Whether the payload `slab[start:stop]` is to come up, as the first of its side."""
        data = bytes(slab[start:stop])
        return self._stream(data) if protocol == TCP else self._datagram(data)

    def _stream(self, data: bytes) -> bool:
        if data[:2] == b"\x16\x03":
            return self._hello(data)
        if data[:4] in _REQUEST:
            found = _HOST.search(data)
            if found is None or found.end() == len(data):  # it may still come
                return b"\n\r\n" not in data
            return self._listed(found[1].decode("ascii"), "http-host")
        if len(data) < DNS_START and (data[:1] in _BEGINNINGS or any(one.startswith(data) for one in _REQUEST)):
            return True
        if data[2:14].count(0) >= 5 and _DNS.match(data, 2):
            return self._question(data[2:])
        return self._naming.matches("tcp", data[:128])

    def _datagram(self, data: bytes) -> bool:
        if is_stun(data):
            return True
        if _DNS.match(data):
            return self._question(data)
        if (data[:1] >= b"\xc0" and len(data) >= 1_000 and data[1:5] != b"\0\0\0\0") or b"CHLO" in data[:100]:
            return True
        return self._naming.matches("udp", data[:128])

    def _hello(self, data: bytes) -> bool:
        """A ClientHello whose name is listed, is not there, or is not there yet. A server's hello is nothing new."""
        if len(data) < 6 or data[5] != 1:
            return len(data) < 6
        name = server_name(data, 9)
        if name is None:
            return True
        return self._listed(name, "sni")

    def _question(self, data: bytes) -> bool:
        name, at = [], 12
        while at < len(data) and 0 < (size := data[at]) < 64:
            name.append(data[at + 1 : at + 1 + size].decode("latin-1"))
            at += size + 1
        return at >= len(data) or self._listed(".".join(name), "dns")

    def _listed(self, name: str, seen_in: str) -> bool:
        return self._naming.of_host(name, seen_in) is not None
