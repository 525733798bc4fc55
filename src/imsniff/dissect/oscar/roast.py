"""Roasting: AOL's way to make a password unreadable for the casual eye, by XOR with a fixed table, repeated.

Whoever has the table has the password, so every roasted password is reversible. Which table a client used is not said;
the wrong one gives control characters, the right one text.

Reference: open-oscar-server wire/user.go.
"""

from __future__ import annotations

from itertools import cycle

from imsniff.dissect.oscar.markup import loose

OSCAR = bytes.fromhex("f32681c43986db9271a3b9e6537a957c")
JAVA = bytes.fromhex("f3b36c99953facb6c5fa6b63696cc39a")
KERBEROS = bytes.fromhex("7691c5e7d0d995dd9e2fead86b21c2bc")
TOC = b"Tic/Toc"


def xor(data: bytes, table: bytes) -> bytes:
    return bytes(byte ^ key for byte, key in zip(data, cycle(table), strict=False))


def unroast(data: bytes, table: bytes | None = None) -> str:
    """The password; with no table given, by the one that makes text of it, the usual one first."""
    if table is not None:
        return loose(xor(data, table))
    guesses = [xor(data, guess) for guess in (OSCAR, JAVA, KERBEROS, TOC)]
    return next((text for text in map(loose, guesses) if text.isprintable() and text.isascii()), loose(guesses[0]))
