"""The compiled gate against the reference, on batches of any bytes; and the same under AddressSanitizer.

python -m fuzz.gate --seconds 10
"""

from __future__ import annotations

import argparse
import os
import random
import shlex
import shutil
import struct
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

from imsniff.capture.batch import Batch, Walk
from imsniff.capture.errors import CaptureError
from imsniff.capture.pcap import NativeOrderWalk
from imsniff.capture.pcapfile import open_capture
from imsniff.capture.pcapng import Interface, Pcapng
from imsniff.capture.ring import Blocks
from imsniff.net.decode import Decoder
from imsniff.net.gate import Gate as Reference
from imsniff.net.hold_queue import HoldQueue, Opening, OpeningKind, RaisedPacket
from imsniff.net.segment import Segment

ROOT = Path(__file__).resolve().parents[1]
BUILT = ROOT / "out" / "asan"
MODULE = "imsniff/net/_gate"


def _pcapng(order: str) -> Walk:
    """In the middle of a file, with interfaces of several units."""
    file = Pcapng()
    file.order = order
    for times, by, plus in ((1000, 1, 0), (1, 1, -(10**15)), (10**9, 1 << 20, 0)):
        file.interfaces.append(Interface(1, 0, times, by, plus))
    return file.walk


WALKS: list[Callable[[], Walk]] = [
    lambda: NativeOrderWalk("<", 1000, 16, 1),
    lambda: NativeOrderWalk(">", 1, 24, 1),
    lambda: _pcapng("<"),
    lambda: _pcapng(">"),
    lambda: Blocks(1),
]


FILES = {
    0: struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 1 << 18, 1),
    2: b"".join(
        struct.pack("<II", kind, 12 + len(body)) + body + struct.pack("<I", 12 + len(body))
        for kind, body in (
            (0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)),
            (1, struct.pack("<HHI", 1, 0, 0)),
            (1, struct.pack("<HHIHHBxxx", 1, 0, 0, 9, 1, 0x80 | 20)),
        )
    ),
}
"""By walk: what such a file begins with."""


def agree(data: bytes) -> None:
    """Which walk, every how many flows one is ignored, where the batch begins; then the batch. Both gates must raise
    the same packets and end the same way, and a gate that hands up late must let the same through."""
    from imsniff.net._gate import Gate as Compiled

    if len(data) < 3:
        return
    walk, every, start = WALKS[data[0] % len(WALKS)], data[1] % 4 + 1, data[2] % 8
    slab = bytearray(data[3:])
    start = min(start, len(slab))
    expected = _played(Reference(_hold_queue()), slab, start, walk(), every)
    assert _played(Compiled(_hold_queue(), chunk=1), slab, start, walk(), every) == expected, "another packet is raised"
    late = _played(Compiled(_hold_queue(), entries=1 << 16), slab, start, walk(), every)
    assert late[1:] == expected[1:], "another packet is let through"
    if data[0] % len(WALKS) in FILES:
        _agree_ahead(FILES[data[0] % len(WALKS)] + slab[start:], every, 64 << data[2] % 5)


def _agree_ahead(data: bytes, every: int, slab_size: int) -> None:
    """The same for a file that a read-ahead thread reads ahead."""
    from imsniff.net._gate import Gate as Compiled

    told = []
    for gate in Reference(_hold_queue()), Compiled(_hold_queue(), entries=1 << 16):
        decoder, through, error = Decoder(), [], ""
        with tempfile.NamedTemporaryFile() as file, ExitStack() as stack:
            Path(file.name).write_bytes(data)
            try:
                capture = stack.enter_context(open_capture(file.name, slab_size=slab_size))
                read_ahead = gate.read_ahead(capture.walk) if capture.file is not None else None
                batches = capture if read_ahead is None else capture.ahead(stack.enter_context(read_ahead))
                for batch in batches:
                    _hear(gate, batch, decoder, every, [], through)
            except CaptureError as why:
                error = str(why).partition(": ")[2]
        told.append((through, error, gate.frames))
    assert told[0] == told[1], "a read-ahead thread made a difference"


def _hold_queue() -> HoldQueue:
    """A quarter of all first words is foreign, more are unmatchable."""
    return HoldQueue(
        [
            *(Opening(protocol, rb"[\x00-\x3f]") for protocol in (6, 17)),
            *(Opening(protocol, rb"[\x00-\x9f]", OpeningKind.UNMATCHABLE) for protocol in (6, 17)),
            Opening(17, rb"[\x80-\xff]", OpeningKind.NOTHING),
        ]
    )


def _hear(
    gate: Reference, batch: Batch, decoder: Decoder, every: int, raised: list[RaisedPacket], through: list[Segment]
) -> None:
    """What the stages above do with a batch: every so many flows are ignored as soon as they are heard."""
    for packet in gate.raise_packets(batch):
        raised.append(packet)
        for segment in decoder.segments(*packet):
            if not gate.covers(segment):
                through.append(segment)
                if (segment.source[-1] + segment.target[-1]) % every == 0:
                    gate.ignore(segment)


def _played(gate: Reference, slab: bytearray, start: int, walk: Walk, every: int) -> tuple[object, ...]:
    """RaisedPacket, let through, how it ended. `gate` is either."""
    batch, raised, through = Batch("fuzz", slab, start, len(slab), 1, walk), [], []
    _hear(gate, batch, Decoder(), every, raised, through)
    return raised, through, batch.walked, gate.frames


# --- seeds ------------------------------------------------------------------------------------------------------------


