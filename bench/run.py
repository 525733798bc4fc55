"""The macro benchmark: imsniff, tshark and ndpiReader on the same capture in the same run, and a bare read of the file.

    python -m bench.run                                          1.5 million packets, 1.3 GB; six small ones
    python -m bench.run --packets 1500000 15000000               how it grows
    python -m bench.run --im-share 0.001 0.01 1                  what the instant messaging costs
    python -m bench.run --packets --protocols sip irc            captures of nothing but SIP, nothing but IRC
    python -m bench.run --without tshark "imsniff py"            with some of the contenders only

imsniff runs twice, with its compiled gate and with the one in Python ("imsniff py"). The bare read is `cat`.
The contenders take turns, so that whatever else the machine does hits all alike; the median of the rounds counts. The
file is in the page cache for everyone. A contender that is not installed is left out, and that is said.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from bench.revision import file_name
from bench.talk import SPEECHES

ROOT = Path(__file__).resolve().parents[1]
CAPTURES = ROOT / "bench" / "captures"
FILTER = "aim || msnms || ymsg || sip || xmpp || irc || msrp"
"""What tshark is asked for: as much of what imsniff finds as it knows."""
FILTERS = {"oscar": "aim", "msnp": "msnms", "ymsg": "ymsg", "sip": "sip", "xmpp": "xmpp", "irc": "irc"}
"""The same for a capture of one protocol."""
PROTOCOL_PACKETS = 200_000


class Ran(NamedTuple):
    """One run of one contender."""

    seconds: float
    cpu: float
    """Processor seconds, of all processes."""
    peak: int
    """Largest resident set of its largest process, bytes; the kernel says no less than what this process has."""


class Contender(NamedTuple):
    name: str
    command: Callable[[Path, Path], list[str]]
    """From the capture and a directory for whatever is written."""
    about: list[str]
    """Asks for its version."""
    environment: dict[str, str] = {}
    """Beside what is inherited."""


def contenders(imsniff: list[str], wanted: str = FILTER) -> list[Contender]:
    """`wanted`: tshark's display filter."""

    def analyze(capture: Path, out: Path) -> list[str]:
        return [*imsniff, "-q", "analyze", str(capture), "--db", str(out / "bench.db"), "--jsonl"]

    return [
        Contender("imsniff", analyze, [*imsniff, "--version"]),
        Contender("imsniff py", analyze, [*imsniff, "--version"], {"IMSNIFF_GATE": "python"}),
        Contender("tshark", lambda capture, _: ["tshark", "-r", str(capture), "-Y", wanted], ["tshark", "--version"]),
        Contender("ndpiReader", lambda capture, _: ["ndpiReader", "-i", str(capture)], ["ndpiReader", "-h"]),
        Contender("cat", lambda capture, _: ["cat", str(capture)], ["cat", "--version"]),
    ]


def run(command: list[str], environment: dict[str, str] | None = None) -> Ran:
    """Run to the end, its output thrown away. Raises CalledProcessError."""
    null = subprocess.DEVNULL
    began = time.perf_counter()
    child = subprocess.Popen(command, stdin=null, stdout=null, stderr=null, env=os.environ | (environment or {}))
    _, status, used = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, command)
    scale = 1 if sys.platform == "darwin" else 1024
    return Ran(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss * scale)


def version(command: list[str]) -> str:
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    words = (told.stdout + told.stderr).replace("Running as user", "").splitlines()
    return next((line.strip() for line in words if any(char.isdigit() for char in line)), "")[:60]


def capture_of(folder: Path, packets: int, im_share: float = 1, only: str | None = None) -> dict[str, Any]:
    """The capture, made if it is not there, and what it holds. Made by a process of its own: see `Ran.peak`."""
    path = folder / file_name(packets, im_share, only)
    about = path.with_suffix(".json")
    if not (path.exists() and about.exists()):
        print(f"making {path} ...", file=sys.stderr, flush=True)
        command = [sys.executable, "-m", "bench.make_captures", str(path), "--packets", str(packets)]
        command += ["--only", only] if only else ["--im-share", str(im_share)]
        subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    return json.loads(about.read_text()) | {"path": path}


