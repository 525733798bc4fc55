import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from imsniff.report.layout import Column, cut_end, cut_middle, cut_place, cut_time, lines
from imsniff.report.words import period, place

COLUMNS = (
    Column("account", good=10, least=4, cut=cut_middle),
    Column("when", good=16, least=10, cut=cut_time, leaves=2),
    Column("seen", right=True),
    Column("packet", good=12, least=8, cut=cut_place),
    Column("what", good=20, most=200, leaves=5),
)
ROW = ("alice@chat.lab.test", "2026-11-22 01:08-01:31", "4", "pidgin2142_prosody.pcap#63 +3", "plain log-in, readable")


@pytest.fixture(autouse=True)
def utf8(monkeypatch):
    monkeypatch.setattr("imsniff.report.layout.unicode_terminal", lambda: True)


@pytest.mark.parametrize("cut", [cut_end, cut_middle, cut_place, cut_time])
@given(text=st.text(max_size=40), width=st.integers(1, 50))
def test_what_is_cut_fits(cut, text, width):
    assert cell_len(cut(text, width)) <= width


@given(st.lists(st.tuples(*[st.text(max_size=60)] * 5), max_size=4), st.integers(10, 200))
def test_no_line_is_wider_than_the_terminal(rows, width):
    made = list(lines(COLUMNS, rows, width))
    assert len(made) == (len(rows) + 1 if any(map(any, rows)) else 0)
    assert all(cell_len(line) <= width and "\n" not in line for line in made)


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (
            120,
            [
                "alice@chat.lab.test",
                "2026-11-22 01:08-01:31",
                "pidgin2142_prosody.pcap#63 +3",
                "plain log-in, readable",
            ],
        ),
        (80, ["alice@ch…ab.test", "2026-11-22 01:08", "pidgi…sody#63 +3", "plain log-in, reada…"]),
        (60, ["alice@ch…ab.test", "2026-11-22 01:08", "pidgi…osody#63 +3"]),
        (44, ["alice….test", "2026-11-22", "pid…dy#63 +3"]),
        (34, ["alice@…b.test", "pid…ody#63 +3"]),
    ],
)
def test_columns_shrink_then_leave(width, shown):
    made = list(lines(COLUMNS, [ROW], width))[1]
    assert cell_len(made) <= width
    assert [cell for cell in re.split(" {2,}", made) if cell != "4"] == shown


def test_empty_columns_are_left_out():
    head, row = lines((Column("a"), Column("b"), Column("c")), [("1", "", "3")], 80)
    assert (head.split(), row.split()) == (["a", "c"], ["1", "3"])


def test_wide_characters_count_twice():
    made = list(lines((Column("name", good=4), Column("n")), [("漢字漢字漢字", "1"), ("e", "2")], 12))
    assert {cell_len(line.rstrip()) for line in made[1:]} == {cell_len(made[1])}


def test_the_frame_is_never_cut():
    name = "some_long_name_of_a_capture.pcapng.gz#1234567 +12"
    assert cut_place(name, 40) == "some_long_name_of_a_capture#1234567 +12"
    assert cut_place(name, 18) == "som…re#1234567 +12"


def test_periods_say_only_what_differs():
    assert period("2026-11-22T01:08:00.000000Z", "2026-11-22T01:08:59.000000Z") == "2026-11-22 01:08"
    assert period("2026-11-22T01:08:00.000000Z", "2026-11-22T01:31:00.000000Z") == "2026-11-22 01:08-01:31"
    assert period("2026-11-20T01:08:00.000000Z", "2026-11-22T01:31:00.000000Z") == "2026-11-20 - 2026-11-22"
    assert cut_time("2026-11-20 - 2026-11-22", 20) == "2026-11-20"
    assert place("/a/b/c.pcap", 7, 2) == "c.pcap#7 +2"
    assert place("-", 7) == "-#7"
