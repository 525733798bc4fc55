"""What `signatures check` says of a set as a whole."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from imsniff.rules import checker, loader
from imsniff.rules.checker import Level, check
from imsniff.rules.engines import BadExpressions, Fast
from imsniff.rules.loader import SignatureSet, load
from imsniff.rules.located import SignatureError

NOWHERE = Path("/nonexistent")


def made(tmp_path: Path, **protocols: str) -> SignatureSet:
    for protocol, rules in protocols.items():
        path = tmp_path / "payload" / f"{protocol}.toml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f'version = 1\nprotocol = "{protocol}"\n{rules}')
    return load(base=tmp_path, user=NOWHERE)


def rule(name: str, pattern: str, example: str, more: str = 'not = ["-"]') -> str:
    keys = f"side = 'client'\ntransport = ['tcp']\npattern = '{pattern}'\nexample = ['{example}']\n{more}\n"
    return f"[[payload]]\nid = '{name}'\ndescription = 'x'\n{keys}"


def test_the_shipped_set_is_sound():
    found = check(load(user=NOWHERE))
    assert found.sound, found.remarks
    assert found.engines == ("re", "hyperscan")
    assert found.rules > 20
    assert found.examples > found.rules
    assert found.services > 40


def test_a_rule_that_takes_another_protocols_example_is_worth_a_look(tmp_path):
    found = check(made(tmp_path, one=rule("one.x", "HELLO", "HELLO you"), two=rule("two.x", "HEL+O y", "HELLO y")))
    assert found.sound
    assert [(remark.level, remark.rule) for remark in found.remarks] == [
        (Level.WARNING, "two.x"),
        (Level.WARNING, "one.x"),
    ]
    assert "also matches an example of one.x" in found.remarks[0].message
    assert found.remarks[0].where.endswith("two.toml:3")


def test_a_reverse_on_the_same_side_and_no_counter_example_are_worth_a_look(tmp_path):
    rules = rule("one.x", "a", "a", 'reverse = ["one.y"]') + rule("one.y", "b", "b")
    messages = [remark.message for remark in check(made(tmp_path, one=rules)).remarks]
    assert messages == [
        "its `reverse` one.y looks at the same side",
        "no `not`: nothing shows what it must not match",
    ]


def test_engines_that_disagree_are_an_error(tmp_path, monkeypatch):
    signatures = made(tmp_path, one=rule("one.x", "a", "a"))
    monkeypatch.setattr(checker.Fast, "find", lambda *_: ())
    found = check(signatures)
    assert not found.sound
    assert {remark.message.partition(" ")[0] for remark in found.remarks} == {"hyperscan", "engines"}


def test_without_hyperscan_the_other_engine_is_checked(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "hyperscan", None)
    found = check(made(tmp_path, one=rule("one.x", "a", "a")))
    assert found.engines == ("re",)
    assert found.sound


class Refusing(Fast):
    """Hyperscan that takes no pattern with a z."""

    def __init__(self, needles):
        if any("z" in needle.expression.text for needle in needles):
            raise BadExpressions("too much of z")
        super().__init__(needles)


def test_what_hyperscan_refuses_is_named(tmp_path, monkeypatch):
    signatures = made(tmp_path, one=rule("one.x", "a", "a") + rule("one.z", "z", "z"))
    monkeypatch.setattr(checker, "Fast", Refusing)
    assert [(remark.rule, remark.message) for remark in check(signatures).remarks] == [
        ("one.z", "hyperscan refuses it: too much of z")
    ]


def test_an_operators_own_rule_is_tried_with_hyperscan_when_loaded(tmp_path, monkeypatch):
    monkeypatch.setattr(loader, "Fast", Refusing)
    base, own = tmp_path / "base", tmp_path / "own"
    for directory in (base, own):
        (directory / "payload").mkdir(parents=True)
    made(base, one=rule("one.x", "a", "a"))
    (own / "payload" / "z.toml").write_text('version = 1\nprotocol = "z"\n' + rule("z.z", "z", "z"))
    with pytest.raises(SignatureError, match=r"z\.pattern: Hyperscan refuses it: too much of z"):
        load(own, base=base, user=NOWHERE)
