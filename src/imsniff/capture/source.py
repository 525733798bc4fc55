"""Where the bytes of a capture come from: a file, a pipe, stdin, any of them compressed.

Compression is told by its magic number, never by the name, and is undone as it streams: a file that unpacks to
petabytes costs time, not memory.
"""

from __future__ import annotations

import bz2
import io
import lzma
import os
import stat
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from imsniff.base.limits import MAX_UNPACK_MEMORY

STDIN = "-"

Stream = io.RawIOBase | io.BufferedIOBase

_PIECE = 1 << 16
"""Bytes of compressed input taken at a time."""


class Broken(Exception):
    """The bytes stop before they should: corrupt compression, or the disk failed. The text says which."""


def unreadable(why: str | None) -> str:
    """The disk failed, or what is in its place."""
    return f"cannot read on: {why}"


class Source(Protocol):
    live: bool
    """Whether a read gives what is there now and more may come later (a pipe)."""
    total: int | None
    """Bytes of the file on disk, where that is known."""

    @property
    def consumed(self) -> int:
        """Bytes of the file on disk read so far."""

    def read_into(self, view: memoryview) -> int:
        """Fill the front of `view`; 0 when there is no more. Raises Broken."""

    def close(self) -> None: ...


class Plain:
    """Bytes as they are. `head` was already read from the stream."""

    def __init__(self, stream: Stream, head: bytes) -> None:
        self._stream = stream
        self._head = head
        self.consumed = len(head)
        self.total, self.live = _nature(stream)

    def read_into(self, view: memoryview) -> int:
        if self._head:
            size = min(len(view), len(self._head))
            view[:size] = self._head[:size]
            self._head = self._head[size:]
            return size
        try:
            size = self._stream.readinto(view) or 0
        except OSError as why:
            raise Broken(unreadable(why.strerror)) from None
        self.consumed += size
        return size

    @property
    def descriptor(self) -> int | None:
        """Of the file, where all that was read of it was given out; who reads from it adds to `consumed`."""
        return None if self._head or self.total is None else self._stream.fileno()

    def close(self) -> None:
        if self._stream is not _standard_input():
            self._stream.close()


