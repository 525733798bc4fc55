"""What a pattern can begin with: never less than what it matches, and enough to tell rules apart."""

from __future__ import annotations

import re
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from imsniff.classify.scanner import FOREIGN, unmatchable
from imsniff.rules.head import LONGEST
from imsniff.rules.loader import load
from imsniff.rules.pattern import BadPattern, from_hex, from_pattern


def head(pattern):
    return from_pattern(pattern).head


@pytest.mark.parametrize(
    ("pattern", "lengths", "exact"),
    [
        ("abc", {3}, True),
        ("[a-f]{2}x", {3}, True),
        ("a|b", {1}, True),
        ("a(?:b|cd)e", {3, 4}, False),
        ("ab|cd", {2}, False),
        ("a?b", {1, 2}, False),
        ("a+", set(range(1, 17)), False),
        ("a{20}", {16}, False),
    ],
)
def test_lengths_and_whether_the_sets_say_it_all(pattern, lengths, exact):
    assert (head(pattern).lengths, head(pattern).exact) == (lengths, exact)


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [
        ("abc", "abd", True),
        ("abc", "ab", False),
        (r"(?:^|\n)VER", "GET", True),
        (r"(?:^|\n)VER", "VES", True),
        (r"(?:^|\n)VER", r"\nV", False),
        (r"[\r\n]{0,4}SIP", "HTTP", True),
        (r".{0,3}x", "abcd", False),
        ("(?i)get", "GET", False),
        ("(?i)get", "PUT", True),
        (r"(?s).a", r"\na", False),
        (r".a", r"\na", True),
        ("a{3,5}b", "aac", True),
        ("a{3,}b", "aaaaaaaaaac", False),
    ],
)
def test_what_cannot_be_both(one, other, apart):
    assert head(one).excludes(head(other)) is apart
    assert head(other).excludes(head(one)) is apart


def test_hex_has_a_head_too():
    assert from_hex("2A [01-05] ?? 4?").head.pattern == rb"\x2a[\x01-\x05](?s:.)[\x40-\x4f]"
    assert from_hex("2A 2A 2A ?? ?? 01").head.pattern == rb"\x2a{3}(?s:.){2}\x01"


ATOMS = st.sampled_from(["a", "b", "[ab]", "[^a]", ".", r"\n", r"\x00", "(?:a|bb)", "(?:ab?|c)", r"\d"])
REPEATS = st.sampled_from(["", "", "", "?", "{2}", "{1,3}", "{0,2}", "+", "*"])
PATTERNS = st.lists(st.tuples(ATOMS, REPEATS).map("".join), min_size=1, max_size=5).map("".join)


@given(one=PATTERNS, other=PATTERNS, data=st.text("ab\n\0c1", max_size=20).map(str.encode))
def test_it_allows_all_that_the_pattern_matches(one, other, data):
    try:
        expressions = from_pattern(one), from_pattern(other)
    except BadPattern:
        return
    found = [re.match(expression.text.encode(), data) is not None for expression in expressions]
    for matches, expression in zip(found, expressions, strict=True):
        seen = re.match(expression.head.pattern, data) is not None
        assert seen or not matches
        assert seen == matches or not expression.head.exact
    assert not (all(found) and expressions[0].head.excludes(expressions[1].head))


# --- what may yet become a match --------------------------------------------------------------------------------------

GROUPED = st.tuples(PATTERNS, PATTERNS, REPEATS, PATTERNS).map(lambda parts: "(?:{}|{}){}{}".format(*parts))
FRONTED = st.tuples(PATTERNS, PATTERNS).map(lambda parts: r"(?:^|\n){}|{}".format(*parts))
LONG = st.tuples(st.sampled_from(["[ab]{2,24}", "a{0,16}", ".{1,40}", "(?:ab|c){3,9}"]), PATTERNS).map("".join)


@given(
    data=st.data(), pattern=PATTERNS | GROUPED | FRONTED | LONG, flags=st.sampled_from(["", "(?i)", "(?s)", "(?is)"])
)
def test_all_that_may_yet_match_is_begun(data, pattern, flags):
    """However little of a match is there, beyond the bytes that are always asked for."""
    try:
        expression = from_pattern(flags + pattern)
    except BadPattern:
        return
    longer = flags.replace("i", "").replace("(?)", "") + f"(?:{pattern})(?s:.*)"
    match = data.draw(
        st.from_regex(longer.replace("(?:^|", "(?:|").encode(), fullmatch=True)
    )  # knows no caseless bytes
    if "i" in flags:
        match = data.draw(st.sampled_from([match, match.swapcase()]))
    assume(re.match(f"{flags}(?:{pattern})".encode(), match))
    begun = re.compile(expression.begun.encode())
    if len(match) >= LONGEST:
        assert begun.match(match, 0, LONGEST)
        assert begun.match(b"\n\n" + match, 2, 2 + LONGEST)


@pytest.mark.parametrize(
    ("pattern", "data", "begins"),
    [
        ("[A-Z]{2,24} sip:", b"REGISTER sip:ann", True),
        ("[A-Z]{2,24} sip:", b"POST /index.html", False),
        ("[A-Z]{2,24} sip:", b"ABCDEFGHIJKLMNOPQ", True),
        (" {0,4}(?:PRIVMSG|NOTICE|NS) #", b"POST /index.html", False),
        (" {0,4}(?:PRIVMSG|NOTICE|NS) #", b"    PRIVMSG #abc", True),
        ("a{20}b", b"a" * 16, True),
        ("a{20}b", b"a" * 15 + b"b", False),
        ("(?:^|\\n)VER", b"VER 1 MSNP8 CVR0", True),
        ("(?:^|\\n)VER", b"SVER 1 MSNP8 CVR", False),
    ],
)
def test_what_has_begun(pattern, data, begins):
    assert (re.match(from_pattern(pattern).begun.encode(), data) is not None) is begins


def test_a_rule_that_repeats_repeats_costs_no_time():
    """Hyperscan takes it in its stride; `re`, which is asked what may yet match, would not."""
    rule = SimpleNamespace(
        expression=from_pattern("(?:[ab]{1,30}){1,30}c"), transport=frozenset({"tcp"}), protocol="irc"
    )
    find, data = re.compile(unmatchable([rule], "tcp")), b"a" * 15 + b"-" + b"a" * 1400
    began = time.perf_counter()
    assert find.match(data, 0, LONGEST)
    assert time.perf_counter() - began < 0.1


def test_hex_may_have_begun():
    expression = from_hex("2A [01-05] " + "?? " * 20 + "01")
    assert re.match(expression.begun.encode(), b"\x2a\x02" + bytes(14))
    assert not re.match(expression.begun.encode(), b"\x2a\x06" + bytes(14))


def test_no_example_of_a_rule_is_unmatchable():
    rules = load(user=Path("/nonexistent")).payload
    for transport in "tcp", "udp":
        find = re.compile(unmatchable(rules, transport))
        for rule in rules:
            if rule.protocol != FOREIGN and transport in rule.transport:
                flags = (re.IGNORECASE * rule.expression.caseless) | (re.DOTALL * rule.expression.dotall)
                looks = re.compile(rule.expression.text.encode(), flags)
                for data in filter(looks.match, rule.examples):  # the others are found later in a stream
                    assert find.match(data, 0, LONGEST) is None, (rule.id, data)
