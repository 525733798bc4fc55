"""The bytes of one file that goes by: hashed while none is missing, typed by how it begins, kept where asked."""

from __future__ import annotations

import hashlib
from typing import TypedDict

from imsniff.base.file_types import media_of
from imsniff.base.limits import MAX_TRANSFER_HASHED

_HEAD = 512
"""Bytes that are looked at for the type; what tells a tar stands furthest behind, at 257."""


class FileBytes:
    """One file, its bytes in order. `at`: where its first byte here belongs, more than 0 where it was resumed."""

    __slots__ = ("_contents", "_hash", "_head", "size", "whole")

    def __init__(self, at: int = 0) -> None:
        self.size = at
        """Where the next byte belongs."""
        self.whole = at == 0
        """Whether every byte so far was here, in order, and hashed."""
        self._hash = hashlib.sha256()
        self._head = b""
        self._contents: bytearray | None = bytearray()

    def add(self, data: bytes, keep: int = 0) -> None:
        """The next bytes. keep: how many of the file may be kept."""
        if self.size == len(self._head) < _HEAD:
            self._head += data[: _HEAD - len(self._head)]
        self.size += len(data)
        self.whole = self.whole and self.size <= MAX_TRANSFER_HASHED
        if not self.whole:
            self._contents = None
            return
        self._hash.update(data)
        if self._contents is not None:
            if self.size <= keep:
                self._contents += data
            else:
                self._contents = None

    def miss(self, count: int) -> None:
        """So many bytes were not captured."""
        self.size += count
        self.whole = False
        self._contents = None

    @property
    def sha256(self) -> str | None:
        """In hexadecimal; None where bytes are missing or there are more than MAX_TRANSFER_HASHED."""
        return self._hash.hexdigest() if self.whole else None

    @property
    def media(self) -> str | None:
        """The media type that the first bytes show; None where they show none that is known."""
        return media_of(self._head)

    @property
    def contents(self) -> bytes | None:
        """All bytes, where they were kept."""
        return bytes(self._contents) if self._contents and self.whole else None


class Facts(TypedDict):
    """What a `Transfer` tells of a file's bytes."""

    sha256: str | None
    media: str | None
    contents: bytes | None


def facts(file: FileBytes | None, said: str | None = None) -> Facts:
    """None where the bytes were not seen. said: the type that the sender's client names; what the first bytes show
    counts more."""
    if file is None:
        return Facts(sha256=None, media=said, contents=None)
    return Facts(sha256=file.sha256, media=file.media or said, contents=file.contents)
