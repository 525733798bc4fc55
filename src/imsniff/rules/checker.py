"""What `imsniff signatures check` does beyond loading: every rule's examples on every engine, and rules against rules.

Loading already refuses whatever is broken by itself. This finds what only shows when the set is seen as a whole.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from imsniff.rules.engines import BadExpressions, Engine, Fast, Needle, Plain
from imsniff.rules.lexicon import Lexicon
from imsniff.rules.pattern import BadPattern, from_pattern
from imsniff.rules.schema import PayloadRule, Phrase, SignatureSet
from imsniff.rules.stems import required_stems


class Level(StrEnum):
    ERROR = "error"
    """The set must not be used."""
    WARNING = "warning"
    """Worth a look: a rule that says less than its author may think."""


class Remark(NamedTuple):
    level: Level
    rule: str
    where: str
    """File and line."""
    message: str


class Checked(NamedTuple):
    """The outcome, for people and for exit codes."""

    rules: int
    services: int
    phrases: int
    examples: int
    """Example and counter-example strings that were run, once an engine."""
    engines: tuple[str, ...]
    compile_ms: float
    """Milliseconds the fastest engine takes for all rules."""
    sha256: str
    remarks: tuple[Remark, ...]

    @property
    def sound(self) -> bool:
        return not any(remark.level is Level.ERROR for remark in self.remarks)


def needle(rule: PayloadRule) -> Needle:
    """A rule as it is looked for where it matches most: mid-stream."""
    return Needle(rule.expression, rule.anchored, rule.within)


def check(signatures: SignatureSet) -> Checked:
    """Run all examples of all rules on all engines that are installed."""
    rules = (*signatures.payload, *signatures.openings)
    needles = [needle(rule) for rule in rules]
    remarks: list[Remark] = []
    engines: dict[str, Engine] = {"re": Plain(needles)}
    began = time.perf_counter()
    try:
        engines["hyperscan"] = Fast(needles)
    except ImportError:
        pass
    except BadExpressions:
        remarks += _refused(rules)
    took = time.perf_counter() - began
    for name, engine in engines.items():
        remarks += _ran(name, engine, rules)
    remarks += _disagreements(engines, rules)
    remarks += _loners(signatures)
    remarks += _said(signatures.phrases)
    return Checked(
        rules=len(rules),
        services=len(signatures.services.all),
        phrases=len(signatures.phrases),
        examples=sum(len(rule.examples) + len(rule.counters) for rule in rules)
        + sum(len(phrase.entry.example) + len(phrase.entry.counter) for phrase in signatures.phrases),
        engines=tuple(engines),
        compile_ms=round(took * 1000, 1),
        sha256=signatures.sha256,
        remarks=tuple(remarks),
    )


def _remark(level: Level, rule: PayloadRule, message: str) -> Remark:
    return Remark(level, rule.id, str(rule.place), message)


def _refused(rules: tuple[PayloadRule, ...]) -> Iterator[Remark]:
    for rule in rules:
        try:
            Fast([needle(rule)])
        except BadExpressions as why:
            yield _remark(Level.ERROR, rule, f"hyperscan refuses it: {why}")


def _ran(name: str, engine: Engine, rules: tuple[PayloadRule, ...]) -> Iterator[Remark]:
    for number, rule in enumerate(rules):
        for example in rule.examples:
            if number not in engine.find(example):
                yield _remark(Level.ERROR, rule, f"{name} does not find the example {example[:60]!r}")
        for counter in rule.counters:
            if number in engine.find(counter):
                yield _remark(Level.ERROR, rule, f"{name} finds the counter-example {counter[:60]!r}")


def _said(phrases: tuple[Phrase, ...]) -> Iterator[Remark]:
    """A lexicon's patterns, and its examples against all phrases, as a detector would look for them."""
    lexicon = Lexicon(phrases)
    found = {text: lexicon.find(text) for one in phrases for text in (*one.entry.example, *one.entry.counter)}
    for phrase in phrases:
        where = str(phrase.place)
        for pattern in (phrase.entry.pattern, phrase.entry.unless or "."):
            try:
                from_pattern(pattern)
            except BadPattern as why:
                yield Remark(Level.ERROR, phrase.id, where, str(why))
        if not all(required_stems(phrase.entry.pattern)):
            yield Remark(Level.WARNING, phrase.id, where, "no word of it is sure: it is tried with every message")
        for example in phrase.entry.example:
            if phrase not in found[example]:
                yield Remark(Level.ERROR, phrase.id, where, f"does not find the example {example[:60]!r}")
        for counter in phrase.entry.counter:
            for other in found[counter]:
                if other is phrase:
                    yield Remark(Level.ERROR, phrase.id, where, f"finds the counter-example {counter[:60]!r}")
                elif other.entry.kind is phrase.entry.kind:
                    yield Remark(Level.WARNING, other.id, where, f"finds a counter-example of {phrase.id}: {counter!r}")
        if not phrase.entry.counter:
            yield Remark(Level.WARNING, phrase.id, where, "no `not`: nothing shows what it must not match")


def _disagreements(engines: dict[str, Engine], rules: tuple[PayloadRule, ...]) -> Iterator[Remark]:
    """Every example against every rule: the engines must agree, and no rule should claim another protocol's example."""
    for rule in rules:
        for example in rule.examples:
            found = {name: tuple(engine.find(example)) for name, engine in engines.items()}
            if len(set(found.values())) > 1:
                yield _remark(Level.ERROR, rule, f"engines disagree about {example[:60]!r}: {found}")
            for number in found["re"]:
                other = rules[number]
                alike = other.entry.side in (rule.entry.side, "either") and other.transport & rule.transport
                if alike and other.protocol != rule.protocol and other.anchored:
                    yield _remark(Level.WARNING, other, f"also matches an example of {rule.id}: {example[:60]!r}")


def _loners(signatures: SignatureSet) -> Iterator[Remark]:
    for rule in (*signatures.payload, *signatures.openings):
        for answer in rule.reverse:
            other = signatures.rule(answer)
            if other is not None and other.side == rule.side and rule.side != "either":
                yield _remark(Level.WARNING, rule, f"its `reverse` {answer} looks at the same side")
        if not rule.counters:
            yield _remark(Level.WARNING, rule, "no `not`: nothing shows what it must not match")
