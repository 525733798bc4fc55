import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imsniff.base.escape import cell, storable, visible
from imsniff.base.records import from_json, to_json
from made import message


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b[31mred", r"\x1b[31mred"),
        ("a\r\nb\tc", r"a\r\nb\tc"),
        ("\x9b0m\x7f", r"\x9b0m\x7f"),
        ("invoice\u202efdp.exe", r"invoice\u202efdp.exe"),
        ("a\u200bb\ufeff\udcff", r"a\u200bb\ufeff\udcff"),
        ("\U000e0041", r"\U000e0041"),
        ("👩‍💻 naïve 你好 שלום", "👩‍💻 naïve 你好 שלום"),
    ],
)
def test_nothing_that_is_obeyed_is_left(hostile, shown):
    assert visible(hostile) == shown


@pytest.mark.parametrize("formula", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1"])
def test_a_cell_is_never_a_formula(formula):
    assert cell(formula).startswith("'")
    assert cell("plain = text") == "plain = text"


@given(st.text())
def test_visible_text_is_printable_and_stable(text):
    shown = visible(text)
    assert visible(shown) == shown
    shown.encode()
    assert "\x1b" not in shown


@given(st.text(st.characters()))
def test_json_lines_hold_no_control_and_come_back(text):
    record = message(text=text)
    line = to_json(record)
    assert not any(ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0 for char in line.decode())
    assert "\u202e" not in line.decode()
    alone = any("\ud800" <= char <= "\udfff" for char in text)
    assert (from_json(line).text or "") == (storable(text) if alone else text)
    json.loads(line)


def test_a_file_name_that_is_not_utf8_is_still_json():
    record = message(text="\udcff\x00")
    assert from_json(to_json(record)).text == "\ufffd\ufffd"
