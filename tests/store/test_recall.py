"""A capture that begins again knows what the one before it knew."""

from __future__ import annotations

import pytest

from imsniff.base.records import nanoseconds
from imsniff.detect import CrossFlowDetectors, Detectors, Sighting
from imsniff.policy.policy import Policy
from imsniff.store import recall
from imsniff.store.opening import open_for_writing
from imsniff.store.writer import Writer
from made import login, moment, session

HOUR = 3600


def logged_in(host: str, seconds: float, account: str = "dora@corp.example"):
    of = session(seconds, client_ip=host, account=account)
    return of, login(of, seconds, account=account)


def first_run(where: str, *pairs) -> None:
    with open_for_writing(where) as store, Writer(store, program="test") as writer:
        for of, record in pairs:
            writer.add(of)
            writer.add(record)


def second_run(where: str, now: float, *pairs) -> list[tuple[str, str]]:
    """Findings and the hosts that they are sighted on."""
    across, detectors = CrossFlowDetectors(), Detectors()
    with open_for_writing(where) as store:
        recall.recall(store, across, Policy(), nanoseconds(moment(now)))
    seen = [one for of, record in pairs for o in detectors.observations(of, record) for one in across.take(o)]
    seen += across.finish()
    return sorted({(one.finding.subject, one.finding.host) for one in seen if isinstance(one, Sighting)})


def test_an_account_of_before_is_known_on_its_next_host(tmp_path):
    where = str(tmp_path / "a.db")
    first_run(where, logged_in("10.0.0.21", 0))
    found = second_run(where, HOUR, logged_in("10.0.0.22", HOUR))
    assert found == [("dora@corp.example", "10.0.0.21"), ("dora@corp.example", "10.0.0.22")]


def test_what_was_told_before_is_not_told_again(tmp_path):
    where = str(tmp_path / "a.db")
    first_run(where, logged_in("10.0.0.21", 0), logged_in("10.0.0.22", 60))
    assert second_run(where, HOUR) == []
    assert second_run(where, HOUR, logged_in("10.0.0.22", HOUR)) == []
    assert second_run(where, HOUR, logged_in("10.0.0.23", HOUR)) == [("dora@corp.example", "10.0.0.23")]


def test_what_is_older_than_a_day_is_forgotten(tmp_path):
    where = str(tmp_path / "a.db")
    first_run(where, logged_in("10.0.0.21", 0))
    assert second_run(where, 30 * HOUR, logged_in("10.0.0.22", 30 * HOUR)) == []


@pytest.mark.parametrize("cap", [0, 1])
def test_too_many_records_are_left_alone(cap, tmp_path, monkeypatch):
    monkeypatch.setattr(recall, "MAX_RECALLED", cap)
    where = str(tmp_path / "a.db")
    first_run(where, logged_in("10.0.0.21", 0))
    assert len(second_run(where, HOUR, logged_in("10.0.0.22", HOUR))) == 2 * cap