def compete(about: dict[str, Any], field: list[Contender], rounds: int) -> dict[str, list[Ran]]:
    """Every contender in turn, `rounds` times."""
    results: dict[str, list[Ran]] = {contender.name: [] for contender in field}
    for number in range(1, rounds + 1):
        for contender in field:
            run(["cat", str(about["path"])])  # into the page cache: who needs much memory drives it out
            if sys.stderr.isatty():
                print(f"\rround {number} of {rounds}: {contender.name:12}", end="", file=sys.stderr, flush=True)
            with tempfile.TemporaryDirectory(prefix="imsniff-bench-") as out:
                command = contender.command(about["path"], Path(out))
                results[contender.name].append(run(command, contender.environment))
    if sys.stderr.isatty():
        print("\r" + " " * 40 + "\r", end="", file=sys.stderr, flush=True)
    return results


def found_by(imsniff: list[str], about: dict[str, Any]) -> dict[str, int]:
    """Sessions by protocol of one untimed run: speed counts only where nothing is missed."""
    with tempfile.TemporaryDirectory(prefix="imsniff-bench-") as out:
        command = [*imsniff, "-q", "analyze", str(about["path"]), "--db", f"{out}/found.db", "--jsonl"]
        told = subprocess.run(command, capture_output=True, check=True).stdout
    sessions = (json.loads(line) for line in told.splitlines() if line.startswith(b'{"kind":"session"'))
    return dict(Counter(str(session["protocol"]) for session in sessions))


def verdict(made: dict[str, int], found: dict[str, int]) -> str:
    """Whether all that was made was found, and nothing else."""
    off = {name: found.get(name, 0) - made.get(name, 0) for name in sorted(made.keys() | found.keys())}
    wrong = ", ".join(f"{name} {by:+}" for name, by in off.items() if by)
    return f"WRONG: {wrong}" if wrong else "found == made"


def counted(sessions: dict[str, int]) -> str:
    kinds = ", ".join(f"{count} {name}" for name, count in sorted(sessions.items()))
    return f"{sum(sessions.values())} ({kinds})"


def summary(results: dict[str, list[Ran]], packets: int) -> list[dict[str, Any]]:
    rows = []
    for name, runs in results.items():
        seconds = statistics.median(ran.seconds for ran in runs)
        rows.append(
            {
                "name": name,
                "seconds": round(seconds, 3),
                "packets_per_second": round(packets / seconds),
                "cpu_seconds": round(statistics.median(ran.cpu for ran in runs), 3),
                "peak_mib": round(max(ran.peak for ran in runs) / (1 << 20), 1),
                "spread": round(max(ran.seconds for ran in runs) / min(ran.seconds for ran in runs), 2),
            }
        )
    ours = next((row for row in rows if row["name"] == "imsniff"), None)
    for row in rows if ours else ():
        row["imsniff_is"] = round(row["seconds"] / ours["seconds"], 2)
        row["imsniff_is_by_cpu"] = round(row["cpu_seconds"] / ours["cpu_seconds"], 2)
    return rows


def table(rows: list[dict[str, Any]]) -> str:
    head = f"{'':12}{'seconds':>9}{'packets/s':>12}{'CPU s':>8}{'peak MiB':>10}{'spread':>8}"
    lines = [f"{head}  imsniff is so many times as fast, and by CPU"]
    for row in rows:
        line = f"{row['name']:12}{row['seconds']:9.2f}{row['packets_per_second']:12,}{row['cpu_seconds']:8.2f}"
        line += f"{row['peak_mib']:10.1f}{row['spread']:8.2f}"
        if "imsniff_is" in row:
            line += f"{row['imsniff_is']:12.2f}{row['imsniff_is_by_cpu']:8.2f}"
        lines.append(line)
    return "\n".join(lines)


