"""Numbers that prove themselves: each function says whether the check digits of one kind of number fit.

Every function takes the letters and digits alone, capitals, of any length, and never raises.
"""

from __future__ import annotations


def _mod97(digits: str) -> int:
    return int(digits) % 97 if digits.isascii() and digits.isdigit() and len(digits) < 100 else -1


def _weighed(digits: str, weights: tuple[int, ...]) -> int:
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False))


def luhn(digits: str) -> bool:
    """ISO/IEC 7812: every second digit from the right is doubled."""
    total = 0
    for at, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + at % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


_ISSUERS: tuple[tuple[str, int, int, tuple[int, ...]], ...] = (
    ("Visa", 4, 4, (13, 16, 19)),
    ("Mastercard", 51, 55, (16,)),
    ("Mastercard", 2221, 2720, (16,)),
    ("American Express", 34, 34, (15,)),
    ("American Express", 37, 37, (15,)),
    ("Discover", 6011, 6011, (16, 19)),
    ("Discover", 644, 649, (16, 19)),
    ("Discover", 65, 65, (16, 19)),
    ("JCB", 3528, 3589, (16,)),
    ("Diners Club", 300, 305, (14,)),
    ("Diners Club", 36, 36, (14,)),
    ("Diners Club", 38, 39, (14,)),
    ("UnionPay", 62, 62, (16, 17, 18, 19)),
    ("Maestro", 5018, 5018, (16, 17, 18, 19)),
    ("Maestro", 6759, 6763, (16, 17, 18, 19)),
)


def card_issuer(digits: str) -> str | None:
    """Who issued a card of this number; None where it can be nobody's."""
    if not luhn(digits):
        return None
    for name, low, high, lengths in _ISSUERS:
        if len(digits) in lengths and low <= int(digits[: len(str(low))]) <= high:
            return name
    return None


_LENGTHS = """
    AD:24 AE:23 AL:28 AT:20 AZ:28 BA:20 BE:16 BG:22 BH:22 BR:29 BY:28 CH:21 CR:22 CY:28 CZ:24 DE:22
    DK:18 DO:28 EE:20 EG:29 ES:24 FI:18 FO:18 FR:27 GB:22 GE:22 GI:23 GL:18 GR:27 GT:28 HR:21 HU:28
    IE:22 IL:23 IS:26 IT:27 JO:30 KW:30 KZ:20 LB:28 LI:21 LT:20 LU:20 LV:21 MC:27 MD:24 ME:22 MK:19
    MR:27 MT:31 MU:30 NL:18 NO:15 PK:24 PL:28 PS:29 PT:25 QA:29 RO:24 RS:22 SA:24 SE:24 SI:19 SK:24
    SM:27 TN:24 TR:26 UA:29 VA:22 XK:20
"""
_IBAN_LENGTHS = dict(pair.split(":") for pair in _LENGTHS.split())


def iban(number: str) -> bool:
    """ISO 13616: the length of its country, and 1 modulo 97 once the front stands behind and letters are numbers."""
    if str(len(number)) != _IBAN_LENGTHS.get(number[:2]) or not (number.isascii() and number.isalnum()):
        return False
    return _mod97("".join([str(int(char, 36)) for char in number[4:] + number[:4]])) == 1


_SAMPLES = {"078051120", "219099999", "123456789", "111111111", "123121234"}
"""Numbers of old advertisements, and those that people make up."""


def ssn(number: str) -> bool:
    """No check digit: what the Social Security Administration never gave out."""
    area, group, serial = number[:3], number[3:5], number[5:]
    return area not in ("000", "666") and area < "900" and group != "00" and serial != "0000" and number not in _SAMPLES


def nir(number: str) -> bool:
    """France: 97 less the remainder by 97. Corsica's 2A and 2B count as 19 and 18."""
    body = number[:13].replace("2A", "19").replace("2B", "18")
    return len(number) == 15 and body.isdigit() and number[13:].isdigit() and 97 - _mod97(body) == int(number[13:])


_ODD = dict(
    zip(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        [1, 0, 5, 7, 9, 13, 15, 17, 19, 21] * 2 + [2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23],
        strict=True,
    )
)


def codice_fiscale(number: str) -> bool:
    """Italy: characters in odd places by a table, in even places by their value, the sum as a letter."""
    if len(number) != 16 or not (number.isascii() and number.isalnum()):
        return False
    total = sum(
        _ODD[char] if at % 2 == 0 else int(char, 36) - (0 if char.isdigit() else 10)
        for at, char in enumerate(number[:15])
    )
    return chr(ord("A") + total % 26) == number[15]


def dni(number: str) -> bool:
    """Spain: the remainder by 23 as a letter. Of a NIE X, Y and Z stand for 0, 1 and 2."""
    body = number[:-1].translate(str.maketrans("XYZ", "012"))
    return body.isdigit() and len(body) == 8 and "TRWAGMYFPDXBNJZSQVHLCKE"[int(body) % 23] == number[-1]


def nif(number: str) -> bool:
    """Portugal: weights 9 to 2, eleven less the remainder, 0 where that has two digits."""
    rest = 11 - _weighed(number, (9, 8, 7, 6, 5, 4, 3, 2)) % 11
    return len(number) == 9 and int(number[8]) == (0 if rest > 9 else rest)


def cpf(number: str) -> bool:
    """Brazil: two check digits, each over all before it."""
    if len(set(number)) < 2:
        return False
    for size in (9, 10):
        rest = _weighed(number, tuple(range(size + 1, 1, -1))) * 10 % 11 % 10
        if int(number[size]) != rest:
            return False
    return True


def steuer_id(number: str) -> bool:
    """Germany: ISO 7064 modulo 11, 10; of the first ten digits exactly one stands twice or three times."""
    repeats = [number[:10].count(digit) for digit in set(number[:10])]
    if len(number) != 11 or max(repeats) not in (2, 3) or sum(count > 1 for count in repeats) != 1:
        return False
    product = 10
    for digit in number[:10]:
        product = ((int(digit) + product) % 10 or 10) * 2 % 11
    return (11 - product) % 10 == int(number[10])


def eleven_proof(number: str) -> bool:
    """The Netherlands: weights 9 to 2 and minus 1."""
    return _weighed(number, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0 and int(number) > 0


def pesel(number: str) -> bool:
    """Poland: weights 1, 3, 7, 9; the month tells the century."""
    month = int(number[2:4]) % 20
    return 1 <= month <= 12 and _weighed(number, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)) % 10 == 0


def ean13(number: str) -> bool:
    """Switzerland, and every bar code: weights 1 and 3."""
    return len(number) == 13 and _weighed(number, (1, 3) * 6 + (1,)) % 10 == 0
