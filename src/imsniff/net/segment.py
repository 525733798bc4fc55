"""A segment: what came up through the gate, decoded down to its transport payload."""

from __future__ import annotations

from ipaddress import ip_address

from msgspec import Struct

TCP, UDP = 6, 17
"""IP protocol numbers."""


class Flag:
    """TCP flags (RFC 9293 §3.1). Plain numbers: `IntFlag` takes a microsecond to say `&`, and every packet is asked."""

    FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


class Segment(Struct, frozen=True, gc=False):
    """One TCP segment or UDP datagram."""

    frame: int
    """Packet number in its capture, 1-based; of a datagram put together from fragments, the last one's."""
    ts: int
    """Nanoseconds since 1970."""
    protocol: int
    """TCP or UDP."""
    source: bytes
    """Address (4 or 16 bytes) and port (2 bytes), network order."""
    target: bytes
    payload: bytes
    """What was captured of it."""
    cut: int = 0
    """Payload bytes that were on the wire and not in the capture (snap length)."""
    seq: int = 0
    ack: int = 0
    flags: int = 0


def flow_key(source: bytes, target: bytes, protocol: int) -> bytes:
    """What both directions of a flow share: its endpoints, the lower first, and behind them a `u` for UDP."""
    key = source + target if source < target else target + source
    return key + b"u" if protocol == UDP else key


def endpoint(packed: bytes) -> tuple[str, int]:
    """Address text and port of a segment's source or target."""
    return str(ip_address(packed[:-2])), int.from_bytes(packed[-2:], "big")
