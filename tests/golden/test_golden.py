"""Golden output of every capture in `pcaps/`: a changed golden is a changed behaviour, and its commit says why.

`pytest tests/golden --accept` rewrites them.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from imsniff.base.records import CoverageRecord, to_json
from imsniff.base.risks import RISKS
from imsniff.capture.pcapfile import open_capture
from imsniff.detect import Aggregate, CrossFlowDetectors, Sighting
from imsniff.pipeline import Options, Sensor
from imsniff.policy import file as policies
from imsniff.policy.policy import Policy
from imsniff.record.privacy import Content
from imsniff.rules import loader

ROOT = Path(__file__).parents[2]
CAPTURES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("pcaps/**/*.pcap*"))
SLABS = (1 << 23, 4096)


def analysed(name: str, *, slab: int = SLABS[0], gate: bool = True) -> bytes:
    """All records of a capture, findings merged and last, as JSON Lines, under the policy beside it."""
    beside = (ROOT / name).with_suffix(".toml")
    policy = policies.load(beside) if beside.exists() else Policy()
    options = Options(
        signatures=loader.load(user=Path("/nonexistent")),
        policy=policy,
        content=Content.ALL,
        fingerprint_key=b"golden",
        gate=gate,
    )
    found, lines = Aggregate(), []
    with open_capture(ROOT / name, slab_size=slab) as capture:
        sensor = Sensor(options, name)
        records = [record for batch in capture for record in sensor.read(batch)]
        records += sensor.finish()
    across = CrossFlowDetectors(policy)
    passed = [one for record in records for one in across.take(record)]
    for record in [*passed, *across.finish()]:
        if isinstance(record, Sighting):
            found.add(record)
        elif not isinstance(record, CoverageRecord):
            lines.append(to_json(record))
    return b"".join(line + b"\n" for line in [*lines, *map(to_json, found.findings())])


def test_there_are_captures():
    assert CAPTURES


@pytest.mark.parametrize("name", CAPTURES)
def test_output_is_golden(name, pytestconfig):
    golden = (ROOT / name).with_suffix(".jsonl")
    said = analysed(name)
    if pytestconfig.getoption("--accept"):
        golden.write_bytes(said)
    assert said.splitlines() == golden.read_bytes().splitlines()


@pytest.mark.parametrize("name", CAPTURES)
def test_neither_batch_size_nor_gate_changes_it(name):
    said = analysed(name)
    assert analysed(name, slab=SLABS[1]) == said
    assert analysed(name, gate=False) == said


def test_every_risk_fires_in_a_golden():
    lines = (line for name in CAPTURES for line in (ROOT / name).with_suffix(".jsonl").read_bytes().splitlines())
    assert {found["risk"] for found in map(json.loads, lines) if found["kind"] == "finding"} == set(RISKS)
