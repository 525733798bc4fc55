"""What all tests share."""

from __future__ import annotations


def pytest_addoption(parser):
    parser.addoption("--accept", action="store_true", help="rewrite the golden outputs instead of comparing")
