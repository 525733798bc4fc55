"""Capture files made by hand, in every dialect the reader knows, without the code under test."""

from __future__ import annotations

import bz2
import gzip
import lzma
from struct import pack
from typing import NamedTuple

import zstandard

SECOND = 1_000_000_000


class Taken(NamedTuple):
    """A packet as captured."""

    time: int
    link: int
    wire: int
    data: bytes


def pcap(packets, *, order="<", magic=0xA1B2C3D4, unit=1000, extra=b"", version=(2, 4), turned=False, fcs=0, front=b""):
    """`extra` ends each record header, `front` the file header."""
    link = packets[0].link if packets else 1
    out = [pack(order + "IHHiIII", magic, *version, 0, 0, 262_144, link | fcs), front]
    for time, _, wire, data in packets:
        lengths = (wire, len(data)) if turned else (len(data), wire)
        out.append(pack(order + "IIII", time // SECOND, time % SECOND // unit, *lengths) + extra + data)
    return b"".join(out)


def block(order, kind, body):
    body += bytes(-len(body) % 4)
    return pack(order + "II", kind, len(body) + 12) + body + pack(order + "I", len(body) + 12)


def option(order, code, value):
    return pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def section(order="<", *options):
    return block(order, 0x0A0D0D0A, pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1) + b"".join(options))


def interface(order="<", link=1, snaplen=0, *options):
    return block(order, 1, pack(order + "HHI", link, 0, snaplen) + b"".join(options))


def enhanced(order, number, ticks, taken, tail=b""):
    padded = taken.data + bytes(-len(taken.data) % 4)
    head = pack(order + "IIIII", number, ticks >> 32, ticks & 0xFFFF_FFFF, len(taken.data), taken.wire)
    return block(order, 6, head + padded + tail)


def old_packet(order, number, ticks, taken):
    head = pack(order + "HHIIII", number, 0, ticks >> 32, ticks & 0xFFFF_FFFF, len(taken.data), taken.wire)
    return block(order, 2, head + taken.data)


def simple(order, taken):
    return block(order, 3, pack(order + "I", taken.wire) + taken.data)


def pcapng(packets, *, order="<", resolution=None, offset=0, packet=enhanced):
    """An interface for each link type as it comes, with names and statistics in between, as dumpcap writes them."""
    out = [section(order, option(order, 4, b"forge"), option(order, 0, b""))]
    known: dict[int, int] = {}
    for taken in packets:
        if taken.link not in known:
            known[taken.link] = len(known)
            options = [option(order, 2, b"eth0")]
            if resolution is not None:
                options.append(option(order, 9, bytes([resolution])))
            if offset:
                options.append(option(order, 14, pack(order + "q", offset)))
            out.append(interface(order, taken.link, 0, *options, option(order, 0, b"")))
            out.append(block(order, 4, bytes(20)))
        ticks = to_ticks(taken.time - offset * SECOND, 6 if resolution is None else resolution)
        out.append(packet(order, known[taken.link], ticks, taken))
    out.append(block(order, 5, bytes(12)))
    return b"".join(out)


def to_ticks(time, resolution):
    if resolution & 0x80:
        return -(-(time << (resolution & 0x7F)) // SECOND)
    return time * 10**resolution // SECOND


def from_ticks(ticks, resolution):
    if resolution & 0x80:
        return ticks * SECOND >> (resolution & 0x7F)
    return ticks * SECOND // 10**resolution


def gzip_members(data):
    middle = len(data) // 2
    return gzip.compress(data[:middle]) + gzip.compress(data[middle:])


PACKERS = {
    "plain": bytes,
    "gzip": gzip.compress,
    "gzip members": gzip_members,
    "gzip padded": lambda data: gzip.compress(data) + bytes(100),
    "xz": lzma.compress,
    "bzip2": bz2.compress,
    "zstd": zstandard.compress,
    "zstd frames": lambda data: zstandard.compress(data[:50]) + zstandard.compress(data[50:]),
}
