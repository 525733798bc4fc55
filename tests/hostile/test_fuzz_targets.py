"""The fuzz targets themselves, without the fuzzer: their seeds, and a few mutations of each."""

from __future__ import annotations

import random

import pytest
from fuzz.harness import targets

TARGETS = targets()


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_and_their_mutations_are_survived(name):
    target, dice = TARGETS[name], random.Random(name)
    seeds = list(target.seeds())
    assert seeds or name.startswith("dissect."), "nothing to begin with"
    target.run(b"")
    for seed in seeds:
        target.run(seed)
    for seed in dice.sample(seeds, min(len(seeds), 20)):
        for _ in range(3):
            mutated = bytearray(seed)
            for _ in range(dice.randint(1, 8)):
                at = dice.randrange(len(mutated) + 1)
                mutated[at : at + dice.choice((0, 1, 3, 20))] = dice.randbytes(dice.choice((0, 1, 2, 5)))
            target.run(bytes(mutated))
