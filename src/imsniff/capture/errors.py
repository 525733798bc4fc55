"""What can be wrong with a capture: the file is none, it breaks off, or the interface cannot be listened to."""

from __future__ import annotations


class CaptureError(Exception):
    """A capture that cannot be read. Raised when it is opened, so that nothing was delivered from it."""

    def __init__(
        self, capture: str, what: str, remedy: str = "", *, frame: int | None = None, offset: int | None = None
    ) -> None:
        super().__init__(capture, what, remedy, frame, offset)
        self.capture = capture
        self.what = what
        self.remedy = remedy
        self.frame = frame
        """Number of the first packet that could not be read, 1-based."""
        self.offset = offset
        """Where its record begins, in bytes of the file (after decompression)."""

    def __str__(self) -> str:
        where = self.capture
        if self.frame is not None:
            where += f": packet {self.frame}"
        if self.offset is not None:
            where += f" at byte {self.offset}"
        return f"{where}: {self.what}" + (f"; {self.remedy}" if self.remedy else "")


class CaptureCut(CaptureError):
    """A capture that is cut off or corrupt from some point on. Raised after everything before it was delivered."""


class CannotCapture(Exception):
    """An interface cannot be captured from, and what to do about it."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what}; {remedy}")
        self.what = what
        self.remedy = remedy


class BadFilter(ValueError):
    """A capture filter that libpcap refuses; the message is libpcap's."""
