"""One target a dissector: any bytes from either side, cut anyhow, with gaps, on either transport.

A script is what the fuzzer mutates:

    flags:1 | *( operation:1 | length:2 | bytes )      flags: 1 mid-stream, 2 datagrams
                                                       operation: 1 server's side, 2 a gap before it, 4 cut in sevens

Held against it: nothing raises, memory stays under its cap, every event can be written as JSON.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator

import msgspec

from imsniff.base.events import Side
from imsniff.base.limits import LOOKAHEAD
from imsniff.classify import readers
from imsniff.dissect.core import REGISTRY

MIDSTREAM, DATAGRAMS = 1, 2
FROM_SERVER, AFTER_GAP, IN_SEVENS = 1, 2, 4

readers.load()


def turns(script: bytes) -> Iterator[tuple[int, bytes]]:
    at = 1
    while at + 3 <= len(script):
        size = int.from_bytes(script[at + 1 : at + 3], "big")
        yield script[at], script[at + 3 : at + 3 + size]
        at += 3 + size


def target(name: str) -> Callable[[bytes], None]:
    kind = REGISTRY[name]

    def one_input(script: bytes) -> None:
        flags = script[0] if script else 0
        dissector = kind(midstream=bool(flags & MIDSTREAM))
        hear = dissector.datagram if flags & DATAGRAMS else dissector.feed
        for operation, data in turns(script):
            side = Side.SERVER if operation & FROM_SERVER else Side.CLIENT
            if operation & AFTER_GAP and not flags & DATAGRAMS:
                msgspec.json.encode(list(dissector.gap(side, 100)))
            step = 7 if operation & IN_SEVENS and not flags & DATAGRAMS else len(data) or 1
            for at in range(0, len(data), step):
                msgspec.json.encode(list(hear(side, data[at : at + step])))
                assert len(dissector._inbox[side]) <= dissector.max_frame + LOOKAHEAD, "hoards"
        msgspec.json.encode(list(dissector.end()))

    return one_input


def seeds(name: str) -> Iterator[bytes]:
    """The conversations of the dissector's own tests."""
    try:
        tests = importlib.import_module(f"tests.dissect.test_{name.replace('-', '_')}")
    except ModuleNotFoundError:
        return
    for said in tests.CONVERSATIONS:
        for flags in (0, MIDSTREAM, DATAGRAMS):
            script = bytearray([flags])
            for side, data in said:
                for at in range(0, len(data), 0xFFFF):
                    piece = data[at : at + 0xFFFF]
                    script += bytes([FROM_SERVER if side is Side.SERVER else 0]) + len(piece).to_bytes(2, "big") + piece
            yield bytes(script)
