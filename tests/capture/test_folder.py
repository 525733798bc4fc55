"""What the command line's paths come to."""

from __future__ import annotations

import os
from pathlib import Path

from tests.capture.forge import PACKERS, pcap, pcapng

from imsniff.capture.folder import expand


def test_folders_become_their_captures(tmp_path):
    notes: list[str] = []
    for name, data in {
        "b.pcap": pcap([]),
        "a/z.bin": pcapng([]),
        "a/y.gz": PACKERS["gzip"](pcap([])),
        "a/readme.txt": b"read me",
        "a/empty": b"",
        "a/broken.gz": b"\x1f\x8b\x08" + bytes(9),
    }.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    os.mkfifo(tmp_path / "a/pipe")
    named = tmp_path / "a/readme.txt"
    found = expand([tmp_path, named, "-", tmp_path / "b.pcap", "absent"], notes.append)
    assert found == [tmp_path / "b.pcap", tmp_path / "a/y.gz", tmp_path / "a/z.bin", named, Path("-"), Path("absent")]
    assert [Path(note.partition(":")[0]).name for note in notes] == ["broken.gz", "empty", "pipe", "readme.txt"]
