"""One cursor over bytes that owns every bounds check, so that no parser carries its own.

Every `pull` raises `Malformed` when the bytes run out. Integers are big-endian unless the name says `le`.
"""

from __future__ import annotations

from struct import Struct

U16 = Struct("!H")
U32 = Struct("!I")
U64 = Struct("!Q")
LE16 = Struct("<H")
LE32 = Struct("<I")
LE64 = Struct("<Q")


class Malformed(ValueError):
    """Remote bytes break the protocol. Raised inside dissectors only; `Dissector.feed` turns it into an Anomaly."""


class TooLarge(ValueError):
    """A frame that is legal and larger than what is kept. Raised by `Dissector.frames` once its head was read.

    `size` is how many bytes it has from the front of the inbox on, as its head announces; None where only its end
    would tell: the dissector then looks for the next plausible frame."""

    def __init__(self, why: str, size: int | None = None) -> None:
        super().__init__(why)
        self.size = size


class Cursor:
    """Reads forward over `data[at:end]`."""

    __slots__ = ("at", "data", "end")

    def __init__(self, data: bytes, at: int = 0, end: int | None = None) -> None:
        self.data = data
        self.at = at
        self.end = len(data) if end is None else min(end, len(data))

    def __bool__(self) -> bool:
        """Whether bytes are left."""
        return self.at < self.end

    @property
    def left(self) -> int:
        return self.end - self.at

    def take(self, size: int) -> bytes:
        """The next `size` bytes."""
        start, stop = self.at, self.at + size
        if size < 0 or stop > self.end:
            raise Malformed(f"{size} bytes wanted at {start}, {self.left} left")
        self.at = stop
        return self.data[start:stop]

    def rest(self) -> bytes:
        return self.take(self.left)

    def skip(self, size: int) -> None:
        if size < 0 or self.at + size > self.end:
            raise Malformed(f"cannot skip {size} bytes at {self.at}, {self.left} left")
        self.at += size

    def _number(self, shape: Struct) -> int:
        if self.at + shape.size > self.end:
            raise Malformed(f"{shape.size}-byte number wanted at {self.at}, {self.left} left")
        (value,) = shape.unpack_from(self.data, self.at)
        self.at += shape.size
        return int(value)

    def u8(self) -> int:
        return self.take(1)[0]

    def u16(self) -> int:
        return self._number(U16)

    def u32(self) -> int:
        return self._number(U32)

    def u64(self) -> int:
        return self._number(U64)

    def le16(self) -> int:
        return self._number(LE16)

    def le32(self) -> int:
        return self._number(LE32)

    def le64(self) -> int:
        return self._number(LE64)

    def sub(self, size: int) -> Cursor:
        """A cursor over just the next `size` bytes, which this one skips."""
        start = self.at
        self.skip(size)
        return Cursor(self.data, start, self.at)

    def until(self, mark: bytes) -> bytes:
        """The bytes before `mark`, which is skipped; all that is left where `mark` does not come."""
        found = self.data.find(mark, self.at, self.end)
        if found < 0:
            return self.rest()
        value = self.data[self.at : found]
        self.at = found + len(mark)
        return value


def decimal(text: str | bytes, limit: int = 0xFFFF_FFFF) -> int:
    """A non-negative ASCII decimal up to `limit`. `int()` alone takes blanks, signs, other digits and 5000 of them."""
    if isinstance(text, bytes):
        text = text.decode("latin-1")
    if not text or len(text) > 20 or not (text.isascii() and text.isdigit()):
        raise Malformed(f"not a number: {text[:24]!r}")
    value = int(text)
    if value > limit:
        raise Malformed(f"number {value} above {limit}")
    return value
