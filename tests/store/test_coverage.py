"""What was watched, and which hosts were alive, in every kind of database and however often it is written."""

from imsniff.base.records import CoverageRecord
from imsniff.store import coverage
from imsniff.store.opening import open_for_reading, open_for_writing
from imsniff.store.query import EVERYTHING, Span
from imsniff.store.writer import Writer


def hour(number: int, hosts: list[str], packets: int = 10, part: int = 0) -> CoverageRecord:
    began = f"2026-11-02T{number:02}:00:00.000000Z"
    return CoverageRecord(
        id=f"{number:016x}", ts=began, capture="a.pcap", frame=1, part=part, first_seen=began,
        last_seen=f"2026-11-02T{number:02}:59:00.000000Z", packets=packets, hosts=hosts,
    )  # fmt: skip


def write(where: str, *records: CoverageRecord) -> None:
    with open_for_writing(where) as store, Writer(store, program="test") as writer:
        for record in records:
            writer.add(record)


def test_hours_add_up_and_reading_again_adds_nothing(where):
    write(where, hour(9, ["10.0.0.1"]), hour(10, ["10.0.0.1", "10.0.0.2"]))
    write(where, hour(9, ["10.0.0.3"], packets=7))  # the same file, cut short
    write(where, hour(9, [], part=1))  # another sensor's share
    with open_for_reading(where) as store:
        assert coverage.watched(store, EVERYTHING)[:3] == (
            30, "2026-11-02T09:00:00.000000Z", "2026-11-02T10:59:00.000000Z"
        )  # fmt: skip
        nine = Span("2026-11-02T09:00:00.000000Z", "2026-11-02T10:00:00.000000Z")
        hosts = [f"10.0.0.{number}" for number in range(1, 5)]
        assert coverage.alive(store, hosts, nine) == {"10.0.0.1", "10.0.0.3"}
        assert coverage.alive(store, hosts, EVERYTHING) == {"10.0.0.1", "10.0.0.2", "10.0.0.3"}
        assert coverage.alive(store, hosts, Span("2026-11-02T10:30:00.000000Z")) == {"10.0.0.1", "10.0.0.2"}
        assert coverage.alive(store, hosts, Span("2026-11-02T11:00:00.000000Z")) == set()
