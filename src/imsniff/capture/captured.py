"""A captured packet as a value of its own, for writing it to a file or handing it to another process."""

from __future__ import annotations

from typing import NamedTuple


class CapturedPacket(NamedTuple):
    """One packet."""

    ts: int
    """Nanoseconds since 1970."""
    link: int
    """Link type, as pcap numbers them."""
    wire: int
    """Bytes on the wire."""
    data: bytes
