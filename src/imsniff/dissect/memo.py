"""The same few people, servers and header lines stand in every message of a conversation: each is understood once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from imsniff.base.limits import MAX_CACHED, MAX_MEMOISED

Understood = TypeVar("Understood")


class Memo(dict[str, Understood]):
    """Texts to what a pure function makes of them. A table, since a look-up costs a fifth of what `lru_cache` does."""

    __slots__ = ("_understand",)

    def __init__(self, understand: Callable[[str], Understood]) -> None:
        super().__init__()
        self._understand = understand

    def __missing__(self, text: str) -> Understood:
        """Full, it starts over: what is still spoken of comes again. Texts longer than a name are not kept."""
        understood = self._understand(text)
        if len(text) <= MAX_MEMOISED:
            if len(self) >= MAX_CACHED:
                self.clear()
            self[text] = understood
        return understood


def memoised(function: Callable[[str], Understood]) -> Callable[[str], Understood]:
    """A pure function of a text that keeps its answers."""
    return Memo(function).__getitem__
