"""Characters that look alike: a name's skeleton is what a hurried reader sees of it.

Two names with one skeleton can be taken for one another. The table holds what is met in names: letters of other
scripts with the shape of a Latin one, digits and signs that stand for letters. (Unicode's own table, UTS 39, knows
six thousand pairs, most of them of scripts in which nobody here writes.)
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from imsniff.base.limits import MAX_CACHED, MAX_COMPARED

_ALIKE = {
    "a": "аɑαạ@4",
    "b": "Ьƅв",
    "c": "сϲⅽ",
    "d": "ԁⅾ",
    "e": "еҽє3",
    "g": "ɡց",
    "h": "һհ",
    "i": "іıɩιӏ1l|!ⅰⅼІ",
    "j": "јʝ",
    "k": "кκ",
    "m": "мⅿ",
    "n": "ոпη",
    "o": "оοօσ0ө",
    "p": "рρ",
    "q": "ԛզ",
    "r": "гᴦ",
    "s": "ѕꜱ5$",
    "t": "тτ7",
    "u": "υսцʋ",
    "v": "ѵνⅴ",
    "w": "ԝѡա",
    "x": "хχⅹ×",
    "y": "уүγʏ",
    "z": "ᴢ2",
}
_TABLE = str.maketrans({look: letter for letter, looks in _ALIKE.items() for look in looks})
_PAIRS = (("rn", "m"), ("vv", "w"), ("cl", "d"))
_SCRIPTS = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN")
"""Those of which letters are mixed to deceive."""


@lru_cache(maxsize=MAX_CACHED)
def skeleton(name: str) -> str:
    """What is left of a name when what looks alike is written alike."""
    apart = unicodedata.normalize("NFKD", name[:MAX_COMPARED])
    plain = "".join([char for char in apart if unicodedata.category(char) not in ("Mn", "Cf")]).casefold()
    plain = plain.translate(_TABLE)
    for pair, letter in _PAIRS:
        plain = plain.replace(pair, letter)
    return plain.replace("l", "i")


@lru_cache(maxsize=MAX_CACHED)
def mixed_scripts(word: str) -> bool:
    """Whether letters of two scripts that look alike stand in one word."""
    if word.isascii():
        return False
    found = {unicodedata.name(char, "").partition(" ")[0] for char in word[:MAX_COMPARED] if char.isalpha()}
    return len(found.intersection(_SCRIPTS)) > 1


def one_apart(one: str, other: str) -> bool:
    """Whether one insertion, deletion, exchange of a character or swap of two neighbours makes one of the other."""
    if one == other or abs(len(one) - len(other)) > 1:
        return False
    short, long = sorted((one, other), key=len)
    at = next((at for at, pair in enumerate(zip(short, long, strict=False)) if pair[0] != pair[1]), len(short))
    if len(short) < len(long):
        return short[at:] == long[at + 1 :]
    swapped = short[at : at + 2][::-1] == long[at : at + 2]
    return short[at + 1 :] == long[at + 1 :] or (swapped and short[at + 2 :] == long[at + 2 :])
