"""How the program ends (contract 4.1), and the errors that lead there."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    DONE = 0
    FOUND = 1
    """Only with `--fail-on`: there is a finding of that severity or worse."""
    USAGE = 2
    """Wrong usage, or a bad signature or policy file."""
    INPUT = 3
    """An input is unreadable or cut; what was readable is analysed and stored."""
    CAPTURE = 4
    """Cannot capture."""
    INTERRUPTED = 130
    """Ctrl-C in a command that was not done, as every shell expects it."""


class Failure(Exception):
    """Ends the program with a message and a code."""

    def __init__(self, message: str, code: Exit) -> None:
        super().__init__(message)
        self.code = code
