"""The pattern language: what is refused, what hex means, and that both engines read it alike."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imsniff.rules.engines import Fast, Needle, Plain
from imsniff.rules.pattern import BadPattern, from_hex, from_pattern, literal_hex


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("", "empty string"),
        ("a*", "empty string"),
        ("a|", "empty string"),
        ("(?:a?b?)", "empty string"),
        ("a(?=b)", "look-around"),
        ("(?<!a)b", "look-around"),
        (r"(a)\1", "back-references"),
        ("(?P<name>a)", r"\(\?:"),
        ("(?i:a)", r"\(\?:"),
        ("(?m)^a", r"\(\?:"),
        ("(?:a+)+", "endless repeat inside"),
        ("(?:(?:a|b+)c)*d", "endless repeat inside"),
        ("(?:a?)+b", "may be empty"),
        ("a{1,100000}", "written"),
        ("a{600}", "more than 512"),
        ("a{3,2}", "below its beginning"),
        ("ba{0}", "no times"),
        ("ba{0,0}", "no times"),
        ("a{,3}", "written"),
        ("(?:a{256}){256}", "written out"),
        ("a++", "repeat of a repeat"),
        ("a**", "repeat of a repeat"),
        ("*a", "repeats nothing"),
        ("a|+b", "repeats nothing"),
        ("a^b", "nothing stands before"),
        ("a(?:^b|c)", "nothing stands before"),
        ("a$b", "last character"),
        ("(?:a$)", "last character"),
        (r"\bword", "does not mean the same"),
        (r"a\Z", "does not mean the same"),
        (r"\vx", "does not mean the same"),
        (r"\pLx", "does not mean the same"),
        (r"a\x1", "two hex digits"),
        ("a\\", "nothing behind"),
        ("[[:alpha:]]", "wants a backslash"),
        ("[]a]", "empty"),
        ("[a", "missing"),
        ("[a--b]", "wants backslashes"),
        ("[z-a]", "bad character range"),
        ("(?:ab", "missing"),
        ("ab)", "without its"),
        ("(" * 12 + "a" + ")" * 12, "nested"),
        ("é", "printable ASCII"),
        ("a\n", "printable ASCII"),
        ("a" * 3000, "longer than"),
    ],
)
def test_what_is_refused(pattern, why):
    with pytest.raises(BadPattern, match=why):
        from_pattern(pattern)


@pytest.mark.parametrize(
    ("pattern", "text", "shortest"),
    [
        (r"^VER \d+ (?:MSNP\d+ ){1,24}CVR0\r\n", "VER 1 MSNP18 MSNP17 CVR0\r\n", 18),
        (r"(?i)^nick [a-z\[\]\\`_^{|}-]{1,30}\r?\n", "NICK foo\n", 7),
        (r"<\?xml[^>]*>", "<?xml version='1.0'?>", 6),
        (r"(?s)a.b", "a\nb", 3),
        (r"a|bc", "bc", 1),
        (r"a+?b{2}c{1,}", "abbc", 4),
        (r"price\$", "price$", 6),
        (r"(?is)A.$", "a\n", 2),
        (r"(?:^|\r\n)QNG", "QNG 50", 3),
        (r"^a|^bc", "bc", 1),
    ],
)
def test_what_is_taken(pattern, text, shortest):
    expression = from_pattern(pattern)
    assert expression.shortest == shortest
    for engine in (Plain, Fast):
        assert list(engine([Needle(expression, True)]).find(text.encode())) == [0]


def test_a_dollar_is_the_end_only_where_it_stands_bare():
    assert from_pattern("ab$").to_end
    assert not from_pattern(r"ab\$").to_end


@pytest.mark.parametrize(
    ("text", "matches", "misses"),
    [
        ("2A 01 ?? ?? 00 04", "2a 01 ff 0a 00 04", "2a 01 ff 00 04"),
        ("2A[01|02|05]", "2a 05", "2a 03"),
        ("2A [01-05]", "2a 03", "2a 06"),
        ("2a [ 01 | 04-05 ]", "2a 05", "2a 03"),
        ("4? 5c", "4f 5c", "5f 5c"),
        ("2A ?? ??", "2a", "2b 00 00"),
        ("5B5D 5E", "5b 5d 5e", "5b 5d 5f"),
    ],
)
def test_hex(text, matches, misses):
    needle = Needle(from_hex(text), True)
    for engine in (Plain([needle]), Fast([needle])):
        assert list(engine.find(literal_hex(matches))) == [0]
        assert list(engine.find(literal_hex(misses))) == []


@pytest.mark.parametrize("text", ["", "?? ??", "2", "2G", "[]", "[01", "[01|]", "[05-01]", "0x2A", "?A"])
def test_hex_that_is_refused(text):
    with pytest.raises(BadPattern):
        from_hex(text)


def test_literal_hex_is_checked_too():
    assert literal_hex("2A 01") == b"\x2a\x01"
    with pytest.raises(BadPattern):
        literal_hex("2A 0")


# --- the engines agree ------------------------------------------------------------------------------------------------

BYTES = b"aAbzZ09_ \r\n\t\x0b\x0c\x00\x7f\x80\xc0\xe9\xff-:<"
LITERALS = ("a", "Z", ":", "<", r"\-", r"\x00", r"\xc0", r"\xff", r"\r", r"\n", r"\t", r"\f")
CLASSES = (
    ".",
    r"\d",
    r"\D",
    r"\s",
    r"\S",
    r"\w",
    r"\W",
    "[a-z]",
    "[^a-z]",
    r"[\x80-\xff]",
    r"[^\r\n]",
    r"[\s\d]",
    r"[^\W]",
)
atoms = st.sampled_from([*LITERALS, *CLASSES, r"[\x00-\x0b]", "(?:a|bz)"])
repeats = st.sampled_from(["", "", "", "?", "*", "+", "{2}", "{1,3}", "{2,}", "+?", "*?"])


@st.composite
def patterns(draw):
    """Patterns of the language, whether or not the loader would take them."""
    pieces = draw(st.lists(st.tuples(atoms, repeats), min_size=1, max_size=5))
    text = "".join(atom + repeat for atom, repeat in pieces)
    if draw(st.booleans()):
        text += "|" + draw(atoms)
    if draw(st.integers(0, 4)) == 0:
        text += "$"
    front = draw(st.sampled_from(["", "", "", "^", "(?:^|\\n)", "(?:a|^:)"]))
    return draw(st.sampled_from(["", "", "(?i)", "(?s)", "(?is)"])) + front + text


@settings(max_examples=250, deadline=None)
@given(
    patterns(),
    st.booleans(),
    st.one_of(st.none(), st.integers(1, 12)),
    st.lists(st.binary(max_size=16).map(lambda raw: bytes(BYTES[i % len(BYTES)] for i in raw)), max_size=12),
)
def test_both_engines_give_the_same_answers(pattern, anchored, within, texts):
    try:
        expression = from_pattern(pattern)
    except BadPattern:
        return
    if expression.to_end:
        within = None
    needles = [Needle(expression, anchored, within)]
    plain, fast = Plain(needles), Fast(needles)
    for text in texts:
        assert list(fast.find(text)) == list(plain.find(text)), (pattern, anchored, within, text)


@given(st.text(alphabet="a(){}[]^$*+?|\\.x0,1-", max_size=14))
def test_any_text_is_either_refused_or_read_alike_by_both(pattern):
    try:
        expression = from_pattern(pattern)
    except BadPattern:
        return
    assert not re.fullmatch(expression.text.encode(), b"")
    Plain([Needle(expression, True)])
    Fast([Needle(expression, False)])
