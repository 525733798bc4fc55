"""Make captures of very many small flows, to see what they cost in memory.

    python -m bench.make_flows /tmp/bench/million.pcap --flows 1000000             all open at the same time
    python -m bench.make_flows /tmp/bench/row.pcap --flows 10000000 --in-a-row     one after the other

Every flow is a SYN and one payload that looks like a TLS ClientHello's first bytes, or, every other flow, two UDP
datagrams of random bytes. Nobody ever answers, so that no flow can be decided by both its sides: the worst case of a
flow table. The same arguments give the same bytes.
"""

from __future__ import annotations

import argparse
import struct
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench.chance import POOL
from bench.make_captures import START
from bench.wire import ACK, PSH, SYN, word_sum

RATE = 50_000
"""Packets a second of packet time."""
CHUNK = 8_192
"""Packets written at once."""

TLS = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
_ETHERNET_IP = struct.Struct("!12sHBBHHHBBH4s4s")
_TCP = struct.Struct("!HHIIHHHH")
_UDP = struct.Struct("!HHHH")
_RECORD = struct.Struct("<IIII")
_MACS = b"\x02\x00\x5e\x00\x00\x01\x02\x00\x5e\x00\x00\x02"
_SERVERS = b"\xc6\x33\x64"  # 198.51.100.0/24


def frame(number: int, second: bool) -> bytes:
    """Packet one or two of flow `number`: 60 000 client ports of up to 65 536 clients, 254 servers."""
    client = b"\x0a\x4d" + (number // 60_000).to_bytes(2, "big")
    port = 1_024 + number % 60_000
    server = _SERVERS + bytes((1 + number % 254,))
    if number & 1:
        at = number * 61 % 1_000_000
        protocol, body = 17, POOL[at : at + 48]
        segment = _UDP.pack(port, 40_443, 8 + len(body), 0) + body  # no checksum, as RFC 768 allows
    else:
        protocol, flags = 6, ACK | PSH if second else SYN
        at = number * 61 % 1_000_000
        body = TLS + POOL[at : at + 64] if second else b""
        seq = number * 2_654_435_761 & 0xFFFFFFFF
        head = (port, 443, (seq + second) & 0xFFFFFFFF, int(second), 5 << 12 | flags, 501)
        pseudo = word_sum(client + server) + protocol + 20 + len(body)
        check = -(pseudo + word_sum(_TCP.pack(*head, 0, 0)) + word_sum(body)) % 65535
        segment = _TCP.pack(*head, check, 0) + body
    total = 20 + len(segment)
    check = -(0x4500 + total + 0x4000 + (64 << 8 | protocol) + word_sum(client + server)) % 65535
    return _ETHERNET_IP.pack(_MACS, 0x0800, 0x45, 0, total, 0, 0x4000, 64, protocol, check, client, server) + segment


def packets(flows: int, in_a_row: bool) -> Iterator[bytes]:
    if in_a_row:
        for number in range(flows):
            yield frame(number, False)
            yield frame(number, True)
    else:
        for second in (False, True):
            for number in range(flows):
                yield frame(number, second)


def make(target: Path, flows: int, *, in_a_row: bool) -> int:
    """Write the capture; its packets."""
    target.parent.mkdir(parents=True, exist_ok=True)
    pending: list[bytes] = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)]
    written = 0
    with target.open("wb") as file:
        for made in packets(flows, in_a_row):
            second, rest = divmod(written, RATE)
            length = len(made)
            when = START // 1_000_000_000 + second, rest * 1_000_000 // RATE
            pending.append(_RECORD.pack(*when, length, length) + made)
            written += 1
            if len(pending) >= CHUNK:
                file.write(b"".join(pending))
                pending.clear()
        file.write(b"".join(pending))
    return written


def main() -> None:
    parser = argparse.ArgumentParser(description="Make a capture of very many flows.")
    parser.add_argument("target", type=Path)
    parser.add_argument("--flows", type=int, default=1_000_000)
    parser.add_argument("--in-a-row", action="store_true", help="one after the other; else all at the same time")
    options = parser.parse_args()
    began = time.perf_counter()
    written = make(options.target, options.flows, in_a_row=options.in_a_row)
    print(f"{written:,} packets, {options.target.stat().st_size:,} bytes")
    print(f"{time.perf_counter() - began:.1f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
