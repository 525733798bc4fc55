"""Digests of captures: right for any name, nothing for what cannot be read, no process left behind."""

from __future__ import annotations

import hashlib
import os

import pytest

from imsniff.cli.digests import Digests


def test_digests_of_files_whatever_their_names(tmp_path):
    names = [b"plain.pcap", b"two\nlines.pcap", b"no\xff text.pcap", "Übersicht.pcap".encode()]
    paths = [tmp_path / os.fsdecode(name) for name in names]
    for path in paths:
        try:
            path.write_bytes(bytes(path) * 1000)
        except OSError:
            pytest.skip("this file system does not take such names")
    with Digests(paths) as digests:
        for path in reversed(paths):
            told = digests.about(path)
            assert told["sha256"] == hashlib.sha256(bytes(path) * 1000).hexdigest()
            assert told["size"] == len(bytes(path)) * 1000
            assert told["path"] == str(path)


def test_what_is_no_file_has_none(tmp_path):
    there, pipe = tmp_path / "there", tmp_path / "-"
    there.write_bytes(b"x")
    with Digests([there, pipe, tmp_path]) as digests:
        assert digests.about(pipe) == {"name": str(pipe)}
        assert digests.about(tmp_path) == {"name": str(tmp_path)}
        assert "sha256" in digests.about(there)


def test_a_file_that_went_has_none(tmp_path):
    gone, kept = tmp_path / "gone", tmp_path / "kept"
    for path in (gone, kept):
        path.write_bytes(b"x")
    digests = Digests([gone, kept])
    gone.unlink()
    with digests:
        assert digests.about(gone) == {"name": str(gone)}
        assert "sha256" in digests.about(kept)


def test_leaving_early_leaves_no_process(tmp_path):
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(1 << 34)
    with Digests([path]) as digests:
        child = digests._child
    assert child.poll() is not None


def test_many_files(tmp_path):
    paths = [tmp_path / f"{number:05}" for number in range(3_000)]
    for path in paths:
        path.write_bytes(b"x")
    with Digests(paths) as digests:
        assert "sha256" in digests.about(paths[-1])
