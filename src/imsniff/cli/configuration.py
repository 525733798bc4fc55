"""The config file: options of commands, written down once.

    db = "/srv/imsniff/audit.db"     # of all commands

    [analyze]
    jobs = 4

    [db.verify]
    db = "/srv/imsniff/copy.db"

The command line and IMSNIFF_* variables win over it. All its faults are told at once.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click

from imsniff.cli.exits import Exit, Failure
from imsniff.rules.located import Fault, Lines, not_toml

SHARED = ("db", "signatures", "policy")
"""Keys that may stand at the top, for all commands."""

Found = Callable[[str], click.Command | None]


def read(file: Path, command: Found, invoked: str | None) -> dict[str, Any]:
    """What the file says for a command, as click's default map. Raises Failure with every fault of the file, also of
    what it says for other commands, and FileNotFoundError."""
    try:
        text = file.read_text("utf-8")
    except FileNotFoundError:
        raise
    except (OSError, UnicodeDecodeError) as why:
        raise Failure(f"{file}: {why}", Exit.USAGE) from None
    try:
        written = tomllib.loads(text)
    except tomllib.TOMLDecodeError as why:
        raise _refused([not_toml(file, text, why)]) from None
    lines = Lines(text)
    if faults := [Fault(file, lines[key], key, message) for key, message in _faults(written, command)]:
        raise _refused(faults)
    known = command(invoked or "")
    if invoked is None or known is None:
        return {}
    shared = {key: value for key, value in written.items() if not isinstance(value, dict)}
    own = written.get(invoked)  # `db` is an option and a command
    return {invoked: _defaults(known, own if isinstance(own, dict) else {}, shared)}


def _refused(faults: list[Fault]) -> Failure:
    return Failure("\n".join(map(str, sorted(faults))), Exit.USAGE)


def _faults(written: Mapping[str, Any], command: Found) -> Iterator[tuple[str, str]]:
    """Key and what is wrong with it."""
    for key, value in written.items():
        if isinstance(value, dict):
            known = command(key)
            if known is None:
                yield key, "there is no such command"
            else:
                yield from _wrong(key, known, value)
        elif key not in SHARED:
            yield key, f"unknown; at the top may stand {', '.join(SHARED)}, other options in the table of their command"


def _wrong(at: str, command: click.Command, written: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    inner = command.commands if isinstance(command, click.Group) else None
    options = _options(command)
    for key, value in written.items():
        place = f"{at}.{key}"
        if inner is not None and key in inner and isinstance(value, dict):
            yield from _wrong(place, inner[key], value)
        elif inner is not None or key not in options:
            near = get_close_matches(key, inner or options, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            yield place, f"there is no such {'command' if inner is not None else 'option'}{hint}"
        else:
            yield from _ill_typed(place, options[key], value)


def _ill_typed(place: str, option: click.Parameter, value: object) -> Iterator[tuple[str, str]]:
    """Only what the value is, not what the file system says to it: that is asked when the command runs."""
    many = option.multiple if isinstance(option, click.Option) else option.nargs != 1
    if many != isinstance(value, list) and not isinstance(value, str):
        yield place, "here stands a list" if many else "here stands one value"
    elif not isinstance(option.type, click.Path):
        try:
            option.type_cast_value(click.Context(click.Command("config")), value)
        except click.BadParameter as why:
            yield place, why.message


def _options(command: click.Command) -> dict[str, click.Parameter]:
    """By their names on the command line."""
    return {option.removeprefix("--"): one for one in command.params for option in one.opts if len(option) > 2}


def _defaults(command: click.Command, written: Mapping[str, Any], shared: Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(command, click.Group):
        return {name: _defaults(one, written.get(name, {}), shared) for name, one in command.commands.items()}
    options = _options(command)
    own = {options[key].name or "": value for key, value in written.items()}
    return {**shared, **own}
