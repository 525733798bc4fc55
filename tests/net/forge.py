"""Packets for tests of the lower floors, by struct alone."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from ipaddress import ip_address

from imsniff.capture.batch import Batch, Row, WalkEnd
from imsniff.capture.pcap import NativeOrderWalk
from imsniff.net.segment import Flag, Segment

SYN, ACK, FIN, RST = Flag.SYN, Flag.ACK, Flag.FIN, Flag.RST


def end(ip: str, port: int) -> bytes:
    return ip_address(ip).packed + port.to_bytes(2, "big")


def tcp(source: bytes, target: bytes, payload: bytes = b"", *, seq=0, ack=0, flags=ACK, vlans=(), fragment=0) -> bytes:
    body = source[-2:] + target[-2:] + struct.pack("!IIBBHHH", seq, ack, 0x50, flags, 1024, 0, 0) + payload
    return ethernet(source, target, 6, body, vlans, fragment)


def udp(source: bytes, target: bytes, payload: bytes = b"", *, vlans=(), fragment=0) -> bytes:
    body = source[-2:] + target[-2:] + struct.pack("!HH", 8 + len(payload), 0) + payload
    return ethernet(source, target, 17, body, vlans, fragment)


def ethernet(source: bytes, target: bytes, protocol: int, body: bytes, vlans=(), fragment=0) -> bytes:
    if len(source) == 6:
        kind = b"\x08\x00"
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), 1, fragment, 64, protocol, 0, source[:4], target[:4])
    else:
        kind = b"\x86\xdd"
        ip = struct.pack("!IHBB16s16s", 6 << 28, len(body), protocol, 64, source[:16], target[:16])
    tags = b"".join(b"\x81\x00" + tag.to_bytes(2, "big") for tag in vlans)
    return bytes(12) + tags + kind + ip + body


def batch(packets: Iterable[tuple[int, bytes]], first_frame: int = 1, link: int = 1) -> Batch:
    """A batch of (nanoseconds, frame)."""
    slab, rows = bytearray(), list[Row]()
    for ts, packet in packets:
        rows.append((len(slab), len(packet), len(packet), ts, link))
        slab += packet

    def walk(slab, start, end):
        yield from rows
        return WalkEnd(end, len(rows))

    return Batch("test", slab, 0, len(slab), first_frame, walk)


def segment(source: bytes, target: bytes, payload: bytes = b"", *, ts=0, protocol=6, frame=1, **more) -> Segment:
    return Segment(frame, ts, protocol, source, target, payload, **more)


def pcap_batch(packets: Iterable[tuple[int, bytes]], order: str = "<", tail: bytes = b"") -> Batch:
    """The same as the records of a pcap file of nanoseconds, with the beginning of another record behind them."""
    slab = bytearray()
    for ts, packet in packets:
        slab += struct.pack(order + "IIII", *divmod(ts, 10**9), len(packet), len(packet)) + packet
    slab += tail
    return Batch("test", slab, 0, len(slab), 1, NativeOrderWalk(order, 1, 16, 1))
