"""What one flow of MSN remembers of messages: a message, its pieces, a file offered in one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from msgspec import Struct

from imsniff.base.limits import MAX_MSN_CHUNKS
from imsniff.dissect.msn.wire import media


class Mail(Struct, gc=False):
    """One MSG, wherever it came in: switchboard, UUM, MSNP21."""

    sender: str | None
    recipient: str | None
    room: str | None
    fields: Mapping[str, str]
    body: bytes
    line: str
    """The command that brought it, as evidence: never the text."""
    sent: bool = False
    """Whether the flow's own client sent it, as the command's shape tells."""
    offline: bool = False

    @property
    def kind(self) -> str:
        return media(self.fields.get("content-type", "")).kind


class Pieces:
    """A message in several MSG, put together by `Message-ID`."""

    __slots__ = ("count", "mail", "parts")

    def __init__(self, mail: Mail, count: int) -> None:
        self.mail = mail
        self.count = count
        """Pieces there should be; 0 where the first, which tells, was not seen."""
        self.parts: dict[int, bytes] = {}

    def add(self, at: int, body: bytes) -> bool:
        """Whether the message is whole now."""
        if at < MAX_MSN_CHUNKS:
            self.parts.setdefault(at, body)
        return 0 < self.count <= len(self.parts)

    def joined(self) -> bytes:
        return b"".join(body for _, body in sorted(self.parts.items()))


class Invite(NamedTuple):
    """A file offered in text/x-msmsgsinvite."""

    name: str | None
    size: int | None
    sender: str | None
    recipient: str | None
    accepted: bool = False
