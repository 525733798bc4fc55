"""Make the benchmark's captures: traffic of an office, with as much instant messaging in it as is asked for.

    python -m bench.make_captures /tmp/bench/mixed.pcap --packets 1300000 --im-share 0.01
    python -m bench.make_captures /tmp/bench/xmpp.pcap --packets 200000 --only xmpp

Many flows run at once and are interleaved by time, so that a sniffer's flow table is used as on a real link. The same
arguments give the same bytes. Beside the capture stands `<capture>.json`: how many flows and packets of what it holds.
"""

from __future__ import annotations

import argparse
import heapq
import json
import struct
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

from bench import talk, traffic
from bench.wire import Ends, Packet, packed, tcp_flow, udp_flow

CONCURRENT = 400
"""Flows open at any moment, short of the last ones."""
START = 1_788_000_000_000_000_000
"""Nanoseconds since 1970 of the first packet."""
STAGGER = 5_000_000_000
"""The first flows begin within this time of each other."""

BACKGROUND = {
    # name: (turns, transport, port, share of the flows)
    "tls": (traffic.tls, "tcp", 443, 0.35),
    "http": (traffic.http, "tcp", 80, 0.08),
    "dns": (traffic.dns, "udp", 53, 0.46),
    "quic": (traffic.quic, "udp", 443, 0.10),
    "rtp": (traffic.voice, "udp", 17_000, 0.01),
}
IPV6_SHARE = 0.08
ODD_SHARE = 0.25
"""Of the flows of instant messaging."""
CHATTY = (60, 300)
"""Messages of one conversation where a capture holds one protocol only; in a mixed one there are 3 to 39."""


class Office:
    """Starts flows, and counts what it started."""

    def __init__(self, seed: int, im_share: float, only: str | None = None) -> None:
        self.dice = Random(seed)
        self.im_share = im_share
        self.only = only
        self.flows: Counter[str] = Counter()
        self.packets: Counter[str] = Counter()
        self._port = 20_000
        self._promised = 0

    def ends(self, server_port: int) -> Ends:
        dice = self.dice
        self._port = 20_000 + (self._port - 19_999) % 40_000
        if dice.random() < IPV6_SHARE:
            client, server = f"2001:db8:77::{dice.randrange(1, 400):x}", f"2001:db8:{dice.randrange(1, 900):x}::5"
        else:
            client = f"10.77.{dice.randrange(4)}.{dice.randrange(1, 255)}"
            server = f"{dice.choice(('198.51.100', '203.0.113', '192.0.2', '198.18.7'))}.{dice.randrange(1, 255)}"
        return Ends(packed(client), self._port, packed(server), server_port)

    def one_protocol(self, name: str) -> Iterator[Packet]:
        """A long conversation on the protocol's own port; every second one over its other transport, if it has one."""
        speech = talk.SPEECHES[name]
        turns, over_tcp = speech.turns, speech.transport == "tcp"
        if speech.other is not None and self.flows[name] % 2:
            turns, over_tcp = speech.other, not over_tcp
        said = turns(self.dice, self.dice.randrange(*CHATTY))
        ends = self.ends(speech.port)
        return tcp_flow(self.dice, ends, said) if over_tcp else udp_flow(ends, said)

    def instant_messaging(self) -> tuple[str, Iterator[Packet]]:
        name = self.dice.choice(list(talk.SPEECHES))
        speech = talk.SPEECHES[name]
        port = self.dice.choice(talk.ODD_PORTS[speech.transport]) if self.dice.random() < ODD_SHARE else speech.port
        turns = speech.turns(self.dice, self.dice.randrange(3, 40))
        ends = self.ends(port)
        packets = list(tcp_flow(self.dice, ends, turns) if speech.transport == "tcp" else udp_flow(ends, turns))
        self._promised += len(packets)
        return name, iter(packets)

    def background(self) -> tuple[str, Iterator[Packet]]:
        (name,) = self.dice.choices(list(BACKGROUND), [share for *_, share in BACKGROUND.values()])
        turns, transport, port, _ = BACKGROUND[name]
        ends = self.ends(port)
        supply = turns(self.dice)
        return name, tcp_flow(self.dice, ends, supply) if transport == "tcp" else udp_flow(ends, supply)

    def next_flow(self, written: int) -> tuple[str, Iterator[Packet]]:
        due = self._promised < self.im_share * written or self.im_share >= 1
        if self.only is not None:
            name, packets = self.only, self.one_protocol(self.only)
        else:
            name, packets = self.instant_messaging() if due else self.background()
        self.flows[name] += 1
        return name, packets


