"""Targets for what operators write: signature files and patterns. Faults are told, nothing else is raised."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

from imsniff.rules.engines import Fast, Needle, Plain
from imsniff.rules.loader import load, packaged_directory
from imsniff.rules.located import SignatureError
from imsniff.rules.pattern import BadPattern, from_hex, from_pattern

SHORT = 60
KINDS = ("ports.toml", "payload/fuzz.toml", "services/fuzz.toml")


@cache
def folder() -> Path:
    root = Path(tempfile.mkdtemp(prefix="imsniff-fuzz-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    for name in KINDS:
        (root / name).parent.mkdir(exist_ok=True)
    return root


def files(data: bytes) -> None:
    """The first byte says which file the rest is."""
    for name in KINDS:
        (folder() / name).unlink(missing_ok=True)
    path = folder() / KINDS[data[0] % len(KINDS) if data else 0]
    path.write_bytes(data[1:])
    with suppress(SignatureError):
        load(base=folder(), user=Path("/nonexistent"))


def files_seeds() -> Iterator[bytes]:
    root = packaged_directory()
    for number, name in enumerate(KINDS):
        for path in root.glob(name.replace("fuzz", "*")):
            text = path.read_bytes()
            for piece in text.split(b"\n\n["):
                yield bytes([number]) + b'version = 1\nprotocol = "fuzz"\n[' + piece.lstrip(b"[")


def patterns(data: bytes) -> None:
    """A line with the pattern, then the bytes it is tried on by both engines."""
    written, _, text = data.partition(b"\n")
    read = from_hex if written[:1] == b"#" else from_pattern
    try:
        expression = read(written.decode("latin-1").removeprefix("#"))
    except BadPattern:
        return
    for anchored in (True, False):
        needles = [Needle(expression, anchored, None if expression.to_end else 64)]
        assert list(Plain(needles).find(text)) == list(Fast(needles).find(text)), "the engines disagree"


def patterns_seeds() -> Iterator[bytes]:
    for rule in load(user=Path("/nonexistent")).payload:
        written = rule.entry.pattern if rule.entry.pattern is not None else f"#{rule.entry.hex}"
        if len(written) > SHORT:  # Hyperscan compiles each of them: long ones would eat the time
            continue
        for example in rule.examples:
            yield written.encode() + b"\n" + example
