"""A forged capture is what its script says: written again it is the same, byte for byte."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PCAPS = Path(__file__).parents[2] / "pcaps"
FORGED = sorted(
    capture.relative_to(PCAPS).as_posix()
    for capture in PCAPS.glob("*/*.pcap*")
    if capture.with_name(capture.name.partition(".")[0] + ".py").exists()
)


@pytest.mark.parametrize("name", FORGED)
def test_the_script_writes_the_capture_again(name, tmp_path):
    folder = tmp_path / "pcaps"
    shutil.copytree(PCAPS, folder, ignore=shutil.ignore_patterns("*.pcap*", "*.jsonl", "__pycache__"))
    again = folder / name
    root = PCAPS.parent
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(root), str(root / "src")))}
    subprocess.run([sys.executable, again.with_suffix(".py")], check=True, cwd=tmp_path, env=environment, timeout=60)
    assert again.read_bytes() == (PCAPS / name).read_bytes()
