"""Writes UDP conversations as a capture beside the script that calls it, with fixed times."""

from __future__ import annotations

from pathlib import Path

from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.utils import PcapWriter

BEGIN = 915_148_800.0  # 1999-01-01
TICK = 1 / 32


def write(script: str, client: tuple[str, int], server: tuple[str, int], said: list[tuple[bool, bytes]]) -> None:
    """`said` tells for each datagram whether the client sent it."""
    file = PcapWriter(str(Path(script).with_suffix(".pcap")), linktype=1, sync=True)
    for number, (is_client, data) in enumerate(said):
        here, there = (client, server) if is_client else (server, client)
        packet = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IP(src=here[0], dst=there[0])
        packet = packet / UDP(sport=here[1], dport=there[1]) / data
        packet.time = BEGIN + number * TICK
        file.write(packet)