def offices(options: argparse.Namespace, imsniff: list[str], field: list[Contender]) -> list[dict[str, Any]]:
    """Mixed captures of each size and share."""
    runs = []
    for packets in options.packets:
        for im_share in options.im_share:
            about = capture_of(options.captures, packets, im_share)
            rows = summary(compete(about, field, options.rounds), about["packets"])
            made = {name: count for name, count in about["flows"].items() if name in SPEECHES}
            found = found_by(imsniff, about) if any(row["name"] == "imsniff" for row in rows) else {}
            print(f"{about['packets']:,} packets, {about['bytes'] / 1e9:.2f} GB, {im_share:.2%} instant messaging")
            print(table(rows))
            if found:
                print(f"conversations made {counted(made)}")
                print(f"sessions found     {counted(found)}: {verdict(made, found)}")
            print(flush=True)
            runs.append({"capture": {**about, "path": None}, "rows": rows, "found": found, "made": made})
    return runs


def protocols(options: argparse.Namespace, imsniff: list[str]) -> list[dict[str, Any]]:
    """Captures of nothing but one protocol: what the way from a packet to a stored record costs."""
    if not options.protocols or shutil.which("tshark") is None or {"imsniff", "tshark"} & set(options.without):
        return []
    print(f"{PROTOCOL_PACKETS:,} packets of nothing but one protocol")
    print(f"{'':8}{'imsniff s':>10}{'tshark s':>10}  imsniff is")
    runs = []
    for name in options.protocols:
        about = capture_of(options.captures, PROTOCOL_PACKETS, only=name)
        pair = [one for one in contenders(imsniff, FILTERS[name]) if one.name in ("imsniff", "tshark")]
        rows = summary(compete(about, pair, options.rounds), about["packets"])
        ours, theirs = rows
        ratio = f"{theirs['imsniff_is']:.2f} times as fast"
        made, found = about["flows"], found_by(imsniff, about)
        line = f"{name:8}{ours['seconds']:10.2f}{theirs['seconds']:10.2f}  {ratio}"
        print(f"{line}; {sum(made.values())} conversations, {verdict(made, found)}", flush=True)
        runs.append({"protocol": name, "capture": {**about, "path": None}, "rows": rows, "found": found, "made": made})
    print()
    return runs


def main() -> None:
    parser = argparse.ArgumentParser(description="imsniff against tshark and ndpiReader.")
    parser.add_argument("--packets", type=int, nargs="*", default=[1_500_000], help="of mixed captures")
    parser.add_argument("--im-share", type=float, nargs="+", default=[0.005])
    parser.add_argument(
        "--protocols", nargs="*", choices=list(SPEECHES), default=list(SPEECHES), help="captures of one protocol only"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--captures", type=Path, default=CAPTURES, help="where captures are made and kept")
    parser.add_argument("--imsniff", default=f"{shlex.quote(sys.executable)} -m imsniff", help="how to call imsniff")
    parser.add_argument(
        "--without", nargs="*", choices=[one.name for one in contenders([])], default=[], help="contenders to leave out"
    )
    parser.add_argument("--json", type=Path, default=ROOT / "out" / "bench.json")
    options = parser.parse_args()
    options.captures = options.captures.absolute()
    imsniff = shlex.split(options.imsniff)

    field = [contender for contender in contenders(imsniff) if contender.name not in options.without]
    for contender in list(field):
        if shutil.which(contender.about[0]) is None:
            print(f"{contender.name} is not installed: left out")
            field.remove(contender)
    report: dict[str, Any] = {
        "machine": f"{platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}",
        "versions": {contender.name: version(contender.about) for contender in field},
    }
    print(report["machine"])
    for name, said in report["versions"].items():
        print(f"  {name:12}{said}")
    starts = [run([*imsniff, "--help"]).seconds for _ in range(7)]
    report["help_seconds"] = round(statistics.median(starts), 3)
    print(f"start-up of `imsniff --help`: {report['help_seconds']:.3f} s\n")

    report["runs"] = offices(options, imsniff, field)
    report["protocols"] = protocols(options, imsniff)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(report, indent=2) + "\n")
    print(f"figures: {options.json}")


if __name__ == "__main__":
    main()
