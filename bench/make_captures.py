"""Make the benchmark's captures: traffic of an office, with as much instant messaging in it as is asked for.

    python -m bench.make_captures /tmp/bench/mixed.pcap --packets 1500000 --im-share 0.005
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

from bench import talk
from bench.office import Office
from bench.revision import REVISION
from bench.wire import Packet

CONCURRENT = 400
"""Flows open at any moment, short of the last ones."""
START = 1_788_000_000_000_000_000
"""Nanoseconds since 1970 of the first packet."""
STAGGER = 500_000_000
"""The first flows begin within this time of each other."""


def interleaved(office: Office, limit: int, concurrent: int, counts: Counter[str]) -> Iterator[tuple[int, bytes]]:
    """Packets of `concurrent` flows at a time, by time, at most `limit`; `counts` gets their kinds.

    Conversations run to their end: when no more packets are left than they still need, the background falls silent.
    """
    waiting: list[tuple[int, int, str, Iterator[Packet], bytes, bool]] = []
    order = written = owed = 0

    def start(now: int) -> None:
        nonlocal order, owed
        flow = office.next_flow(written, limit - written - owed)
        if flow is not None:
            order += 1
            owed += flow.whole
            delay, frame = next(flow.packets)
            heapq.heappush(waiting, (now + delay, order, flow.name, flow.packets, frame, flow.whole > 0))

    for _ in range(concurrent):
        start(START + office.dice.randrange(STAGGER))
    while waiting and written < limit:
        now, number, name, packets, frame, whole = waiting[0]
        if owed >= limit - written and not whole:
            heapq.heappop(waiting)
            continue
        yield now, frame
        written += 1
        owed -= whole
        counts[name] += 1
        following = next(packets, None)
        if following is not None:
            heapq.heapreplace(waiting, (now + following[0], number, name, packets, following[1], whole))
        else:
            heapq.heappop(waiting)
            start(now)


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
    kinds: Counter[str] = Counter()
    target.parent.mkdir(parents=True, exist_ok=True)
    record = struct.Struct("<IIII").pack
    pending: list[bytes] = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)]
    size = written = 0
    with target.open("wb") as file:
        for now, frame in interleaved(office, packets, concurrent, kinds):
            length = len(frame)
            seconds, rest = divmod(now, 1_000_000_000)
            pending.append(record(seconds, rest // 1000, length, length))
            pending.append(frame)
            size += length
            written += 1
            if len(pending) > 4096:
                file.write(b"".join(pending))
                pending.clear()
        file.write(b"".join(pending))
    about: dict[str, object] = {
        "capture": target.name,
        "revision": REVISION,
        "packets": written,
        "bytes": target.stat().st_size,
        "mean_frame": round(size / written),
        "im_share": office.im_share,
        "im_packets": sum(kinds[name] for name in talk.SPEECHES),
        "flows": dict(sorted(office.flows.items())),
        "packets_by_kind": dict(sorted(kinds.items())),
    }
    target.with_suffix(".json").write_text(json.dumps(about, indent=2) + "\n")
    return about


def main() -> None:
    parser = argparse.ArgumentParser(description="Make a capture for the benchmark.")
    parser.add_argument("target", type=Path)
    parser.add_argument("--packets", type=int, default=1_500_000, help="how many (default: 1 500 000, about 1.3 GB)")
    parser.add_argument("--im-share", type=float, default=0.005, help="share of instant messaging's packets, 0 to 1")
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
