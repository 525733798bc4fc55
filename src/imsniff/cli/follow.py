"""A capture that is still being written, read on until somebody asks to end.

The first Ctrl-C or SIGTERM ends it as if the capture had ended, once all that was written so far is read; a second one
does not wait for that.
"""

from __future__ import annotations

import signal
import threading
import time
from types import FrameType
from typing import Any, Self

from imsniff.base.limits import FOLLOW_FLUSH, TICK

_SIGNALS = signal.SIGINT, signal.SIGTERM


class Following:
    """A context manager; only the main thread may enter it."""

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._before: dict[int, Any] = {}
        self._flushed = time.monotonic()

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._end) for number in _SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)

    def idle(self) -> bool:
        """There is no more for now: waits a moment. Whether to look again."""
        return not self._asked.wait(TICK)

    def is_due(self) -> bool:
        """Whether what was found should be written now."""
        now = time.monotonic()
        due = now - self._flushed >= FOLLOW_FLUSH
        if due:
            self._flushed = now
        return due

    def _end(self, _: int, __: FrameType | None) -> None:
        if self._asked.is_set():
            raise KeyboardInterrupt
        self._asked.set()