class Decoder(Protocol):
    """One compressed member, as zlib, lzma and bz2 do it."""

    bite: int
    """Bytes to give it at a time: what they would make is lost where an error is among them."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...

    def unpack(self, data: bytes, most: int) -> bytes:
        """At most about `most` bytes; call with b"" for more while it gives some. Raises what it likes."""


class _Gzip:
    bite = 16_384

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)
        self._error: zlib.error | None = None

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def unpack(self, data: bytes, most: int) -> bytes:
        if self._error:
            raise self._error
        data = self._inner.unconsumed_tail + data
        before = self._inner.copy()
        try:
            return self._inner.decompress(data, most)
        except zlib.error as why:
            self._error = why
            return self._rescue(before, data)

    def _rescue(self, inner: zlib._Decompress, data: bytes) -> bytes:
        """What comes before the error: of a small file whose only fault is its checksum, all."""
        made = []
        try:
            for at in range(len(data)):
                made.append(inner.decompress(data[at : at + 1]))  # noqa: PERF401 - keeps what was made so far
        except zlib.error:
            pass
        return b"".join(made)


class _Bounded:
    """xz and bzip2, whose decoders keep their own input."""

    bite = 1024

    def __init__(self, inner: lzma.LZMADecompressor | bz2.BZ2Decompressor) -> None:
        self._inner = inner

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def unpack(self, data: bytes, most: int) -> bytes:
        return b"" if not data and self._inner.needs_input else self._inner.decompress(data, most)


class _Zstd:
    """Has no `most`: that it is given little at a time bounds it instead, since a block of 4 bytes makes 128 KiB."""

    bite = 512

    def __init__(self) -> None:
        import zstandard  # only who reads such a file needs it

        self._inner = zstandard.ZstdDecompressor(max_window_size=MAX_UNPACK_MEMORY).decompressobj()

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def unpack(self, data: bytes, most: int) -> bytes:
        return self._inner.decompress(data) if data else b""


CODECS: dict[bytes, tuple[str, Callable[[], Decoder]]] = {
    b"\x1f\x8b": ("gzip", _Gzip),
    b"\xfd7zXZ\x00": ("xz", lambda: _Bounded(lzma.LZMADecompressor(memlimit=MAX_UNPACK_MEMORY))),
    b"BZh": ("bzip2", lambda: _Bounded(bz2.BZ2Decompressor())),
    b"\x28\xb5\x2f\xfd": ("zstd", _Zstd),
}
_HEAD = max(map(len, CODECS))


class Unpacked:
    """A compressed stream of one or more members."""

    def __init__(self, packed: Plain, name: str, codec: Callable[[], Decoder]) -> None:
        self._packed = packed
        self._name = name
        self._codec = codec
        self._member: Decoder | None = codec()
        self._ready = memoryview(b"")
        self._input = b""
        self._fed = 0
        """How much of the input the member was given."""
        self._buffer = bytearray(_PIECE)
        self.live = packed.live
        self.total = packed.total

    @property
    def consumed(self) -> int:
        return self._packed.consumed

    def read_into(self, view: memoryview) -> int:
        if not self._ready:
            self._ready = memoryview(self._next(max(len(view), _PIECE)))
        size = min(len(view), len(self._ready))
        view[:size] = self._ready[:size]
        self._ready = self._ready[size:]
        return size

    def close(self) -> None:
        self._packed.close()

    def _next(self, most: int) -> bytes:
        """Some unpacked bytes; none only at the end."""
        while self._member is not None:
            data, self._fed = self._input[self._fed : self._fed + self._member.bite], self._fed + self._member.bite
            try:
                made = self._member.unpack(data, most)
            except Exception as why:  # zlib.error, LZMAError, OSError, ZstdError, MemoryError: each codec has its own
                self._member = None
                raise Broken(f"{self._name} data is corrupt ({why})") from None
            if self._member.eof:
                self._turn_over(len(self._member.unused_data))
            elif not made and self._fed >= len(self._input):
                self._input, self._fed = self._read(), 0
                if not self._input:
                    self._member = None
                    raise Broken(f"{self._name} data is cut off")
            if made:
                return made
        return b""

    def _turn_over(self, unused: int) -> None:
        """The next member, where one begins; gzip ignores zeros and garbage behind the last, and so do we."""
        self._fed = min(self._fed, len(self._input)) - unused
        while True:
            while self._fed < len(self._input) and not self._input[self._fed]:
                self._fed += 1
            if len(self._input) - self._fed >= _HEAD or not (more := self._read()):
                break
            self._input, self._fed = self._input[self._fed :] + more, 0
        same = (name == self._name and self._input.startswith(magic, self._fed) for magic, (name, _) in CODECS.items())
        self._member = self._codec() if any(same) else None

    def _read(self) -> bytes:
        size = self._packed.read_into(memoryview(self._buffer))
        return bytes(self._buffer[:size])


def open_source(path: str | Path) -> Source:
    """`-` is stdin. Raises OSError."""
    stream = _standard_input() if str(path) == STDIN else io.FileIO(path)
    head = b""
    try:
        while len(head) < _HEAD and (more := stream.read(_HEAD - len(head))):
            head += more
    except OSError:
        stream.close()
        raise
    plain = Plain(stream, head)
    for magic, (name, codec) in CODECS.items():
        if head.startswith(magic):
            return Unpacked(plain, name, codec)
    return plain


def _standard_input() -> Stream:
    """Unbuffered where it can be, so that a pipe gives what it has."""
    buffered: Any = sys.stdin.buffer
    stream: Stream = getattr(buffered, "raw", buffered)
    return stream


def _nature(stream: Stream) -> tuple[int | None, bool]:
    """Size, and whether it is a pipe or the like."""
    try:
        about = os.fstat(stream.fileno())
    except (OSError, ValueError):  # no file below it: io.UnsupportedOperation is both
        return None, False
    regular = stat.S_ISREG(about.st_mode)
    return about.st_size if regular else None, not regular
