"""Writes TCP conversations as a capture beside the script that calls it: fixed times and sequence numbers, so that the
file never changes. Used by the scripts in ymsg, irc and dcc."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.utils import PcapWriter

MSS = 1400
BEGIN = 1_104_537_600.0  # 2005-01-01
TICK = 1 / 32
"""Seconds between two packets."""

Endpoint = tuple[str, int]


class Capture:
    def __init__(self, script: str) -> None:
        self._file = PcapWriter(str(Path(script).with_suffix(".pcap")), linktype=1, sync=True)
        self._packets = 0

    def flow(self, client: Endpoint, server: Endpoint) -> Flow:
        return Flow(self, client, server)

    def write(self, here: Endpoint, there: Endpoint, tcp: TCP, data: bytes) -> None:
        self._packets += 1
        ip = IPv6 if ":" in here[0] else IP
        packet = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / ip(src=here[0], dst=there[0]) / tcp / data
        packet.time = BEGIN + self._packets * TICK
        self._file.write(packet)


class Flow:
    """One TCP connection, from SYN on."""

    def __init__(self, capture: Capture, client: Endpoint, server: Endpoint) -> None:
        self._capture = capture
        self._ends = (client, server)
        self._next = [1_000, 900_000]
        for who, flags in ((0, "S"), (1, "SA"), (0, "A")):
            self._send(who, b"", flags)

    def client(self, *said: bytes | str) -> Self:
        return self._say(0, said)

    def server(self, *said: bytes | str) -> Self:
        return self._say(1, said)

    def close(self) -> None:
        for who, flags in ((0, "FA"), (1, "FA"), (0, "A")):
            self._send(who, b"", flags)

    def _say(self, who: int, said: tuple[bytes | str, ...]) -> Self:
        for text in said:
            data = text.encode() if isinstance(text, str) else text
            for at in range(0, len(data), MSS):
                self._send(who, data[at : at + MSS], "PA")
        return self

    def _send(self, who: int, data: bytes, flags: str) -> None:
        here, there = self._ends[who], self._ends[1 - who]
        ack = self._next[1 - who] if "A" in flags else 0
        tcp = TCP(sport=here[1], dport=there[1], seq=self._next[who], ack=ack, flags=flags, window=65_000)
        self._capture.write(here, there, tcp, data)
        self._next[who] += len(data) + ("S" in flags or "F" in flags)