def _flow(tags: bytes, kind: bytes, addresses: bytes) -> Iterator[bytes]:
    """Frames of one flow to and fro."""
    half = len(addresses) // 2
    for source, target, ports in ((addresses[:half], addresses[half:], 0), (addresses[half:], addresses[:half], 1)):
        words = (40_000, 443) if ports == 0 else (443, 40_000)
        for flags, payload in ((0x02 if ports == 0 else 0x12, b""), (0x10, b"some payload of it")):
            body = struct.pack("!HHIIBBHHH", *words, 7 + len(payload[:1]), 9, 0x50, flags, 99, 0, 0) + payload
            if half == 4:
                head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 1, 0, 64, 6, 0)
            else:
                head = struct.pack("!IHBB", 6 << 28, len(body), 6, 64)
            yield bytes(12) + tags + kind + head + source + target + body


def frames() -> list[bytes]:
    old, new = bytes((10, 0, 0, 1, 10, 0, 0, 3)), bytes(15) + b"\1" + bytes(15) + b"\3"
    made = []
    for tags in (b"", b"\x81\x00\x00\x01", b"\x88\xa8\x00\x02\x81\x00\x00\x03"):
        made += [*_flow(tags, b"\x08\x00", old), *_flow(tags, b"\x86\xdd", new)]
    return made * 2


def seeds() -> Iterator[bytes]:
    packets = frames()
    for number, (order, header) in enumerate((("<", 16), (">", 24))):
        slab = b"".join(
            struct.pack(order + "IIII", 1 + at * 40, at, len(packet), len(packet)).ljust(header, b"\0") + packet
            for at, packet in enumerate(packets)
        )
        yield bytes((number, 0, 0)) + slab
    for number, order in ((2, "<"), (3, ">")):
        slab = b""
        for at, packet in enumerate(packets):
            length = 32 + len(packet) + -len(packet) % 4
            head = struct.pack(order + "IIIIIII", 6, length, at % 3, 0, at * 9_000_000, len(packet), len(packet))
            slab += head + packet.ljust(length - 32, b"\0") + struct.pack(order + "I", length)
            slab += struct.pack(order + "IIII", (4, 5, 9, 0xBAD)[at % 4], 16, 0, 16)
        yield bytes((number, 0, 0)) + slab
    slab = b""
    for packet in packets:
        head = struct.pack("=IIIIIIHH", 96 + len(packet), 5, 6, len(packet), len(packet), 0, 82, 96)
        slab += head.ljust(82, b"\0") + packet + bytes(14)
    yield bytes((4, 0, 0)) + slab


# --- under AddressSanitizer -------------------------------------------------------------------------------------------


def _build() -> Path | None:
    """The gate with every memory access watched; None where that cannot be made here."""
    compiler = shlex.split(sysconfig.get_config_var("CC") or "cc")
    if shutil.which(compiler[0]) is None:
        return None
    library = subprocess.run([*compiler, "-print-file-name=libasan.so"], capture_output=True, text=True, check=False)
    asan = Path(library.stdout.strip())
    if library.returncode or not asan.is_absolute():
        return None
    shutil.rmtree(BUILT, ignore_errors=True)
    BUILT.mkdir(parents=True)
    source = BUILT / "_gate.c"
    module = ROOT / "src" / f"{MODULE}.pyx"
    made = subprocess.run(
        [sys.executable, "-m", "cython", "-3", "-o", source, module], capture_output=True, check=False
    )
    if made.returncode:
        return None
    target = BUILT / f"_gate{sysconfig.get_config_var('EXT_SUFFIX')}"
    flags = ["-shared", "-fPIC", "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"]
    include = f"-I{sysconfig.get_paths()['include']}"
    subprocess.run([*compiler, *flags, include, str(source), "-o", str(target)], check=True)
    return asan


def _watch(seconds: int) -> None:
    """In the watched process: seeds and mutations of them for so long."""
    from importlib.util import module_from_spec, spec_from_file_location

    (path,) = BUILT.glob("_gate*.so")
    spec = spec_from_file_location("imsniff.net._gate", path)
    assert spec is not None, path
    assert spec.loader is not None, path
    module = module_from_spec(spec)
    sys.modules["imsniff.net._gate"] = module
    spec.loader.exec_module(module)
    given, inputs, ends = list(seeds()), 0, time.monotonic() + seconds
    dice = random.Random()
    while time.monotonic() < ends:
        data = bytearray(dice.choice(given))
        for _ in range(dice.randint(0, 6)):
            at = dice.randrange(len(data))
            data[at : at + dice.choice((0, 1, 1, 4))] = dice.randbytes(dice.choice((0, 1, 1, 4)))
        (BUILT / "input").write_bytes(data)  # what is there when it crashes did it
        agree(bytes(data))
        inputs += 1
    print(inputs)


def main() -> None:
    parser = argparse.ArgumentParser(description="The compiled gate under AddressSanitizer.")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--watched", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.watched:
        _watch(options.seconds)
        return
    asan = _build()
    if asan is None:
        print("gate (ASan)          left out: it takes Cython and a compiler with libasan")
        return
    environment = os.environ | {
        "LD_PRELOAD": str(asan),
        "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=0",  # Python itself leaks at its end
        "PYTHONMALLOC": "malloc",  # so that every object has its own borders
    }
    command = [sys.executable, "-m", "fuzz.gate", "--watched", "--seconds", str(options.seconds)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    print(f"{'gate (ASan)':20} {done.stdout.strip() or '?':>9} inputs  {'FAILED' if done.returncode else 'ok'}")
    if done.returncode:
        sys.exit(f"{done.stderr[-5000:]}\nthe input: {BUILT / 'input'}")


if __name__ == "__main__":
    main()
