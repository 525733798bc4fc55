from contextlib import suppress

import pytest

from imsniff.base.records import AnomalyRecord, AttemptRecord, ContactRecord, PresenceRecord, to_json
from imsniff.store import query
from imsniff.store.findings import finding_like, findings
from imsniff.store.opening import open_for_reading, open_for_writing
from imsniff.store.schema import LARGEST, TABLES
from imsniff.store.writer import Writer
from made import exposure, login, message, moment, session, transfer


def everything():
    one = session(account="alice@example.org", software=["Gajim 1.8"], carriers=["socks5"])
    inside = {"id": "f" * 16, "ts": moment(5), "capture": "lab.pcap", "frame": 9, "session": one.id, "protocol": "xmpp"}
    return [
        one,
        login(one),
        message(one, text="hi"),
        message(one, seconds=8),
        exposure(one),
        transfer(one),
        PresenceRecord(**inside, account="bob@example.org", status="away", note="lunch"),
        ContactRecord(**inside, owner="alice@example.org", account="bob@example.org", group="Friends"),
        AttemptRecord(
            id="f" * 16,
            ts=moment(5),
            capture="a.pcap",
            frame=5,
            service="msn",
            name="messenger.hotmail.com",
            client_ip="10.0.0.1",
            via="http-connect",
            outcome="refused",
        ),
        AnomalyRecord(**inside, code="stream.gap", detail="3 bytes not captured"),
    ]


def test_what_is_written_comes_back(write, where):
    written = everything()
    write(*written)
    with open_for_reading(where) as store:
        read = [record for kind in TABLES for record in query.records(store, kind)]
        assert sorted(map(to_json, read)) == sorted(map(to_json, written))
        assert {f.risk for f in findings(store)} == {
            "rogue-im",
            "cleartext-credential",
            "cleartext-messages",
            "peer-address-exposed",
            "file-transfer",
            "tunnelled-im",
        }


def test_the_same_traffic_twice_doubles_nothing(write, where):
    records = everything()
    write(*records)
    with open_for_reading(where) as store:
        once = [to_json(f) for f in findings(store)]
    write(*records)
    with open_for_reading(where) as store:
        assert [to_json(f) for f in findings(store)] == once
        assert [query.count(store, kind) for kind in TABLES] == [1, 1, 2, 1, 1, 1, 1, 1, 1]
        assert len(query.runs(store)) == 2


def test_a_shorter_cut_of_a_session_takes_nothing_away(write, where):
    one = session(packets=20)
    write(one)
    shorter = type(one)(**{**{f: getattr(one, f) for f in one.__struct_fields__}, "packets": 3, "bytes": 5})
    write(shorter)
    with open_for_reading(where) as store:
        assert query.sessions(store)[0].packets == 20


def test_the_worst_severity_and_the_first_evidence_stay(write, where):
    one = session()
    write(one, login(one, seconds=9, grade="cleartext"))
    write(one, login(one, seconds=1, grade="crackable"))
    with open_for_reading(where) as store:
        (finding,) = [f for f in findings(store) if f.risk == "cleartext-credential"]
    assert (finding.severity, finding.count, finding.first_seen) == ("high", 2, moment(1))
    assert finding.evidence[0].excerpt.endswith("guessed offline, outcome ok")


def test_hostile_values_are_stored_and_not_obeyed(write, where):
    one = session(account="a\x00b\udcff", software=["x\x00"])
    text = "'; DROP TABLE session; -- \x1b[31m\u202e\x00"
    write(one, message(one, text=text), transfer(one, name="../../etc/passwd\x00.txt", size=(1 << 64) - 1))
    with open_for_reading(where) as store:
        (kept,) = query.records(store, "message")
        assert kept.text == text.replace("\x00", "\ufffd")
        (file,) = query.records(store, "transfer")
        assert file.size == LARGEST
        assert query.count(store, "session") == 1


def test_batches_are_transactions_and_an_error_leaves_what_was_written(where, clock, monkeypatch):
    monkeypatch.setattr("imsniff.store.writer.STORE_BATCH", 3)
    one = session()
    with open_for_writing(where) as store:
        with suppress(RuntimeError), Writer(store, program="test", now=clock) as writer:
            for number in range(7):
                writer.add(message(one, seconds=number))
            raise RuntimeError
        assert query.count(store, "message") == 6
        assert query.runs(store)[0].ended is None


def test_an_interrupt_ends_a_run_in_good_order(where, clock):
    with open_for_writing(where) as store:
        with suppress(KeyboardInterrupt), Writer(store, program="test", now=clock) as writer:
            writer.add(session())
            raise KeyboardInterrupt
        assert query.runs(store)[0].ended
        assert query.runs(store)[0].counters == {"sessions": 1}
        assert query.count(store, "session") == 1


def test_a_finding_is_stored_by_its_sightings_only(where, clock):
    from imsniff.detect import Aggregate, Detectors

    (sighting,) = Detectors().on_session(session())
    merged = Aggregate().add(sighting)
    with open_for_writing(where) as store, Writer(store, program="test", now=clock) as writer, pytest.raises(TypeError):
        writer.add(merged)


def test_inputs_are_kept_with_the_run(where, clock):
    with open_for_writing(where) as store:
        with Writer(store, program="test", signatures="ab" * 32, options={"content": "all"}, now=clock) as writer:
            writer.add_input("a.pcap", path="/x/a.pcap", size=5, sha256="00")
            writer.add_input("-", error="cut short in packet 7")
            writer.counters["packets"] += 12
        (run,) = query.runs(store)
    assert [i.name for i in run.inputs] == ["a.pcap", "-"]
    assert run.inputs[1].error == "cut short in packet 7"
    assert (run.counters["packets"], run.options, run.signatures) == (12, {"content": "all"}, "ab" * 32)


def test_spans_of_time(write, where):
    one = session(0)
    write(one, message(one, seconds=10), message(one, seconds=20), message(one, seconds=30))
    with open_for_reading(where) as store:
        span = query.Span(since=moment(15), until=moment(30))
        assert len(list(query.records(store, "message", span))) == 1
        assert {f.risk: f.count for f in findings(store, span)} == {"cleartext-messages": 1, "rogue-im": 1}
        assert len(query.sessions(store, span)) == 1
        assert query.sessions(store, query.Span(since=moment(61))) == []


def test_a_finding_is_found_by_the_start_of_its_id_or_its_key(write, where):
    write(*everything())
    with open_for_reading(where) as store:
        for finding in findings(store):
            assert finding_like(store, finding.id[:8]) == [finding]
            assert finding_like(store, finding.key) == [finding]
        assert not finding_like(store, "%")
        assert len(finding_like(store, "")) == 6
