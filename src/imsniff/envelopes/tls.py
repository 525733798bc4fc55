"""TLS on a stream, as far as it is not encrypted: the name asked for, ALPN, JA4, and certificate names up to TLS 1.2.

    record       type:1 version:2 length:2 | fragment           type 22 handshake
    handshake    type:1 length:3 | body                         1 ClientHello, 2 ServerHello, 11 Certificate
    ClientHello  version:2 random:32 session<1> ciphers<2> compression<1> extensions<2>
    extension    type:2 length:2 | data                         0 server_name, 16 ALPN, 13 signatures, 43 versions, ECH

A hello may be cut over several segments and records. With Encrypted ClientHello the name is the outer one, which is the
front's and not the service's.

References: RFC 8446, RFC 5246, RFC 6066, RFC 7301, draft-ietf-tls-esni; JA4 (FoxIO, BSD licence).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from imsniff.base.limits import MAX_CERTIFICATE_NAMES, MAX_HELLO
from imsniff.dissect.cursor import Cursor, Malformed

HANDSHAKE, CLIENT_HELLO, CERTIFICATE = 22, 1, 11
SERVER_NAME, SIGNATURES, ALPN, VERSIONS, ECH = 0, 13, 16, 43, 0xFE0D
_JA4_VERSIONS = {0x0304: "13", 0x0303: "12", 0x0302: "11", 0x0301: "10", 0x0300: "s3", 0xFEFD: "d2", 0xFEFF: "d1"}


class ClientHello(NamedTuple):
    """What a client says before anything is encrypted."""

    name: str | None
    """server_name, lower case."""
    alpn: tuple[str, ...]
    version: int
    ciphers: tuple[int, ...]
    extensions: tuple[int, ...]
    """In their order, GREASE left out, as in ciphers."""
    signatures: tuple[int, ...]
    encrypted: bool
    """Whether an Encrypted ClientHello is inside: `name` is then the front's."""

    def ja4(self, transport: str = "t") -> str:
        """The client's fingerprint; `transport` is `t` for TCP, `q` for QUIC, `d` for DTLS."""
        first = self.alpn[0] if self.alpn else ""
        ends = f"{first[0]}{first[-1]}" if first else "00"
        if not ends.isalnum():  # as hexadecimal digits, by JA4's own rule
            ends = f"{first.encode('latin-1').hex()[0]}{first.encode('latin-1').hex()[-1]}"
        head = (
            f"{transport}{_JA4_VERSIONS.get(self.version, '00')}{'d' if self.name else 'i'}"
            f"{min(len(self.ciphers), 99):02}{min(len(self.extensions), 99):02}{ends}"
        )
        ciphers = ",".join(sorted(f"{one:04x}" for one in self.ciphers))
        sorted_types = ",".join(sorted(f"{one:04x}" for one in self.extensions if one not in (SERVER_NAME, ALPN)))
        signatures = ",".join(f"{one:04x}" for one in self.signatures)
        return f"{head}_{_short(ciphers)}_{_short(f'{sorted_types}_{signatures}' if signatures else sorted_types)}"


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12] if text else "0" * 12


