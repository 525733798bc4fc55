"""One MSRP message put together from its chunks: conversation is kept, a file is only hashed."""

from __future__ import annotations

from imsniff.base.limits import MAX_MSRP_MESSAGE, MAX_MSRP_PIECES
from imsniff.dissect.file_bytes import FileBytes


class Assembly:
    """Chunks of one message. Those of conversation may come in any order; of a file that does not come in order there
    is no hash."""

    __slots__ = (
        "_file",
        "_kept",
        "_pieces",
        "complete",
        "disposition",
        "is_file",
        "kind",
        "size",
        "total",
    )

    def __init__(self, *, is_file: bool) -> None:
        self.is_file = is_file
        self.kind = ""
        """Content-Type as written; the first chunk has it."""
        self.disposition = ""
        self.total: int | None = None
        """Bytes of the whole message, as announced."""
        self.size = 0
        """Bytes up to the end of the furthest chunk."""
        self.complete = False
        """Whether the chunk that ends the message was here."""
        self._file = FileBytes() if is_file else None
        self._pieces: dict[int, bytearray] = {}
        self._kept = 0

    @property
    def seen(self) -> FileBytes | None:
        """The file, None where bytes are missing."""
        return self._file if self.total in (None, self.size) else None

    @property
    def data(self) -> bytes:
        """What is there of a conversation's message, in order; what is missing is left out."""
        return b"".join(self._pieces[start] for start in sorted(self._pieces))

    def add(self, first: int, body: bytes, total: int | None, *, last: bool, keep: int = 0) -> None:
        """`first` counts from 1, as Byte-Range does."""
        start, stop = first - 1, first - 1 + len(body)
        if total is not None:
            self.total = total
        self.complete = self.complete or last
        if self._file is None:
            self._keep(start, body)
        elif start == self.size:
            self._file.add(body, keep)
        elif stop > self.size:  # a repeated chunk does no harm
            self._file.miss(stop - self.size)
        self.size = max(self.size, stop)

    def _keep(self, start: int, body: bytes) -> None:
        if start in self._pieces or self._kept + len(body) > MAX_MSRP_MESSAGE:
            return
        self._kept += len(body)
        if self._pieces:
            latest = next(reversed(self._pieces))
            if latest + len(self._pieces[latest]) == start:
                self._pieces[latest] += body
                return
        if len(self._pieces) < MAX_MSRP_PIECES:
            self._pieces[start] = bytearray(body)
