"""Capped memory that ages by packet time, for detectors that look across flows."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

State = TypeVar("State")


class AgingTable(Generic[State]):
    """State by key. What was not touched for `lifetime` nanoseconds of packet time is forgotten, and, beyond `limit`
    keys, what was touched longest ago."""

    def __init__(self, make: Callable[[], State], *, limit: int, lifetime: int) -> None:
        self._make = make
        self._limit = limit
        self._lifetime = lifetime
        self._states: OrderedDict[Hashable, tuple[int, State]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._states)

    def touch(self, key: Hashable, now: int) -> State:
        """The state of `key`, a new one where there is none or it is too old. `now`: nanoseconds since 1970."""
        touched, state = self._states.get(key, (now, None))
        if state is None or abs(now - touched) > self._lifetime:
            touched, state = now, self._make()
        self._states[key] = max(now, touched), state
        self._states.move_to_end(key)
        while len(self._states) > self._limit:
            self._states.popitem(last=False)
        while now - next(iter(self._states.values()))[0] > self._lifetime:
            self._states.popitem(last=False)
        return state
