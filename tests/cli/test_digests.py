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
            assert digests.of(path) == hashlib.sha256(bytes(path) * 1000).hexdigest()


def test_what_cannot_be_read_or_was_not_given_has_none(tmp_path):
    gone, kept = tmp_path / "gone", tmp_path / "kept"
    kept.write_bytes(b"x")
    with Digests([gone, kept]) as digests:
        assert digests.of(gone) is None
        assert digests.of(kept) == hashlib.sha256(b"x").hexdigest()
        assert digests.of(tmp_path / "other") is None
    with Digests([]) as none:
        assert none.of(kept) is None


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
        assert digests.of(paths[-1])
