"""The command line. Nothing is imported here: `imsniff --help` must not pay for what it does not use."""

from __future__ import annotations


def main() -> None:
    """The `imsniff` program."""
    from imsniff.cli.program import run

    raise SystemExit(run())
