"""All targets by name, and atheris around one of them.

python -m fuzz.harness dissect.oscar -max_total_time=60
python -m fuzz.harness dissect.oscar out/fuzz/dissect.oscar-crash-...      once more what was found
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple


class Target(NamedTuple):
    run: Callable[[bytes], None]
    seeds: Callable[[], Iterable[bytes]]


def targets() -> dict[str, Target]:
    """Imported here, so that atheris can instrument what they import."""
    from fuzz import dissector, gate, packets, rules

    found = {
        f"dissect.{name}": Target(dissector.target(name), lambda name=name: dissector.seeds(name))
        for name in sorted(dissector.REGISTRY)
    }
    if find_spec("imsniff.net._gate") is not None:
        found["gate"] = Target(gate.agree, gate.seeds)
    found["decode"] = Target(packets.decode, packets.decode_seeds)
    found["reassembly"] = Target(packets.reassembly, packets.reassembly_seeds)
    found["capture"] = Target(packets.capture, packets.small_captures)
    found["spine"] = Target(packets.spine, packets.small_captures)
    found["rules.files"] = Target(rules.files, rules.files_seeds)
    found["rules.patterns"] = Target(rules.patterns, rules.patterns_seeds)
    return found


def main() -> None:
    import atheris

    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(f"which target? one of {' '.join(targets())}")
    name = sys.argv.pop(1)
    with atheris.instrument_imports(include=["imsniff"]):
        everything = targets()
    if name not in everything:
        sys.exit(f"no target {name!r}; there are {' '.join(everything)}")
    found = Path("out/fuzz")
    found.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="imsniff-fuzz-") as scratch:
        os.environ["XDG_CACHE_HOME"] = scratch  # what is compiled here is nobody's to keep
        corpus = f"{scratch}/corpus"
        Path(corpus).mkdir()
        for number, seed in enumerate(everything[name].seeds()):
            (Path(corpus) / f"{number:04}").write_bytes(seed)
        again = any(not argument.startswith("-") for argument in sys.argv[1:])
        limits = [f"-artifact_prefix={found}/{name}-", "-timeout=30", "-rss_limit_mb=4096", "-max_len=65536"]
        atheris.Setup([*sys.argv, *limits, *([] if again else [corpus])], everything[name].run)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
