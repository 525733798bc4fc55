"""QUIC: the ClientHello inside the Initial packets, whose keys follow from the packet itself.

    long header   1 1 type:2 .. :4 | version:4 | dcid<1> | scid<1> | token<varint> | length:varint | number | payload
    payload       frames: 0 PADDING, 1 PING, 2 and 3 ACK, 6 CRYPTO offset:varint length:varint data
    keys          HKDF of the client's first destination connection id under the version's salt (RFC 9001 §5.2)
    Google QUIC   up to Q046 the hello is in clear: "CHLO" with the tag "SNI"

The hello may be cut over frames, packets and datagrams in any order; packets may share a datagram; after a Retry the
keys follow from the new connection id.

References: RFC 9000, RFC 9001, RFC 9369 (version 2), drafts 21 to 34; Wireshark and nDPI for the versions of Google and
Facebook.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from imsniff.base.limits import MAX_HELLO, MAX_QUIC_INITIALS, MAX_QUIC_KEYS
from imsniff.dissect.cursor import Cursor, Malformed
from imsniff.envelopes.tls import CLIENT_HELLO, host_name


class Version(NamedTuple):
    """What differs between versions."""

    salt: bytes
    initial: int = 0
    """The packet type of an Initial."""
    prefix: bytes = b"quic "
    """Of the labels of its keys."""


_V1 = Version(bytes.fromhex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a"))
_DRAFT_29 = Version(bytes.fromhex("afbfec289993d24c9e9786f19c6111e04390a899"))
_DRAFT_23 = Version(bytes.fromhex("c3eef712c72ebb5a11a7d2432bb46365bef9f502"))
_DRAFT_22 = Version(bytes.fromhex("7fbcdb0e7c66bbe9193a96cd21519ebd7a02644a"))
_V2 = Version(bytes.fromhex("0dede3def700a6db819381be6e269dcbf9bd2ed9"), 1, b"quicv2 ")
VERSIONS: dict[int, Version] = {
    0x00000001: _V1,
    0x6B3343CF: _V2,
    **{0xFF000000 | draft: _V1 for draft in (33, 34)},
    **{0xFF000000 | draft: _DRAFT_29 for draft in range(29, 33)},
    **{0xFF000000 | draft: _DRAFT_23 for draft in range(23, 29)},
    **{0xFF000000 | draft: _DRAFT_22 for draft in (21, 22)},
    0xFACEB001: _DRAFT_22,  # Facebook's mvfst
    0xFACEB002: _DRAFT_23,
    0xFACEB00E: _DRAFT_23,
    0x51303530: Version(bytes.fromhex("504574efd066fe2f9d945cfcdbd3a7f0d3b56b45")),  # Q050
    0x54303530: Version(bytes.fromhex("7ff579e5acd0729155803 04c43a2367c60488310".replace(" ", ""))),  # T050
    0x54303531: Version(bytes.fromhex("7a4edef4e7ccee5fa4506c19124fc8ccda6e033d")),  # T051
}
_PING, _ACK, _ACK_ECN, _CRYPTO = 1, 2, 3, 6
_ZEROS = re.compile(rb"\0+")
"""PADDING: a thousand of them fill most Initials."""


class Initials:
    """The client's Initial packets of one flow."""

    def __init__(self) -> None:
        self._pieces: dict[int, bytes] = {}
        self._packets = 0
        self._keys: dict[bytes, Keys] = {}
        self.over = False

    def feed(self, datagram: bytes) -> bytes | str | None:
        """The body of the ClientHello once it is complete; of Google's old versions the name alone. None while more is
        needed.

        Raises Malformed where a packet lies about its lengths or does not decrypt."""
        name = _google_name(datagram)
        if name is not None:
            self.over = True
            return name
        at = 0
        while at + 7 < len(datagram) and datagram[at] & 0x80 and not self.over:
            self._packets += 1
            if self._packets > MAX_QUIC_INITIALS:
                self.over = True
                break
            at = self._packet(datagram, at)
        return self._hello()

    def _packet(self, datagram: bytes, start: int) -> int:
        """Read one packet; where the next one begins."""
        cursor = Cursor(datagram, start)
        first = cursor.u8()
        version = VERSIONS.get(cursor.u32())
        if version is None:
            self.over = True
            return len(datagram)
        destination = cursor.take(cursor.u8())
        cursor.skip(cursor.u8())
        if (first >> 4 & 3) != version.initial:
            if (first >> 4 & 3) == (version.initial + 3) % 4:  # Retry has no length
                return len(datagram)
            size = _varint(cursor)
            return cursor.at + size
        cursor.skip(_varint(cursor))
        size = _varint(cursor)
        number_at = cursor.at
        if size < 20 or number_at + size > len(datagram):
            raise Malformed("an Initial that lies about its length")
        payload = self._opened(version, destination, datagram, start, number_at, size)
        for offset, data in _crypto(payload) if payload is not None else ():
            if offset + len(data) <= MAX_HELLO and len(self._pieces) < MAX_QUIC_INITIALS:
                self._pieces.setdefault(offset, data)
        return number_at + size

    def _opened(
        self, version: Version, destination: bytes, datagram: bytes, start: int, number_at: int, size: int
    ) -> bytes | None:
        """The decrypted frames of one Initial. Once the server has answered, its packets go to the server's connection
        id and keep their keys; after a Retry there are new ones. None where one of several does not decrypt. Raises
        Malformed where none did yet."""
        if destination not in self._keys and len(self._keys) < MAX_QUIC_KEYS:
            self._keys[destination] = Keys(version, destination)
        for keys in self._keys.values():
            if (payload := keys.payload(datagram, start, number_at, size)) is not None:
                return payload
        if not self._pieces:
            raise Malformed("an Initial that does not decrypt")
        return None

    def _hello(self) -> bytes | None:
        data = bytearray()
        for offset, piece in sorted(self._pieces.items()):
            if offset > len(data):
                return None
            data[offset : offset + len(piece)] = piece
        if len(data) < 4 or data[0] != CLIENT_HELLO or len(data) < 4 + int.from_bytes(data[1:4], "big"):
            return None
        self.over = True
        return bytes(data[4 : 4 + int.from_bytes(data[1:4], "big")])


