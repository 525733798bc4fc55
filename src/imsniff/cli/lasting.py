"""What is made once and stays to the end of the program: modules, mostly."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def lasting() -> Iterator[None]:
    """Whatever is made inside: the garbage collector need not look it through, neither while it grows nor later."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
