"""Every risk is looked for, and what looks for it says what it fires on."""

from __future__ import annotations

import pytest

from imsniff.base.risks import RISKS
from imsniff.detect.catalogue import detectors_of


@pytest.mark.parametrize("risk", RISKS)
def test_every_risk_has_detectors_that_say_what_they_read_and_fire_on(risk):
    entries = detectors_of(risk)
    assert entries
    assert all(entry.about and entry.reads for entry in entries)
