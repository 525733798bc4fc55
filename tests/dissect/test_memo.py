"""What was understood once is not worked out again, and no flood of texts fills the memory."""

from __future__ import annotations

from imsniff.base.limits import MAX_CACHED, MAX_NAME
from imsniff.dissect.memo import Memo, memoised


def test_a_text_is_understood_once():
    asked = []

    @memoised
    def shout(text: str) -> str:
        asked.append(text)
        return text.upper()

    assert [shout("a"), shout("b"), shout("a")] == ["A", "B", "A"]
    assert asked == ["a", "b"]


def test_nothing_fills_the_table():
    table = Memo(len)
    for number in range(3 * MAX_CACHED):
        assert table[str(number)] == len(str(number))
        assert len(table) <= MAX_CACHED


def test_long_texts_are_answered_and_not_kept():
    table = Memo(len)
    assert table["x" * (MAX_NAME + 1)] == MAX_NAME + 1
    assert not table