def interleaved(office: Office, limit: int, concurrent: int) -> Iterator[tuple[int, bytes]]:
    """Packets of `concurrent` flows at a time, by time, at most `limit`."""
    waiting: list[tuple[int, int, str, Iterator[Packet], bytes]] = []
    order = 0

    def start(now: int, written: int) -> None:
        nonlocal order
        order += 1
        name, packets = office.next_flow(written)
        delay, frame = next(packets)
        heapq.heappush(waiting, (now + delay, order, name, packets, frame))

    for _ in range(concurrent):
        start(START + office.dice.randrange(STAGGER), 0)
    written = 0
    while written < limit:
        now, number, name, packets, frame = waiting[0]
        yield now, frame
        written += 1
        office.packets[name] += 1
        following = next(packets, None)
        if following is None:
            heapq.heappop(waiting)
            start(now, written)
        else:
            heapq.heapreplace(waiting, (now + following[0], number, name, packets, following[1]))


def make(
    target: Path,
    packets: int,
    im_share: float,
    seed: int = 1,
    *,
    only: str | None = None,
    concurrent: int = CONCURRENT,
) -> dict[str, object]:
    """Write the capture and what it holds. `only`: nothing but conversations of this protocol."""
    office = Office(seed, 1 if only else im_share, only)
    target.parent.mkdir(parents=True, exist_ok=True)
    record = struct.Struct("<IIII").pack
    pending: list[bytes] = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)]
    size = 0
    with target.open("wb") as file:
        for now, frame in interleaved(office, packets, concurrent):
            length = len(frame)
            seconds, rest = divmod(now, 1_000_000_000)
            pending.append(record(seconds, rest // 1000, length, length))
            pending.append(frame)
            size += length
            if len(pending) > 4096:
                file.write(b"".join(pending))
                pending.clear()
        file.write(b"".join(pending))
    about: dict[str, object] = {
        "capture": target.name,
        "packets": packets,
        "bytes": target.stat().st_size,
        "mean_frame": round(size / packets),
        "im_share": office.im_share,
        "im_packets": sum(office.packets[name] for name in talk.SPEECHES),
        "flows": dict(sorted(office.flows.items())),
        "packets_by_kind": dict(sorted(office.packets.items())),
    }
    target.with_suffix(".json").write_text(json.dumps(about, indent=2) + "\n")
    return about


def main() -> None:
    parser = argparse.ArgumentParser(description="Make a capture for the benchmark.")
    parser.add_argument("target", type=Path)
    parser.add_argument("--packets", type=int, default=1_300_000, help="how many (default: 1 300 000, about 1 GB)")
    parser.add_argument("--im-share", type=float, default=0.01, help="share of instant messaging's packets, 0 to 1")
    parser.add_argument("--only", choices=list(talk.SPEECHES), help="nothing but this protocol, on its own port")
    parser.add_argument("--concurrent", type=int, default=CONCURRENT, help="flows open at any moment")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    began = time.perf_counter()
    about = make(
        options.target,
        options.packets,
        options.im_share,
        options.seed,
        only=options.only,
        concurrent=options.concurrent,
    )
    print(json.dumps(about, indent=2))
    print(f"{time.perf_counter() - began:.1f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
