"""The month in the made company, smaller: two working days a week and few lines. `make scenario` runs all of it."""

from __future__ import annotations

import random

import pytest

from imsniff.base.risks import RISKS
from tests.scenario.company import Company
from tests.scenario.judge import judge


@pytest.fixture(scope="module")
def company():
    return Company(days=2, lines=2, seed=7)


def test_every_risk_is_in_the_script(company):
    assert {risk for risk, _, _ in company.truth} == set(RISKS)


def test_what_is_found_is_what_was_done(company, tmp_path):
    assert judge(company, tmp_path).faults() == []


@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize("order", [sorted, reversed, lambda paths: random.Random(3).sample(paths, len(paths))])
def test_separate_files_in_any_order_find_the_same(company, tmp_path, jobs, order):
    assert judge(company, tmp_path, "--separate", "--jobs", jobs, order=order).faults() == []
