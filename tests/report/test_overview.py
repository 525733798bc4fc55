import msgspec
from tests.report.test_report import report

from imsniff.base.events import Grade, Login, Side
from imsniff.record.recorder import evidence_of
from imsniff.report.as_html import as_html
from imsniff.report.as_terminal import _masked
from imsniff.report.model import as_json
from imsniff.report.overview import _STRENGTH
from made import exposure, login, message, session


def seen(stored, *records):
    return report(stored(*records)).overview


def test_which_messaging_ran_on_which_ports(stored):
    usual = [session(n, account="alice@example.org") for n in range(3)]
    odd = session(9, server_port=443, odd_port=True, encryption="tls", client_ip="10.0.0.22", first_frame=7)
    (channel,) = seen(stored, *usual, odd).channels
    assert (channel.service, channel.protocol, channel.sessions, channel.encrypted, channel.hosts) == (
        "jabber",
        "xmpp",
        4,
        1,
        2,
    )
    assert [(p.port, p.odd, p.sessions) for p in channel.ports] == [(5222, False, 3), (443, True, 1)]
    assert (channel.capture, channel.frame) == ("lab.pcap", 1)


def test_who_talked_is_one_row_however_the_name_is_written(stored):
    one = session(account="Alice@example.org/home")
    two = session(60, account="alice@EXAMPLE.org", client_ip="10.0.0.22")
    nobody = session(80)
    (talker,) = seen(stored, one, two, nobody, message(one), message(two, 61)).talkers
    assert (talker.hosts, talker.sessions, talker.messages) == (["10.0.0.21", "10.0.0.22"], 2, 2)


def test_what_leaked_by_grade_and_secret(stored):
    one = session(account="alice@example.org")
    records = [
        login(one, 1, secret_fingerprint="aa", outcome="failed", frame=11),
        login(one, 2, secret_fingerprint="aa", frame=12),
        login(one, 3, secret_fingerprint="bb", frame=13, outcome="failed"),
        login(one, 4, scheme="digest", grade="crackable", secret_fingerprint="c1"),
        login(one, 5, scheme="digest", grade="crackable", secret_fingerprint="c2"),
        login(one, 6, scheme="ticket", grade="token", secret_fingerprint="d1"),
        login(one, 7, scheme="scram", grade="protected"),
    ]
    shown = seen(stored, one, *records).credentials
    assert [(c.grade, c.count, c.frame, c.outcome) for c in shown[:2]] == [
        ("cleartext", 2, 11, "ok"),
        ("cleartext", 1, 13, "failed"),
    ]
    assert [(c.grade, c.count) for c in shown[2:]] == [("crackable", 2), ("token", 1)]


def test_a_kept_secret_is_in_no_report(stored):
    one = session(account="alice@example.org")
    made = report(stored(one, login(one, secret="hunter2-in-plain")))
    assert b"hunter2" not in as_json(made)
    assert "hunter2" not in as_html(made)


def test_the_strength_of_a_secret_is_read_from_its_evidence():
    said = evidence_of(
        Login(side=Side.CLIENT, account="a", scheme="plain", grade=Grade.CLEARTEXT, secret="Abc-123", wire="PASS <7>")
    )
    strength = _STRENGTH.search(said)[1]
    assert _masked(strength) == "7 × a-z A-Z 0-9 #!?"
    assert _masked("") == ""


def test_whose_address_was_told_to_whom(stored):
    one = session(account="alice@example.org")
    shown = seen(
        stored,
        one,
        exposure(one, 3, to="bob@example.org", frame=5),
        exposure(one, 4, to="carol@example.org", via="xmpp.jingle", port=None),
        exposure(one, 5, account=None, ip="203.0.113.7", internal=False),
    ).addresses
    inside, public = shown
    assert (inside.ip, inside.to, inside.via, inside.ports, inside.count, inside.frame) == (
        "10.0.0.21",
        ["bob@example.org", "carol@example.org"],
        ["xmpp.streamhost", "xmpp.jingle"],
        [8010],
        2,
        5,
    )
    assert (public.account, public.internal) == ("", False)


def test_the_json_fits_its_schema(hostile):
    import json
    from pathlib import Path

    import jsonschema

    schema = json.loads((Path(__file__).resolve().parents[2] / "docs" / "schema" / "report.json").read_text())
    jsonschema.validate(msgspec.json.decode(as_json(report(hostile))), schema)
