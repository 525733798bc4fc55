"""`imsniff doctor`: what works in this installation and what does not."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import click

from imsniff import PROGRAM
from imsniff.cli.options import database, db_option, signatures_option


class Said(NamedTuple):
    """The outcome of one check."""

    good: bool
    text: str


@click.command(
    epilog="""\b
Examples:
  imsniff doctor
  imsniff doctor --db postgresql://sensor@db.example.org/imsniff
""",
)
@db_option
@signatures_option
def command(db: str | None, signatures: Path | None) -> None:
    """Check this installation: what works here and what does not.

    Changes nothing, and needs no rights. What is missing is said with what to do about it.
    """
    from imsniff.report.tabular import table

    checks: dict[str, Callable[[], Said]] = {
        "program": _program,
        "gate": _gate,
        "pattern engine": _engine,
        "signatures": lambda: _signatures(signatures),
        "database": lambda: _database(database(db)),
        "live capture": _capture_rights,
        "libpcap": _libpcap,
        "PDF reports": lambda: _module("weasyprint", "pip install 'imsniff[pdf]'"),
        "PostgreSQL": lambda: _module("psycopg", "pip install 'imsniff[postgresql]'"),
    }
    table(["Part", "State", "What"], list(_rows(checks)))


def _rows(checks: dict[str, Callable[[], Said]]) -> Iterator[tuple[str, str, str]]:
    for name, check in checks.items():
        try:
            said = check()
        except Exception as why:  # whatever it is, it is what the operator wants to know
            said = Said(False, f"{type(why).__name__}: {why}")
        yield name, "ok" if said.good else "no", said.text


def _program() -> Said:
    return Said(True, f"{PROGRAM}, Python {sys.version.split()[0]} on {sys.platform}")


def _gate() -> Said:
    from importlib.util import find_spec

    if find_spec("imsniff.net._gate") is not None:
        return Said(True, "compiled")
    return Said(
        False, "not compiled: captures are read by Python, several times slower; install with a C compiler present"
    )


def _engine() -> Said:
    try:
        import hyperscan
    except ImportError:
        return Said(False, "hyperscan is not installed: `re` is used, with the same results and slower")
    return Said(True, f"hyperscan {getattr(hyperscan, '__version__', '')}".strip())


def _signatures(directory: Path | None) -> Said:
    from imsniff.rules import loader

    found = loader.load(directory)
    return Said(True, f"{len(found.payload)} rules, {len(found.services.all)} services, {found.sha256[:16]}")


def _database(where: str) -> Said:
    from imsniff.store.errors import StoreError
    from imsniff.store.health import counts
    from imsniff.store.opening import open_for_reading

    try:
        with open_for_reading(where) as store:
            count = counts(store)
            return Said(True, f"{store.name}: {count['session']} sessions, {count['finding']} findings")
    except StoreError as why:
        return Said("there is none here" in str(why), str(why))


def _capture_rights() -> Said:
    import socket

    if not hasattr(socket, "AF_PACKET"):
        return Said(False, "packet sockets are Linux only; captures can be analysed everywhere")
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close()
    except PermissionError:
        return Said(False, "no right to capture: run as root with -Z USER; captures can be analysed without")
    return Said(True, "packet sockets may be opened")


def _libpcap() -> Said:
    from ctypes.util import find_library

    found = find_library("pcap")
    return Said(
        found is not None, found or "not found: needed for live capture outside Linux, and for BPF filters there"
    )


def _module(name: str, remedy: str) -> Said:
    from importlib.util import find_spec

    return Said(True, name) if find_spec(name) else Said(False, f"{name} is not installed: {remedy}")
