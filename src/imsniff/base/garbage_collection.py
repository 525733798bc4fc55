"""What is made once and stays to the end of the program: modules, mostly."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

SELDOM = 20_000
"""Objects made and not freed between two looks at the youngest."""


@contextmanager
def lasting() -> Iterator[None]:
    """Whatever is made inside: the garbage collector need not look it through, neither while it grows nor later.

    From then on it looks less often than by default: what an analysis makes is hardly ever part of a cycle."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.set_threshold(SELDOM)
        gc.enable()
