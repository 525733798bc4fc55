"""Precision: ordinary talk is left alone."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from tests.detect.quiet import chat
from tests.scenario.talk import talk

from imsniff.base.records import Severity
from imsniff.detect.reading import Reader
from imsniff.rules.lexicon import Lexicon
from imsniff.rules.loader import load

COUNT = 24_000


@pytest.mark.parametrize("corpus", [chat, talk])
def test_ordinary_chat_gives_no_finding_worth_the_name(corpus):
    """At most one line in 2 000 for any risk, and none that is HIGH or worse."""
    reader = Reader(Lexicon(load(user=Path("/nonexistent")).phrases))
    counted: Counter[str] = Counter()
    told = []
    for line in corpus(COUNT):
        matches = reader.read(line).matches
        counted.update({match.risk for match in matches})
        told += [(line, match.rule, match.severity) for match in matches]
    assert [one for one in told if one[2].rank >= Severity.HIGH.rank] == []
    assert all(count <= COUNT / 2_000 for count in counted.values()), (counted, told[:40])
