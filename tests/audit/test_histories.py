"""Little histories and what an audit says of them: what is new, gone, standing, and what nobody can know.

Each step is a run that saw accounts (and hosts that were merely alive) on some day of a November; then one week is held
against the week before.
"""

from __future__ import annotations

import random
from typing import NamedTuple

import pytest

from imsniff.base.identity import identifier
from imsniff.base.records import CoverageRecord, Severity
from imsniff.detect import Detectors
from imsniff.policy.policy import Policy
from imsniff.policy.rule import Rule
from imsniff.report.model import as_json, build
from imsniff.store import audits, query
from imsniff.store.findings import findings
from imsniff.store.opening import open_for_reading, open_for_writing
from imsniff.store.query import Span
from imsniff.store.writer import Writer
from made import login, session

BEFORE = Span("2026-11-02T00:00:00.000000Z", "2026-11-09T00:00:00.000000Z")
NOW = Span("2026-11-09T00:00:00.000000Z", "2026-11-16T00:00:00.000000Z")
RULE = Rule(name="ours", protocol="xmpp")


class Day(NamedTuple):
    """What one run saw on one day: accounts by their host, and hosts without messaging."""

    day: int
    accounts: dict[str, str]
    alive: tuple[str, ...] = ()
    until: int = 0
    """The last day of its sessions, where they go on."""


def at(day: int, hour: int = 10) -> str:
    return f"2026-11-{day:02}T{hour:02}:00:00.000000Z"


def seen(where: str, *days: Day, severity: dict[str, Severity] | None = None, policy: Policy | None = None) -> None:
    """One run."""
    policy = policy or Policy(severity=severity or {})
    with open_for_writing(where) as store, Writer(store, program="test") as writer:
        writer.read = True
        detectors = Detectors(policy)
        for one in days:
            for name, host in one.accounts.items():
                record = session(
                    id=identifier(name, host, one.day),
                    account=f"{name}@example.org",
                    client_ip=host,
                    ts=at(one.day),
                    first_seen=at(one.day),
                    last_seen=at(one.until or one.day, 11),
                )
                writer.add(record)
                for sighting in detectors.on_session(record):
                    writer.add(sighting)
            hosts = sorted({*one.accounts.values(), *one.alive})
            writer.add(
                CoverageRecord(
                    id=f"{one.day:016x}",
                    ts=at(one.day),
                    capture=f"day{one.day}.pcap",
                    frame=1,
                    part=0,
                    first_seen=at(one.day),
                    last_seen=at(one.day, 11),
                    packets=100,
                    hosts=hosts,
                )
            )


def audit(where: str, span: Span = NOW, before: Span | str | None = BEFORE, **how: object) -> dict[str, str]:
    """By account, how its finding stands."""
    with open_for_reading(where) as store:
        made = build(store, program="test", span=span, before=before, **how)
    listed = [f for group in made.risks for f in group.findings]
    said = {f.subject.partition("@")[0]: f.change for f in (*listed, *made.gone, *made.allowed, *made.not_verified)}
    counted = {change: count for change, count in made.changes.items() if count}
    assert sum(counted.values()) == len(said)
    return said


A, B, C = "10.0.0.1", "10.0.0.2", "10.0.0.3"
HISTORIES = {
    "new": ([Day(3, {}, (A,)), Day(10, {"ann": A})], {"ann": "new"}),
    "new where nobody watched before": ([Day(10, {"ann": A})], {"ann": "new"}),
    "standing": ([Day(3, {"ann": A}), Day(10, {"ann": A})], {"ann": "standing"}),
    "standing on the last moment of the week": ([Day(8, {"ann": A}), Day(15, {"ann": A})], {"ann": "standing"}),
    "a new address is no new finding": ([Day(3, {"ann": A}), Day(10, {"ann": B}, (A,))], {"ann": "standing"}),
    "gone": ([Day(3, {"ann": A}), Day(10, {}, (A,))], {"ann": "gone"}),
    "gone, and another is new": ([Day(3, {"ann": A}), Day(10, {"bob": A})], {"ann": "gone", "bob": "new"}),
    "its host was not seen": ([Day(3, {"ann": A}), Day(10, {}, (B,))], {"ann": "not_verified"}),
    "nobody watched": ([Day(3, {"ann": A})], {"ann": "not_verified"}),
    "another network was watched": (
        [Day(3, {"ann": A, "bob": B}), Day(10, {}, ("192.168.7.7",))],
        {"ann": "not_verified", "bob": "not_verified"},
    ),
    "one of its hosts was there": ([Day(3, {"ann": A}), Day(4, {"ann": B}), Day(10, {}, (B,))], {"ann": "gone"}),
    "alive only after the week": ([Day(3, {"ann": A}), Day(16, {}, (A,))], {"ann": "not_verified"}),
    "alive only before the week": ([Day(3, {"ann": A}), Day(8, {}, (A,))], {"ann": "not_verified"}),
    "re-opened": ([Day(1, {"ann": A}), Day(3, {}, (A,)), Day(10, {"ann": A})], {"ann": "reopened"}),
    "long gone is not told again": ([Day(1, {"ann": A}), Day(10, {}, (A,))], {}),
    "what comes after is not told": ([Day(3, {}, (A,)), Day(10, {}, (A,)), Day(17, {"ann": A})], {}),
    "a session over the end of the week": ([Day(8, {"ann": A}, until=9)], {"ann": "standing"}),
    "a session over both weeks": ([Day(1, {"ann": A}, until=20)], {"ann": "standing"}),
    "fell silent on a sensor that runs on": (
        [Day(3, {"ann": A}), Day(5, {"bob": B}), Day(10, {"bob": B}, (A,)), Day(12, {}, (A,))],
        {"ann": "gone", "bob": "standing"},
    ),
    "three ways": (
        [Day(3, {"ann": A, "bob": B, "cid": C}), Day(10, {"ann": A}, (B,))],
        {"ann": "standing", "bob": "gone", "cid": "not_verified"},
    ),
}


