"""Every target for a bounded time, one after the other; what is found stays in out/fuzz.

python -m fuzz.run --seconds 10 [TARGET ...]
"""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys

from fuzz.harness import targets


def main() -> None:
    parser = argparse.ArgumentParser(description="Hostile input for every target.")
    parser.add_argument("targets", nargs="*", help="which ones; default: all")
    parser.add_argument("--seconds", type=int, default=10, help="for each target")
    options = parser.parse_args()
    if importlib.util.find_spec("atheris") is None:
        print(f"atheris is not installed: {sys.executable} -m pip install -e '.[fuzz]'")
        return
    failed = []
    for name in options.targets or targets():
        command = [
            sys.executable,
            "-m",
            "fuzz.harness",
            name,
            f"-max_total_time={options.seconds}",
            "-print_final_stats=1",
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        stats = dict(line[6:].split(":", 1) for line in done.stderr.splitlines() if line.startswith("stat::"))
        print(f"{name:20} {stats.get('number_of_executed_units', '?').strip():>9} inputs  ", end="")
        print("ok" if done.returncode == 0 else "FAILED", flush=True)
        if done.returncode:
            failed.append(name)
            print(done.stderr[-3000:])
    if failed:
        sys.exit(f"failed: {' '.join(failed)}")


if __name__ == "__main__":
    main()
