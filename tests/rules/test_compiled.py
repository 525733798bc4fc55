"""Databases kept between runs: used where they are whole and ours, made anew where they are not."""

from __future__ import annotations

import os

import hyperscan
import pytest

from imsniff.base.limits import MAX_KEPT_DATABASES
from imsniff.rules import compiled
from imsniff.rules.engines import Fast, Needle
from imsniff.rules.pattern import from_pattern


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache that everything is worth keeping in."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(compiled, "WORTH_KEEPING_S", 0)
    return compiled.directory()


@pytest.fixture
def compiles(monkeypatch):
    """Counts what is compiled."""
    count = []
    real = hyperscan.Database

    def counting(**keys: object) -> hyperscan.Database:
        count.append(1)
        return real(**keys)

    monkeypatch.setattr(hyperscan, "Database", counting)
    return count


def finds(pattern: str = "ab+c") -> bool:
    return list(Fast([Needle(from_pattern(pattern), True)]).find(b"abbc")) == [0]


def test_the_second_time_nothing_is_compiled(cache, compiles):
    assert finds()
    assert finds()
    assert len(compiles) == 1
    assert len(list(cache.glob("*.hsdb"))) == 1
    assert cache.stat().st_mode & 0o777 == 0o700


def test_other_patterns_are_another_file(cache):
    assert finds("ab+c")
    assert finds("ab*c")
    assert len(list(cache.glob("*.hsdb"))) == 2


def test_a_broken_file_is_made_anew(cache, compiles):
    assert finds()
    (kept,) = cache.glob("*.hsdb")
    for rubbish in (b"", b"rubbish", kept.read_bytes()[:-9], b"\0" * 4096):
        kept.write_bytes(rubbish)
        assert finds()
    assert len(compiles) == 5


@pytest.mark.parametrize("what", ["file", "directory"])
def test_what_others_can_write_is_not_believed(cache, compiles, what):
    assert finds()
    (kept,) = cache.glob("*.hsdb")
    (kept if what == "file" else cache).chmod(0o777)
    assert finds()
    assert len(compiles) == 2


def test_what_compiles_fast_is_not_kept(cache, monkeypatch):
    monkeypatch.setattr(compiled, "WORTH_KEEPING_S", 60)
    assert finds()
    assert not cache.exists()


def test_a_cache_that_cannot_be_written_does_no_harm(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert finds()


def test_the_oldest_go(cache):
    cache.mkdir(parents=True)
    for number in range(MAX_KEPT_DATABASES + 3):
        (cache / f"{number}.hsdb").write_bytes(b"")
        os.utime(cache / f"{number}.hsdb", (number, number))
    assert finds()
    kept = {path.name for path in cache.glob("*.hsdb")}
    assert len(kept) == MAX_KEPT_DATABASES
    assert "3.hsdb" not in kept
    assert f"{MAX_KEPT_DATABASES + 2}.hsdb" in kept
