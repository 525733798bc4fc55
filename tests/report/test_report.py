import csv
import io
import json
from datetime import date

import pytest
from tests.report.conftest import HOSTILE

from imsniff.base.risks import RISKS
from imsniff.policy.file import PolicyError, load
from imsniff.policy.policy import Policy
from imsniff.policy.rule import Rule
from imsniff.report.as_csv import as_csv
from imsniff.report.as_html import as_html
from imsniff.report.chart import chart
from imsniff.report.model import EmptyStore, as_json, build
from imsniff.report.timeline import Timeline, timeline
from imsniff.store.opening import open_for_reading, open_for_writing
from imsniff.store.writer import Writer
from made import login, message, session


def report(where, **how):
    with open_for_reading(where) as store:
        return build(store, program="imsniff test", **how)


def test_a_report_counts_what_it_covers(stored):
    one = session(account="alice@example.org", encryption="none")
    other = session(protocol="irc", service="irc", client_ip="10.0.0.22", encryption="tls")
    where = stored(one, other, login(one), login(one, account="ALICE@example.org/x"), message(one))
    made = report(where)
    assert made.totals == {
        "findings": 4,
        "sessions": 2,
        "hosts": 2,
        "accounts": 1,
        "messages": 1,
        "credentials": 2,
        "transfers": 0,
        "exposures": 0,
        "strangers": 0,
        "information": 0,
        "packets": 0,  # nobody told what was watched
    }
    assert made.protocols == {"irc": 1, "xmpp": 1}
    assert made.severities["high"] == 1
    assert next(group.risk for group in made.risks) == "cleartext-credential"
    assert any("1 of 2 sessions were encrypted" in said for said in made.blind)
    assert [told.risk for told in made.legend] == list(RISKS)
    assert made.inputs[0].sha256 == "cd" * 32


def test_a_report_of_traffic_read_again_is_the_same(stored):
    one = session(account="alice@example.org")
    where = stored(one)
    before = report(where)
    stored(one)
    again = report(where)
    assert (again.totals, again.risks) == (before.totals, before.risks)


def test_a_limit_leaves_out_the_least(stored):
    one = session()
    where = stored(one, *(login(one, account=f"user{n}") for n in range(5)))
    made = report(where, limit=3)
    assert made.omitted == 2
    assert [(len(group.findings), group.total) for group in made.risks] == [(3, 5), (1, 1)]
    assert made.totals["findings"] == 6


def test_nothing_to_report(tmp_path):
    where = str(tmp_path / "empty.db")
    open_for_writing(where).close()
    with pytest.raises(EmptyStore):
        report(where)


def test_the_page_holds_no_script_and_no_markup_of_strangers(hostile):
    page = as_html(report(hostile))
    assert "<script" not in page
    assert "<img" not in page
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert "\\x1b[31m\\u202e" in page
    assert "&lt;script&gt;" in page
    assert "default-src 'none'" in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "https://" not in page
    for risk in RISKS:
        assert risk in page


def test_an_empty_page(stored):
    page = as_html(report(stored()))
    assert "Nothing was found" in page
    assert "No messaging session was seen" in page


def test_csv_cells_are_no_formulas(stored):
    one = session(protocol="ymsg", account="=cmd|' /C calc'!A0")
    rows = list(csv.reader(io.StringIO(as_csv(report(stored(one))))))
    subject = rows[1][rows[0].index("subject")]
    assert subject == "'=cmd|' /c calc'!a0"
    assert all(not value.startswith(("=", "+", "-", "@")) for row in rows for value in row)


def test_json_is_whole(hostile):
    made = json.loads(as_json(report(hostile)))
    assert made["schema"] == 2
    found = [one for group in made["risks"] for one in group["findings"]]
    assert any(HOSTILE.lower() in finding["subject"] for finding in found)


def test_pdf(hostile):
    pytest.importorskip("weasyprint")
    from imsniff.report.as_pdf import as_pdf

    assert as_pdf(report(hostile)).startswith(b"%PDF-")


@pytest.mark.parametrize(
    ("length", "step"),
    [(0, 1), (40, 1), (1_800, 60), (86_400, 3_600), (86_400 * 20, 86_400), (86_400 * 365, 30 * 86_400)],
)
def test_bars_have_widths_that_people_can_name(length, step):
    made = timeline([session(0), session(length)])
    assert made.step_seconds == step
    assert len(made.bars) in (length // step + 1, length // step + 2)
    assert sum(sum(bar.counts.values()) for bar in made.bars) == 2


def test_a_timeline_over_centuries_stays_readable():
    ends = [session(first_seen="1970-01-01T00:00:00.000000Z"), session(first_seen="9999-12-31T23:59:59.999999Z")]
    assert len(timeline(ends).bars) <= 49


def test_the_chart_adds_up():
    sessions = [session(n, protocol=name) for n in range(30) for name in ("irc", "xmpp", "sip")]
    made = chart(timeline(sessions))
    assert {protocol: count for protocol, _, count in made.legend} == {"irc": 30, "sip": 30, "xmpp": 30}
    assert all(piece.y >= 0 and piece.height > 0 for piece in made.pieces)
    assert chart(Timeline(0, [])) is None


def test_what_a_live_sensor_lost_is_told(stored):
    where = stored(session())
    with open_for_writing(where) as store, Writer(store, program="test") as writer:
        writer.read = True
        writer.blind = [
            {"capture": "eth1", "since": "2026-11-22T01:00:00Z", "until": "2026-11-22T01:00:07Z", "lost": 1200},
            {"capture": "eth1", "since": "2026-11-22T03:00:00Z", "until": "2026-11-22T03:00:01Z", "lost": 34},
        ]
    said = " ".join(report(where).blind)
    assert "lost: 1,234 in 2 spans between 2026-11-22T01:00:00Z and 2026-11-22T03:00:01Z" in said


def test_expired_rules_are_told_as_of_the_last_packet(stored):
    where = stored(session(last_seen="2027-01-02T00:00:00.000000Z"))
    rules = [
        Rule(name="old <i>", protocol="irc", until=date(2027, 1, 1)),
        Rule(name="new", protocol="sip", until=date(2027, 1, 2)),
    ]
    made = report(where, policy=Policy(allow=tuple(rules)))
    assert made.expired == ["old <i> (2027-01-01)"]
    assert "old &lt;i&gt; (2027-01-01)" in as_html(made)


def test_people_have_the_names_of_the_directory(stored, tmp_path):
    (tmp_path / "people.csv").write_text("\ufeffaccount,name,floor\nAlice@example.org,Alice <Allen>,2\n,nobody,1\n")
    (tmp_path / "policy.toml").write_text('version = 1\n[directory]\nfile = "people.csv"\n')
    where = stored(session(account="alice@example.org"), session(account="bob@example.org", client_ip="10.0.0.22"))
    made = report(where, policy=load(tmp_path / "policy.toml"))
    assert {one.who: one.name for one in made.people} == {"alice@example.org": "Alice <Allen>", "bob@example.org": None}
    assert "Alice &lt;Allen&gt;" in as_html(made)


@pytest.mark.parametrize("written", [None, b"mail,who\na,b\n", b"account,name\n\xff\xfe,b\n"])
def test_a_directory_that_cannot_be_read_is_a_fault(tmp_path, written):
    if written is not None:
        (tmp_path / "people.csv").write_bytes(written)
    (tmp_path / "policy.toml").write_text('version = 1\n[directory]\nfile = "people.csv"\n')
    with pytest.raises(PolicyError, match=r"people\.csv"):
        load(tmp_path / "policy.toml")