class Keys:
    """Keys of the client's Initials."""

    def __init__(self, version: Version, destination: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        secret = _expand(_extract(version.salt, destination), b"client in", 32)
        self._aead = AESGCM(_expand(secret, version.prefix + b"key", 16))
        self._iv = int.from_bytes(_expand(secret, version.prefix + b"iv", 12), "big")
        self._mask = _expand(secret, version.prefix + b"hp", 16)

    def payload(self, datagram: bytes, start: int, number_at: int, size: int) -> bytes | None:
        """The decrypted frames; None where they do not decrypt."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        encryptor = Cipher(algorithms.AES(self._mask), modes.ECB()).encryptor()  # header protection, RFC 9001 §5.4.3
        mask = encryptor.update(datagram[number_at + 4 : number_at + 20])
        first = datagram[start] ^ (mask[0] & 0x0F)
        length = (first & 3) + 1
        number = bytes(a ^ b for a, b in zip(datagram[number_at : number_at + length], mask[1:], strict=False))
        header = bytes((first,)) + datagram[start + 1 : number_at] + number
        nonce = (self._iv ^ int.from_bytes(number, "big")).to_bytes(12, "big")
        try:
            return self._aead.decrypt(nonce, datagram[number_at + length : number_at + size], header)
        except InvalidTag:
            return None


def _crypto(payload: bytes) -> Iterator[tuple[int, bytes]]:
    """Offset and data of every CRYPTO frame."""
    cursor = Cursor(payload)
    while cursor.left:
        padding = _ZEROS.match(payload, cursor.at)
        if padding is not None:
            cursor.at = padding.end()
            continue
        kind = cursor.u8()
        if kind == _PING:
            continue
        if kind == _CRYPTO:
            offset = _varint(cursor)
            yield offset, cursor.take(_varint(cursor))
        elif kind in (_ACK, _ACK_ECN):
            _skip_ack(cursor, ecn=kind == _ACK_ECN)
        else:
            return  # Google's versions have frames of their own; nothing of the hello is behind them


def _skip_ack(cursor: Cursor, *, ecn: bool) -> None:
    for _ in range(2):
        _varint(cursor)
    ranges = _varint(cursor)
    for _ in range(min(2 * ranges + 1, 512) + (3 if ecn else 0)):
        _varint(cursor)


def _varint(cursor: Cursor) -> int:
    """RFC 9000 §16."""
    first = cursor.u8()
    value = first & 0x3F
    for _ in range((1 << (first >> 6)) - 1):
        value = value << 8 | cursor.u8()
    return value


def _extract(salt: bytes, secret: bytes) -> bytes:
    """HKDF-Extract with SHA-256 (RFC 5869)."""
    import hmac

    return hmac.digest(salt, secret, "sha256")


def _expand(secret: bytes, label: bytes, size: int) -> bytes:
    """HKDF-Expand-Label (RFC 8446 §7.1) of at most 32 bytes."""
    import hmac

    full = b"tls13 " + label
    info = size.to_bytes(2, "big") + bytes((len(full),)) + full + b"\0"
    return hmac.digest(secret, info + b"\1", "sha256")[:size]


def _google_name(datagram: bytes) -> str | None:
    """The SNI tag of a CHLO in clear: tag:4, count:2, 2, then `count` of (tag:4, end:4), all little-endian."""
    at = datagram.find(b"CHLO", 0, 100)
    if at < 0 or len(datagram) < at + 8:
        return None
    count = int.from_bytes(datagram[at + 4 : at + 6], "little")
    values = at + 8 + 8 * count
    begins = 0
    for entry in range(at + 8, min(values, len(datagram) - 7), 8):
        ends = int.from_bytes(datagram[entry + 4 : entry + 8], "little")
        if datagram[entry : entry + 4] == b"SNI\0":
            return host_name(datagram[values + begins : values + ends])
        begins = ends
    return None
