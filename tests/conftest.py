"""What all tests share."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("shared", deadline=None)  # how long an example takes says more of the machine than of us
settings.load_profile("shared")


def pytest_addoption(parser):
    parser.addoption("--accept", action="store_true", help="rewrite the golden outputs instead of comparing")
