"""Beginnings of words without which a pattern of a lexicon fits nothing: most texts have none, and are done with.

A stem is the first four characters of a word, its closing blank among them. The stems of a pattern are read from the
pattern itself, as scanners find the literal that they look for before they try an expression: every match goes through
each blank of a sequence, and what may stand behind that blank are a few stems.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from imsniff.base.limits import MAX_STEMS

_LENGTH = 4
_TOKEN = re.compile(
    r"[a-z0-9]+(?=[a-z0-9][*+?{])|[a-z0-9]+(?![*+?{])"  # literal characters that no repeat concerns
    r"|\(\?:|[(|)]|\[(?:\\.|[^\]\\])*\]|\\.|[*+?]\??|\{[\d,]+\}\??|.",
    re.DOTALL,
)
_UNKNOWN = "\0"
"""Stands where a text may go on in more ways than are listed."""


class _Part(NamedTuple):
    """What is known of a part of a pattern."""

    heads: frozenset[str]
    """The first characters of what it matches, at least as many as a stem has; shorter ones are all of it."""
    stems: tuple[frozenset[str], ...] = ()
    """Of each of these sets, one stands within all that it matches."""


_ANY = _Part(frozenset(_UNKNOWN))
_BLANK = _Part(frozenset(" "))


def stems_of(words: Iterable[str]) -> set[str]:
    """Of the words of a text."""
    return {f"{word} "[:_LENGTH] for word in words}


Stems = frozenset[str]


def required_stems(pattern: str) -> list[tuple[Stems, ...]]:
    """By branch of a pattern (as `rules.pattern` allows them): of each of its sets, one stands in every text that
    ` (?:branch) ` fits."""
    branches = _branches(iter([*_TOKEN.findall(pattern), ")"]))
    return [_in_sequence([_BLANK, *branch, _BLANK]).stems for branch in branches]


def _branches(tokens: Iterator[str]) -> list[list[_Part]]:
    """Up to the bracket that closes them."""
    found: list[list[_Part]] = [[]]
    for token in tokens:
        if token == ")":
            break
        if token == "|":
            found.append([])
        elif token in ("(", "(?:"):
            found[-1].append(_group(_branches(tokens)))
        elif token[0] in "*+?{":
            found[-1].append(_repeated(found[-1].pop(), token))
        else:
            classed = token[0] in "[." or (token[0] == "\\" and token[1].isalnum())
            found[-1].append(_ANY if classed else _literal(token.removeprefix("\\")))
    return found


def _group(branches: list[list[_Part]]) -> _Part:
    parts = [_in_sequence(branch) for branch in branches]
    if len(parts) == 1:
        return parts[0]
    fewest = [part.stems[0] for part in parts if part.stems]
    together = (frozenset().union(*fewest),) if len(fewest) == len(parts) else ()
    return _Part(_listed(part.heads for part in parts), together)


@lru_cache(maxsize=MAX_STEMS)
def _literal(text: str) -> _Part:
    return _Part(frozenset([text]))


def _listed(heads: Iterable[frozenset[str]]) -> frozenset[str]:
    every = frozenset().union(*heads)
    return every if len(every) <= MAX_STEMS else _ANY.heads


def _repeated(part: _Part, token: str) -> _Part:
    """`?`, `*`, `+` and `{m,n}`: what is shorter than a stem may be followed by itself."""
    once = token.startswith("?")
    heads = part.heads if once else frozenset(head.ljust(_LENGTH, _UNKNOWN) for head in part.heads)
    if token.startswith(("+", "{1", "{2", "{3")):
        return _Part(heads, part.stems)
    return _Part(heads | {""})


def _then(heads: frozenset[str], part: _Part) -> frozenset[str]:
    short = {head for head in heads if len(head) < _LENGTH and not head.endswith(_UNKNOWN)}
    return _listed([heads - short, frozenset((head + more)[:_LENGTH] for head in short for more in part.heads)])


def _in_sequence(sequence: Sequence[_Part]) -> _Part:
    found = {stems for part in sequence for stems in part.stems}
    for number, part in enumerate(sequence, 1):
        if part.heads == _BLANK.heads and (stems := _stems(_heads(sequence[number:]))):
            found.add(stems)
    return _Part(_heads(sequence), tuple(sorted(found, key=len)))


def _heads(sequence: Sequence[_Part]) -> frozenset[str]:
    heads = frozenset([""])
    for part in sequence:
        if all(len(head) >= _LENGTH or head.endswith(_UNKNOWN) for head in heads):
            break
        heads = _then(heads, part)
    return heads


def _stems(heads: frozenset[str]) -> frozenset[str] | None:
    """What stands behind a blank, up to the next; None where one is not whole."""
    stems = frozenset(head[: head.find(" ") + 1] if " " in head else head for head in heads)
    whole = all(_UNKNOWN not in stem and stem.strip() and (len(stem) == _LENGTH or stem[-1] == " ") for stem in stems)
    return stems if whole else None