class Handshake:
    """The handshake messages of one side, put together from records."""

    def __init__(self) -> None:
        self._records = bytearray()
        self._messages = bytearray()
        self.over = False
        """Whether no further handshake message can be read: something encrypted came, or too much."""

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Type and body of every message that is complete. Raises Malformed."""
        self._records += data
        while not self.over and len(self._records) >= 5:
            size = int.from_bytes(self._records[3:5], "big")
            if self._records[0] != HANDSHAKE or self._records[1] != 3 or not 0 < size <= MAX_HELLO:
                self.over = True
                break
            if len(self._records) < 5 + size:
                break
            self._messages += self._records[5 : 5 + size]
            del self._records[: 5 + size]
            yield from self._cut()
        if len(self._records) + len(self._messages) > MAX_HELLO:
            self.over = True

    def _cut(self) -> Iterator[tuple[int, bytes]]:
        while len(self._messages) >= 4:
            size = int.from_bytes(self._messages[1:4], "big")
            if size > MAX_HELLO:
                raise Malformed(f"a handshake message of {size} bytes")
            if len(self._messages) < 4 + size:
                return
            kind, body = self._messages[0], bytes(self._messages[4 : 4 + size])
            del self._messages[: 4 + size]
            yield kind, body


def server_name(body: bytes, at: int = 0) -> str | None:
    """The name in a ClientHello whose body begins at `at`, without reading the rest; None where it is absent, or behind
    the bytes that are there. Never raises."""
    end = len(body)
    at += 34
    if at >= end:
        return None
    at += 1 + body[at]
    at += 2 + int.from_bytes(body[at : at + 2], "big")
    if at >= end:
        return None
    at += 1 + body[at] + 2
    while at + 4 <= end:
        size = int.from_bytes(body[at + 2 : at + 4], "big")
        if body[at : at + 2] == b"\0\0":
            return host_name(body[at + 9 : at + 4 + size]) if at + 4 + size <= end and size >= 5 else None
        at += 4 + size
    return None


def client_hello(body: bytes) -> ClientHello:
    """A ClientHello without its handshake header. Raises Malformed."""
    cursor = Cursor(body)
    version = cursor.u16()
    cursor.skip(32)
    cursor.skip(cursor.u8())
    ciphers = _without_grease(_numbers(cursor.take(cursor.u16())))
    cursor.skip(cursor.u8())
    name: str | None = None
    alpn: tuple[str, ...] = ()
    signatures: tuple[int, ...] = ()
    encrypted, types = False, []
    if cursor.left:
        block = Cursor(cursor.take(min(cursor.u16(), cursor.left)))
        while block.left >= 4:
            kind, data = block.u16(), block.take(block.u16())
            types.append(kind)
            if kind == SERVER_NAME:
                name = _server_name(data)
            elif kind == ALPN:
                alpn = _protocols(data)
            elif kind == SIGNATURES:
                signatures = tuple(_numbers(data[2:]))
            elif kind == VERSIONS:
                version = max(_without_grease(_numbers(data[1:])), default=version)
            elif kind == ECH:
                encrypted = len(data) > 1 and data[0] == 0  # 1 is the inner one, which is never seen
    return ClientHello(name, alpn, version, ciphers, _without_grease(types), signatures, encrypted)


def certificate_names(body: bytes) -> tuple[str, ...]:
    """The host names in the first certificate of a Certificate message (TLS 1.2 and before). Raises Malformed."""
    from cryptography import x509
    from cryptography.x509.oid import ExtensionOID, NameOID

    cursor = Cursor(body)
    cursor.skip(3)
    der = cursor.take(cursor.u8() << 16 | cursor.u16())
    try:
        certificate = x509.load_der_x509_certificate(der)
        common = [str(one.value) for one in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
        try:
            found = certificate.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
            assert isinstance(found, x509.SubjectAlternativeName)
            named = found.get_values_for_type(x509.DNSName)
        except x509.ExtensionNotFound:
            named = []
    except Exception as why:  # the library raises what it pleases on hostile certificates
        raise Malformed(f"a certificate: {type(why).__name__}") from None
    names = dict.fromkeys(name.removeprefix("*.").lower() for name in (*common, *named))
    return tuple(names)[:MAX_CERTIFICATE_NAMES]


def _server_name(data: bytes) -> str | None:
    cursor = Cursor(data)
    cursor.skip(2)
    if cursor.left < 3 or cursor.u8() != 0:
        return None
    return host_name(cursor.take(cursor.u16()))


def host_name(raw: bytes) -> str | None:
    """Lower case; None where it is no host name."""
    if not 0 < len(raw) <= 255 or not raw.isascii():
        return None
    name = raw.decode("ascii").rstrip(".").lower()
    return name if name.replace("-", "").replace(".", "").replace("_", "").isalnum() else None


def _protocols(data: bytes) -> tuple[str, ...]:
    cursor, names = Cursor(data), []
    cursor.skip(2)
    while cursor.left:
        names.append(cursor.take(cursor.u8()).decode("latin-1"))
    return tuple(names)


def _numbers(data: bytes) -> list[int]:
    return [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data) - 1, 2)]


def _without_grease(numbers: Sequence[int]) -> tuple[int, ...]:
    """RFC 8701: 0x0A0A, 0x1A1A ... mean nothing."""
    return tuple(one for one in numbers if not (one & 0x0F0F == 0x0A0A and one >> 8 == one & 0xFF))
