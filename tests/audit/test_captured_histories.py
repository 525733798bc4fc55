"""Little histories as a security officer has them: captures, runs of the program, and the audit that it prints."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable, Iterable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imsniff.cli.program import run
from tests.audit.traffic import Packet, jabber, november, pcap, web

A, B, C = "10.0.0.21", "10.0.0.22", "10.0.0.23"
OTHER = "198.51.100.10"
BEFORE = ("2026-11-02", "2026-11-09")
NOW = ("2026-11-09", "2026-11-16")

LOGIN, IM, TALK = "cleartext-credential", "rogue-im", "cleartext-messages"
ALLOWS = 'version = 1\n[[allow]]\nname = "ours"\nprotocol = "xmpp"\n'


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("IMSNIFF_DB", str(tmp_path / "audit.db"))
    monkeypatch.setenv("IMSNIFF_FINGERPRINT_KEY", "for tests only")
    monkeypatch.chdir(tmp_path)


class Officer:
    """Reads captures and asks for audits."""

    def __init__(self, folder, capfd):
        self.folder, self._capfd = folder, capfd
        self._files = 0

    def reads(self, *captures: Iterable[Packet] | str, options: tuple[str, ...] = ()) -> list[str]:
        """One run over captures, given as packets or as names of files; the names."""
        names = []
        for one in captures:
            if isinstance(one, str):
                names.append(one)
                continue
            self._files += 1
            names.append(f"capture{self._files}.pcap")
            (self.folder / names[-1]).write_bytes(pcap(one))
        assert run(["-qq", "analyze", *names, *options]) == 0
        return names

    def report(self, *options: str, span: tuple[str, str] = NOW) -> dict:
        self._capfd.readouterr()
        asked = options if "--period" in options else ("--since", span[0], "--until", span[1], *options)
        assert run(["-qq", "report", "--format", "json", *asked]) == 0
        return json.loads(self._capfd.readouterr().out)

    def audit(self, *options: str, span: tuple[str, str] = NOW) -> dict[tuple[str, str], str]:
        """How each finding stands, by risk and account."""
        made = self.report(*options, span=span)
        found = [one for group in made["risks"] for one in group["findings"]]
        found += [*made["gone"], *made["allowed"], *made["not_verified"]]
        said = {(one["risk"], one["subject"].partition("@")[0]): one["change"] for one in found}
        assert sum(made["changes"].values()) == len(found)
        return said


@pytest.fixture
def officer(tmp_path, capfd):
    return Officer(tmp_path, capfd)


def all_three(who: str, state: str) -> dict[tuple[str, str], str]:
    """What a conversation in clear gives."""
    return {(risk, who): state for risk in (LOGIN, IM, TALK)}


def week_before(who: str = "ann", host: str = A) -> list[Packet]:
    return jabber(november(3), who, host)


HISTORIES: dict[str, tuple[list[list[Packet]], dict[tuple[str, str], str]]] = {
    "two weeks alike": ([week_before(), jabber(november(10), "ann", A)], all_three("ann", "standing")),
    "only web traffic of the same host": ([week_before(), web(november(10), A)], all_three("ann", "gone")),
    "only web traffic of another network": (
        [week_before(), web(november(10), "192.168.7.7")],
        all_three("ann", "not_verified"),
    ),
    "the sensor stopped": ([week_before() + web(november(6), A)], all_three("ann", "not_verified")),
    "the sensor began this week": ([jabber(november(10), "ann", A)], all_three("ann", "new")),
    "a new address": (
        [week_before(), jabber(november(10), "ann", B), web(november(11), A)],
        all_three("ann", "standing"),
    ),
    "somebody else at the same address": (
        [week_before(), jabber(november(10), "cid", A)],
        all_three("ann", "gone") | all_three("cid", "new"),
    ),
    "encrypted by now": (
        [week_before(), jabber(november(10), "ann", A, tls=True)],
        all_three("ann", "gone") | {(IM, A): "new"},
    ),
    "refused, then let in": (
        [jabber(november(3), "ann", A, refused=True), jabber(november(10), "ann", A)],
        {(LOGIN, "ann"): "worse", (IM, "ann"): "standing", (TALK, "ann"): "new"},
    ),
    "let in, then refused": (
        [week_before(), jabber(november(10), "ann", A, refused=True)],
        {(LOGIN, "ann"): "better", (IM, "ann"): "standing", (TALK, "ann"): "gone"},
    ),
    "came back after a week of silence": (
        [jabber(november(1), "ann", A), web(november(3), A), jabber(november(12), "ann", A)],
        all_three("ann", "reopened"),
    ),
    "long gone": ([jabber(november(1), "ann", A), web(november(4), A), web(november(10), A)], {}),
    "logged in for three days over the end of the week": (
        [jabber(november(7), "ann", A, says=tuple(range(600, 86_400 * 3, 3_600)))],
        {(LOGIN, "ann"): "gone", (IM, "ann"): "standing", (TALK, "ann"): "standing"},
    ),
    "logged in for two weeks, silent in the second": (
        [jabber(november(3), "ann", A, says=(600, 7_200)), web(november(10), A)],
        all_three("ann", "gone"),
    ),
    "only after the week": (
        [web(november(3), A), web(november(10), A), jabber(november(17), "ann", A)],
        {},
    ),
    "one of two hosts left": (
        [week_before(), week_before("cid", C), web(november(10), A)],
        all_three("ann", "gone") | all_three("cid", "not_verified"),
    ),
}


@pytest.mark.parametrize("runs", ["one run", "a run each", "backwards", "each twice", "jobs", "copies"])
@pytest.mark.parametrize("name", HISTORIES)
def test_a_history_however_it_was_captured(name, runs, officer):
    captures, expected = HISTORIES[name]
    reads: dict[str, Callable[[], object]] = {
        "one run": lambda: officer.reads(*captures),
        "a run each": lambda: [officer.reads(one) for one in captures],
        "backwards": lambda: [officer.reads(one) for one in reversed(captures)],
        "each twice": lambda: [officer.reads(*officer.reads(one)) for one in captures],
        "jobs": lambda: officer.reads(*captures, options=("--jobs", "2")),
        "copies": lambda: [officer.reads(one, one) for one in captures],
    }
    reads[runs]()
    assert officer.audit() == expected


FLOWS = [
    week_before(),
    jabber(november(4), "cid", C, says=(60, 5_000, 9_000)),
    jabber(november(8, 23), "dot", B, says=(60, 4_000, 8_000)),
    web(november(9, 12), A),
    jabber(november(10), "ann", B),
    web(november(11), C),
    jabber(november(12), "eve", C),
]


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(cuts=st.sets(st.integers(1, len(FLOWS) - 1), max_size=5), seed=st.integers(0, 99))
def test_an_audit_does_not_depend_on_how_captures_were_cut(cuts, seed, tmp_path_factory, capfd, monkeypatch):
    """Between conversations: what goes on in another run is another session, and its beginning is not known there."""
    whole, cut = (Officer(tmp_path_factory.mktemp(name), capfd) for name in ("whole", "cut"))
    said = []
    for officer in (whole, cut):
        monkeypatch.chdir(officer.folder)
        monkeypatch.setenv("IMSNIFF_DB", str(officer.folder / "audit.db"))
        if officer is whole:
            officer.reads(itertools.chain(*FLOWS))
        else:
            borders = [0, *sorted(cuts), len(FLOWS)]
            pieces = [list(itertools.chain(*FLOWS[a:b])) for a, b in itertools.pairwise(borders)]
            officer.reads(*pieces)
            for again in random.Random(seed).sample(pieces, min(2, len(pieces))):
                officer.report()
                officer.reads(again)
        figures = officer.report()["totals"]
        said.append((officer.audit(), {name: figures[name] for name in ("sessions", "messages", "findings")}))
    assert said[0] == said[1]


def test_an_overlap_of_two_captures_counts_once(officer):
    talk = jabber(november(10), "ann", A, says=(1, 2, 3, 4, 5, 6))
    officer.reads(talk)
    counted = officer.report()["totals"]["messages"]
    officer.reads(talk[:-6])  # another sensor, that was stopped earlier
    officer.reads(talk)
    assert officer.report()["totals"]["messages"] == counted == 12


def test_looking_on_monday_wednesday_and_friday_changes_nothing(officer):
    days = [jabber(november(9), "ann", A), jabber(november(11), "cid", C), web(november(13), A)]
    for day in days:
        officer.reads(day)
        officer.audit()
    assert officer.audit() == all_three("ann", "new") | all_three("cid", "new")
    assert officer.report()["risks"] == officer.report()["risks"]


def test_an_allowance_is_no_repair(officer):
    officer.reads(week_before())
    (officer.folder / "policy.toml").write_text(ALLOWS)
    officer.reads(jabber(november(10), "ann", A), options=("--policy", "policy.toml"))
    said = officer.audit("--policy", "policy.toml")
    assert said == all_three("ann", "standing") | {(IM, "ann"): "allowed"}


def test_an_allowance_that_was_taken_back(officer):
    (officer.folder / "policy.toml").write_text(ALLOWS)
    officer.reads(week_before(), options=("--policy", "policy.toml"))
    officer.reads(jabber(november(10), "ann", A))
    assert officer.audit() == all_three("ann", "standing") | {(IM, "ann"): "new"}


def test_another_server_is_another_finding(officer):
    officer.reads(week_before())
    officer.reads(jabber(november(10), "ann", A, server=OTHER))
    made = officer.report()
    assert {one["server"].split(":")[0] for group in made["risks"] for one in group["findings"]} == {OTHER}
    assert all(one["change"] == "new" for group in made["risks"] for one in group["findings"])
    assert len(made["gone"]) == 3


def test_a_kept_audit_is_compared_with_by_name(officer):
    officer.reads(week_before(), week_before("cid", C))
    officer.report("--record", "first", span=BEFORE)
    officer.reads(jabber(november(10), "ann", A), web(november(11), C))
    assert officer.audit("--compare", "first") == all_three("ann", "standing") | all_three("cid", "gone")


def test_an_audit_can_be_made_again(officer):
    officer.reads(week_before(), jabber(november(10), "ann", A))
    then = officer.report(span=BEFORE)
    officer.reads(jabber(november(18), "ann", B), web(november(19), A))
    again = officer.report(span=BEFORE)
    for one in (then, again):
        one.pop("made")
    assert then == again


def test_the_time_zone_moves_the_week(officer):
    officer.reads(jabber(november(8, 23.5), "ann", A), web(november(10), A))
    assert officer.audit() == all_three("ann", "gone")
    assert officer.audit("--tz", "Europe/Berlin") == all_three("ann", "new")  # there it was Monday


def test_a_month_is_held_against_the_month_before(officer):
    officer.reads(jabber(november(-10), "ann", A), jabber(november(10), "ann", A))
    assert officer.audit("--period", "2026-11") == all_three("ann", "standing")


def test_nothing_is_compared_where_nobody_asks(officer):
    officer.reads(week_before(), jabber(november(10), "ann", A))
    made = officer.report("--compare", "none")
    assert made["compared_with"] is None
    assert not any(made["changes"].values())
    assert [group["total"] for group in made["risks"]] == [1, 1, 1]


def test_an_empty_week_between_two_full_ones(officer):
    officer.reads(week_before(), jabber(november(17), "ann", A))
    assert officer.audit() == all_three("ann", "not_verified")
    assert officer.audit(span=("2026-11-16", "2026-11-23")) == all_three("ann", "reopened")


def test_figures_are_of_the_week_and_not_of_the_life(officer):
    officer.reads(jabber(november(7), "ann", A, says=tuple(range(600, 86_400 * 4, 3_600))))
    made = officer.report()
    assert made["totals"]["messages"] == 116
    (talk,) = (one for group in made["risks"] if group["risk"] == TALK for one in group["findings"])
    assert talk["count"] == 116
    assert talk["first_seen"] >= "2026-11-09"
