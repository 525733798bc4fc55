"""Messages between the processes of one program, over a socket.

    size:4, network order | kind:1 | MessagePack

Nobody waits for the other side unless he wants to: what it has not taken yet is kept here.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from imsniff.base.records import encodable

PIECE = 1 << 18
"""Bytes given to a socket, or asked of it, at a time."""

_ENCODER = msgspec.msgpack.Encoder()


def decoders(types: Mapping[int, Any]) -> dict[int, msgspec.msgpack.Decoder[Any]]:
    """Of messages by their kind: what comes is of the type that its kind has, and nothing else."""
    return {kind: msgspec.msgpack.Decoder(given) for kind, given in types.items()}


def encoded(value: object) -> bytes:
    """As MessagePack. Lone surrogates in its texts become U+FFFD, as in the store."""
    try:
        return _ENCODER.encode(value)
    except UnicodeEncodeError:
        return _ENCODER.encode(encodable(msgspec.to_builtins(value)))


def message(kind: int, value: object) -> bytes:
    """Ready to be sent."""
    body = encoded(value)
    return (len(body) + 1).to_bytes(4, "big") + bytes((kind,)) + body


class Inbox:
    """Puts messages together from what a socket gives."""

    def __init__(self, decoders: Mapping[int, msgspec.msgpack.Decoder[Any]]) -> None:
        self._decoders = decoders
        self._bytes = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[int, Any]]:
        """Kind and value of every message that is complete. Raises msgspec.DecodeError."""
        waiting = self._bytes
        waiting += data
        at = 0
        while len(waiting) - at >= 4:
            size = int.from_bytes(waiting[at : at + 4], "big")
            if len(waiting) - at - 4 < size:
                break
            kind, body = waiting[at + 4], waiting[at + 5 : at + 4 + size]
            decoder = self._decoders.get(kind)
            if decoder is None:
                raise msgspec.DecodeError(f"no message is of kind {kind}")
            yield kind, decoder.decode(body)
            at += 4 + size
        del waiting[:at]


class Outgoing:
    """What was said and not yet taken by the other side."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._waiting = bytearray()

    def __len__(self) -> int:
        """Bytes."""
        return len(self._waiting)

    def put(self, said: bytes) -> None:
        self._waiting += said

    def flush(self, wait: float) -> None:
        """Give what the other side takes, waiting at most so many seconds for it. Raises OSError where it is gone."""
        until = time.monotonic() + wait
        self._socket.settimeout(0)
        while self._waiting:
            try:
                with memoryview(self._waiting) as view:
                    sent = self._socket.send(view[:PIECE])
            except BlockingIOError:
                left = until - time.monotonic()
                if left <= 0:
                    return
                time.sleep(min(left, 0.002))
                continue
            del self._waiting[:sent]
