"""The scanner: where a rule counts, in which order, and that both engines say the same of any bytes."""

from __future__ import annotations

import random
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imsniff.base.limits import MIDSTREAM_WINDOW
from imsniff.classify.scanner import Scanner
from imsniff.rules.loader import load

HEAD = 'version = 1\nprotocol = "test"\n'


def rule(name: str, pattern: str, **keys: str) -> str:
    keys = {"side": '"client"', "transport": '["tcp"]', **keys}
    lines = [f"{key} = {value}" for key, value in keys.items()]
    return f"[[payload]]\nid = 'test.{name}'\ndescription = 'x'\npattern = '{pattern}'\n" + "\n".join(lines) + "\n"


@pytest.fixture(params=["hyperscan", "re"])
def scanner(request, tmp_path):
    """Builds a scanner of some rules on each engine."""

    def build(*rules: str) -> Scanner:
        (tmp_path / "payload").mkdir(exist_ok=True)
        (tmp_path / "payload" / "test.toml").write_text(HEAD + "".join(rules))
        return Scanner(load(base=tmp_path, user=Path("/nonexistent")).payload, request.param)

    return build


def names(found) -> list[str]:
    return [rule.id.removeprefix("test.") for rule in found]


def test_a_start_rule_counts_at_the_first_byte_only(scanner):
    scan = scanner(rule("start", "abc", example='["abc"]')).scan
    for midstream in (False, True):
        assert names(scan(b"abcd", "tcp", midstream=midstream)) == ["start"]
        assert names(scan(b"xabc", "tcp", midstream=midstream)) == []


def test_an_anywhere_rule_counts_anywhere_only_mid_stream(scanner):
    scan = scanner(rule("any", "abc", anchor="'anywhere'", example='["abc"]')).scan
    assert names(scan(b"xxabc", "tcp", midstream=True)) == ["any"]
    assert names(scan(b"xxabc", "tcp", midstream=False)) == []
    assert names(scan(b"abc", "tcp", midstream=False)) == ["any"]


def test_a_match_must_end_within(scanner):
    scan = scanner(
        rule("short", "a+b", within="4", example='["ab"]'),
        rule("any", "b.", within="4", anchor="'anywhere'", example='["bc"]'),
    ).scan
    assert names(scan(b"aaab", "tcp", midstream=True)) == ["short"]
    assert names(scan(b"aaaab", "tcp", midstream=True)) == []
    assert names(scan(b"xxbcbc", "tcp", midstream=True)) == ["any"]
    assert names(scan(b"xxxbcb", "tcp", midstream=True)) == []


def test_a_shorter_match_within_counts_where_the_longest_ends_later(scanner):
    scan = scanner(rule("greedy", "a.*b", within="3", example='["acb"]')).scan
    assert names(scan(b"acbxxxb", "tcp")) == ["greedy"]


def test_each_once_and_in_the_order_of_the_set(scanner):
    scan = scanner(
        rule("two", "a+", anchor="'anywhere'", example='["a"]'),
        rule("one", "aa", example='["aa"]'),
        rule("no", "b", example='["b"]'),
        rule("three", "a.*", anchor="'anywhere'", example='["a"]'),
    ).scan
    assert names(scan(b"aaaaaaaa", "tcp", midstream=True)) == ["two", "one", "three"]


def test_transports_are_apart(scanner):
    scan = scanner(
        rule("udp", "ab$", transport='["udp"]', example='["ab"]'),
        rule("both", "a", transport='["udp", "tcp"]', example='["a"]'),
    ).scan
    assert names(scan(b"ab", "tcp")) == ["both"]
    assert names(scan(b"ab", "udp")) == ["udp", "both"]
    assert names(scan(b"abc", "udp")) == ["both"]


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_buffer_will_do(scanner, kind):
    scan = scanner(rule("start", r"\xff\x00", example_hex='["FF 00"]')).scan
    assert names(scan(kind(b"\xff\x00\x01"), "tcp")) == ["start"]
    assert names(scan(kind(b""), "tcp")) == []


def test_no_rules_at_all():
    for name in ("auto", "hyperscan", "re"):
        assert Scanner((), name).scan(b"anything", "tcp") == ()


def test_without_hyperscan_auto_falls_back(monkeypatch):
    monkeypatch.setitem(sys.modules, "hyperscan", None)
    shipped = load(user=Path("/nonexistent")).openings
    assert Scanner(shipped, "auto").scan(b"TS3INIT1", "udp")
    with pytest.raises(ImportError):
        Scanner(shipped, "hyperscan").scan(b"TS3INIT1", "udp")


def test_several_threads_share_a_scanner(scanner):
    scan = scanner(rule("start", "ab+", example='["ab"]')).scan
    failures = []

    def work(seed: int) -> None:
        dice = random.Random(seed)
        for _ in range(2_000):
            data = bytes(dice.choices(b"ab", k=8))
            if bool(scan(data, "tcp")) != data.startswith(b"ab"):
                failures.append(data)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


# --- the shipped rules ------------------------------------------------------------------------------------------------

SHIPPED = load(user=Path("/nonexistent"))
RULES = (*SHIPPED.payload, *SHIPPED.openings)
FAST, PLAIN = Scanner(RULES, "hyperscan"), Scanner(RULES, "re")
EXAMPLES = [example for rule in RULES for example in (*rule.examples, *rule.counters)]


def agree(data: bytes) -> None:
    for transport in ("tcp", "udp"):
        for midstream in (False, True):
            fast = FAST.scan(data, transport, midstream=midstream)
            plain = PLAIN.scan(data, transport, midstream=midstream)
            assert fast == plain, (data, transport, midstream, names(fast), names(plain))


def test_the_engines_agree_about_all_examples():
    for example in EXAMPLES:
        agree(example)
        agree(b"\x00 something before\r\n" + example + example)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_the_engines_agree_about_mutated_examples(data):
    pieces = data.draw(st.lists(st.sampled_from(EXAMPLES), min_size=1, max_size=4))
    text = bytearray(b"".join(pieces))
    for _ in range(data.draw(st.integers(0, 6))):
        at = data.draw(st.integers(0, len(text)))
        text[at : at + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
    agree(bytes(text))
    agree(bytes(text)[data.draw(st.integers(0, len(text))) :])


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=600))
def test_the_engines_agree_about_anything(data):
    agree(data)


@pytest.mark.parametrize(
    "filling", [b"\x00", b"A", b"a ", b"<", b"\r\n", b"1", b"a@", b"*\x02", b"GET /", b"x:", b"\xff"]
)
def test_no_rule_makes_the_plain_engine_slow(filling):
    """`re` backtracks: a window full of anything must stay far below what a person would notice."""
    data = (filling * MIDSTREAM_WINDOW)[:MIDSTREAM_WINDOW]
    for number, rule in enumerate(RULES):
        alone = Scanner([rule], "re")
        for transport in rule.transport:
            alone.scan(b"", transport, midstream=True)  # compiles
        began = time.process_time()
        for transport in rule.transport:
            alone.scan(data, transport, midstream=True)
        assert time.process_time() - began < 0.5, (RULES[number].id, filling)