@pytest.mark.parametrize("runs", ["one run", "a run a day", "read again", "in another order"])
@pytest.mark.parametrize("name", HISTORIES)
def test_a_history_however_it_was_read(name, runs, tmp_path):
    days, expected = HISTORIES[name]
    where = str(tmp_path / "history.db")
    if runs == "one run":
        seen(where, *days)
    else:
        order = list(days)
        if runs == "in another order":
            random.Random(name).shuffle(order)
        for day in order:
            seen(where, day)
        if runs == "read again":
            for day in days:
                seen(where, day)
    assert audit(where) == expected


def test_looking_changes_nothing(tmp_path):
    where = str(tmp_path / "looks.db")
    for day in (Day(3, {"ann": A}), Day(10, {"bob": B}, (A,)), Day(12, {"cid": C})):
        seen(where, day)
        audit(where)  # somebody looks on Monday, Wednesday and Friday
    with open_for_reading(where) as store:
        two = [as_json(build(store, program="test", span=NOW, before=BEFORE)) for _ in range(2)]
        assert two[0] == two[1]
        assert audits.audits(store) == []
    assert audit(where) == {"ann": "gone", "bob": "new", "cid": "new"}


def test_worse_and_better(tmp_path):
    where = str(tmp_path / "worse.db")
    seen(where, Day(3, {"ann": A, "bob": B}), severity={"rogue-im": Severity.LOW})
    seen(where, Day(10, {"ann": A}), severity={"rogue-im": Severity.HIGH})
    seen(where, Day(11, {"bob": B}), severity={"rogue-im": Severity.LOW})
    assert audit(where) == {"ann": "worse", "bob": "standing"}
    assert audit(where, BEFORE, NOW) == {"ann": "better", "bob": "standing"}


def test_what_the_policy_allows_by_now(tmp_path):
    where = str(tmp_path / "policy.db")
    seen(where, Day(3, {"ann": A}))
    seen(where, Day(10, {"ann": A}), policy=Policy(allow=(RULE,)))
    assert audit(where, policy=Policy(allow=(RULE,))) == {"ann": "allowed"}, "and not gone"
    assert audit(where, policy=Policy(allow=(Rule(name="irc only", protocol="irc"),))) == {"ann": "gone"}
    assert audit(where, BEFORE, None, policy=Policy(off=frozenset({"rogue-im"})))  # listed as allowed, never lost


def test_numbers_are_those_of_the_span(tmp_path):
    where = str(tmp_path / "numbers.db")
    seen(where, Day(1, {"ann": A}), Day(10, {"ann": B}), Day(11, {"ann": B}), Day(20, {"ann": C}))
    with open_for_reading(where) as store:
        (found,) = findings(store, NOW)
        assert (found.count, found.host, [one.host for one in found.hosts]) == (2, B, [B])
        assert (found.first_seen, found.last_seen) == (at(10), at(11, 11))
        made = build(store, program="test", span=NOW)
        assert (made.totals["packets"], made.captures, made.totals["sessions"]) == (200, 2, 2)
        (whole,) = findings(store)
        assert [one.host for one in whole.hosts] == [A, B, C]


def test_an_audit_kept_by_name(tmp_path):
    where = str(tmp_path / "named.db")
    seen(where, Day(3, {"ann": A, "bob": B}))
    with open_for_reading(where) as store:
        before = build(store, program="test", span=BEFORE)
        ranks = {f.id: f.severity.rank for group in before.risks for f in group.findings}
        audits.keep(store, "first", at(9), BEFORE, ranks)
        with pytest.raises(LookupError, match=r"'second'.*'first'"):
            audits.audit_named(store, "second")
    seen(where, Day(10, {"ann": A}, (B,)))
    assert audit(where, NOW, "first") == {"ann": "standing", "bob": "gone"}


def test_a_failed_login_is_not_a_leaked_password(tmp_path):
    where = str(tmp_path / "failed.db")
    one = session()
    with open_for_writing(where) as store, Writer(store, program="test") as writer:
        writer.add(one)
        for record in (
            login(one, account="ann@example.org", outcome="failed"),
            login(one, account="bob@example.org", scheme="scram-sha-1", grade="crackable"),
            login(one, account="cid@example.org", room="#plans"),
        ):
            for sighting in Detectors().on_record(one, record):
                writer.add(sighting)
    with open_for_reading(where) as store:
        said = {f.subject: (f.severity, f.title, f.remedy) for f in findings(store)}
    assert said["ann@example.org"][0] is Severity.LOW
    assert "Change the password" not in said["ann@example.org"][2]
    assert said["bob@example.org"][1] == "Password can be guessed from what was on the wire"
    assert "Set another key on #plans" in said["#plans"][2]
    assert all("10.0.0.10:5222" in remedy for _, _, remedy in said.values())


def test_no_session_of_another_span_is_counted(tmp_path):
    where = str(tmp_path / "spans.db")
    seen(where, *(Day(day, {"ann": A}) for day in range(1, 29)))
    with open_for_reading(where) as store:
        parts = [Span(at(day, 0), at(day + 7, 0)) for day in (1, 8, 15, 22)]
        counts = [len(query.sessions(store, part)) for part in parts]
    assert counts == [7, 7, 7, 7]
