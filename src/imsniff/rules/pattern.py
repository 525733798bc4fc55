r"""The pattern language of the rules: what Hyperscan and Python's `re` understand alike, and nothing more.

    pattern     = branch *("|" branch) ["$"]                after an optional (?i), (?s) or (?is)
    branch      = ["^"] *(atom [ "*" | "+" | "?" | "{m}" | "{m,}" | "{m,n}" ] ["?"])
                  "^": the first byte looked at; only where nothing stands before it, as in (?:^|\n)
    atom        = printable ASCII | "." | class | escape | "(" branches ")" | "(?:" branches ")"
    escape      = \xHH \n \r \t \f \d \D \s \S \w \W, or a backslash before punctuation
    hex         = bytes as "2A", any byte "??", any low half "4?", one of several "[01|02]" or "[01-05]"

Left out on purpose: look-around, back-references, possessive repeats, `\b`, `\A`, `\Z`, `\v` (which means one byte to
one engine and a class of bytes to the other), POSIX classes, and endless repeats inside endless repeats, which cost
`re` exponential time. `.` is any byte but the line feed. Bytes above 7F are written `\xHH`; case means ASCII case.
"""

from __future__ import annotations

import re
from functools import reduce
from typing import NamedTuple

from imsniff.base.limits import MAX_RULE_EXPANDED, MAX_RULE_PATTERN, MAX_RULE_REPEAT
from imsniff.rules.head import LONGEST, NOTHING, Head, of_byte


class BadPattern(ValueError):
    """The author of the rule is told what and where."""


class Expression(NamedTuple):
    """A pattern ready to be anchored: `^(?:text)` and `text` mean what the rule's `anchor` says."""

    text: str
    caseless: bool = False
    dotall: bool = False
    to_end: bool = False
    """Whether it ends with `$`: only a datagram has an end."""
    shortest: int = 0
    """Bytes of the shortest match."""
    head: Head = NOTHING
    """Which bytes it can begin with."""
    begun: str = ""
    """What all data of LONGEST bytes or more match that match the pattern or may yet, when more comes. Only `re` knows
    this language: data end where `\\Z` does."""


class _Shape(NamedTuple):
    """What is known of a part: bytes of its shortest match, positions when written out, whether it may be endless."""

    shortest: int
    expanded: int
    endless: bool
    head: Head
    open: str
    """The same part where the data may end within it."""
    begun: str
    """The same for a part at the front, where the data reach over what is within LONGEST bytes."""


_NOTHING = _Shape(0, 0, False, NOTHING, "", "")
_FLAGS = re.compile(r"\(\?(i|s|is|si)\)")
_REPEAT = re.compile(r"\{(\d{1,5})(,(\d{0,5}))?\}")
_HEX_DIGITS = re.compile(r"[0-9A-Fa-f]{2}")
_INNER_FRONT = re.compile(r"[(|:]\^")
"""`^` within a group, perhaps: to `re` it means the front of a slab, not of what is looked at."""
_REST = "(?s:.*)"
_CLASS_ESCAPES = "nrtfdDsSwW"
_SPECIAL = "^$*+?{"


class _Parser:
    """Reads a pattern once, front to back."""

    def __init__(self, text: str, flags: str) -> None:
        self.text = text
        self.at = 0
        self.caseless = "i" in flags
        self.dotall = "s" in flags

    def fault(self, why: str) -> BadPattern:
        return BadPattern(f"{why}, at character {self.at + 1} of the pattern")

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def take(self, wanted: str) -> bool:
        if self.text.startswith(wanted, self.at):
            self.at += len(wanted)
            return True
        return False

    def branches(self, depth: int = 0, *, front: bool = True) -> _Shape:
        """`front`: nothing that takes a byte can stand before this part."""
        if depth > 10:
            raise self.fault("groups nested more than ten deep")
        found = [self.branch(depth, front=front)]
        while self.take("|"):
            found.append(self.branch(depth, front=front))
        shortest, expanded, endless, heads, opened, begun = zip(*found, strict=True)
        head = reduce(Head.either, heads)
        return _Shape(min(shortest), sum(expanded), any(endless), head, "|".join(opened), "|".join(begun))

    def branch(self, depth: int, *, front: bool) -> _Shape:
        whole = _NOTHING
        if front:
            self.take("^")
        while self.peek() not in ("", "|", ")"):
            if self.peek() == "$" and self.at == len(self.text) - 1 and depth == 0:
                break
            began = self.at
            part = self.repeated(self.atom(depth, front=front))
            front = False
            text, opened, begun = self.text[began : self.at], whole.open, whole.begun
            if whole.shortest < LONGEST:
                within = max(whole.head.lengths) + max(part.head.lengths) < LONGEST
                opened += part.open
                if within and not _INNER_FRONT.search(text):
                    begun += text
                else:
                    begun += part.open if max(whole.head.lengths) else part.begun
                if whole.shortest + part.shortest >= LONGEST:  # enough was seen, whatever follows
                    opened, begun = opened + _REST, begun + _REST
            whole = _Shape(
                whole.shortest + part.shortest,
                whole.expanded + part.expanded,
                whole.endless or part.endless,
                whole.head.then(part.head),
                opened,
                begun,
            )
        return whole

    def atom(self, depth: int, *, front: bool) -> _Shape:
        char, began = self.peek(), self.at
        if char == "(":
            return self.group(depth, front=front)
        if char == "[":
            self.byte_class()
        elif char == "\\":
            self.escape()
        elif char == "^":
            raise self.fault("`^` is only allowed where nothing stands before it")
        elif char == "$":
            raise self.fault("`$` is only allowed as the last character")
        elif char in _SPECIAL:
            raise self.fault(f"`{char}` repeats nothing; a literal one is written \\{char}")
        else:
            self.at += 1
        text = self.text[began : self.at]
        head = of_byte(text, caseless=self.caseless, dotall=self.dotall)
        return _Shape(1, 1, False, head, rf"(?:{text}|\Z)", text)

    def group(self, depth: int, *, front: bool) -> _Shape:
        if not self.take("(?:"):
            if self.text.startswith(("(?=", "(?!", "(?<=", "(?<!"), self.at):
                raise self.fault("look-around is not in the common language")
            if self.text.startswith("(?", self.at):
                raise self.fault("of the (?...) groups only (?:...) is in the common language")
            self.at += 1
        inside = self.branches(depth + 1, front=front)
        if not self.take(")"):
            raise self.fault("a `)` is missing")
        return inside._replace(open=f"(?:{inside.open})", begun=f"(?:{inside.begun})")

    def escape(self, *, in_class: bool = False) -> None:
        self.at += 1
        char = self.peek()
        if not char:
            raise self.fault("a backslash with nothing behind it")
        if char == "x":
            if not _HEX_DIGITS.match(self.text, self.at + 1):
                raise self.fault("\\x needs two hex digits")
            self.at += 3
        elif char in _CLASS_ESCAPES or not (char.isalnum() or char == " "):
            self.at += 1
        elif char.isdigit() and not in_class:
            raise self.fault("back-references are not in the common language; a byte is written \\xHH")
        else:
            raise self.fault(f"\\{char} does not mean the same to both engines")

    def byte_class(self) -> None:
        self.at += 1
        self.take("^")
        if self.peek() == "]":
            raise self.fault("a class is empty, or its first `]` wants a backslash")
        while not self.take("]"):
            char = self.peek()
            if not char:
                raise self.fault("a `]` is missing")
            if char == "\\":
                self.escape(in_class=True)
            elif char == "[":
                raise self.fault("`[` inside a class wants a backslash")
            elif self.text[self.at : self.at + 2] in ("--", "&&", "||", "~~"):
                raise self.fault(f"`{char}{char}` inside a class wants backslashes")
            else:
                self.at += 1

    def repeated(self, part: _Shape) -> _Shape:
        began = self.at
        if self.take("*"):
            low, high = 0, None
        elif self.take("+"):
            low, high = 1, None
        elif self.take("?"):
            low, high = 0, 1
        elif self.peek() == "{":
            found = _REPEAT.match(self.text, self.at)
            if not found:
                raise self.fault("a repeat is written {m}, {m,} or {m,n}; a literal brace wants a backslash")
            low = int(found[1])
            high = low if found[2] is None else int(found[3]) if found[3] else None
            if max(low, high or 0) > MAX_RULE_REPEAT:
                raise self.fault(f"a repeat of more than {MAX_RULE_REPEAT}")
            if high == 0:
                raise self.fault("a repeat of no times")
            if high is not None and high < low:
                raise self.fault("a repeat whose end is below its beginning")
            self.at = found.end()
        else:
            return part
        self.take("?")
        if self.peek() in ("*", "+", "?", "{"):
            raise self.fault("a repeat of a repeat")
        if (high is None or high > 1) and part.shortest == 0:
            raise self.fault("a repeat of something that may be empty")
        if high is None and part.endless:
            raise self.fault("an endless repeat inside an endless repeat")
        times = max(low, 1) if high is None else high
        head = part.head.times(low, high)
        opened = part.open + self.text[began : self.at]
        return _Shape(part.shortest * low, part.expanded * times, part.endless or high is None, head, opened, opened)


def from_pattern(pattern: str) -> Expression:
    """Check a `pattern`. Raises BadPattern."""
    if len(pattern) > MAX_RULE_PATTERN:
        raise BadPattern(f"longer than {MAX_RULE_PATTERN} characters")
    if not (pattern.isascii() and pattern.isprintable()):
        raise BadPattern("not printable ASCII: other bytes are written \\xHH")
    flags = _FLAGS.match(pattern)
    text = pattern[flags.end() :] if flags else pattern
    letters = flags[1] if flags else ""
    parser = _Parser(text, letters)
    try:
        shape = parser.branches()
    except re.error as why:  # what slips through the grammar: a range backwards
        raise BadPattern(str(why)) from None
    to_end = parser.peek() == "$"
    if parser.peek() == ")":
        raise parser.fault("a `)` without its `(`")
    if not shape.shortest:
        raise BadPattern("matches the empty string")
    if shape.expanded > MAX_RULE_EXPANDED:
        raise BadPattern(f"its bounded repeats, written out, make more than {MAX_RULE_EXPANDED} positions")
    begun = f"(?{letters}:{shape.begun})" if letters else shape.begun
    return Expression(parser.text, parser.caseless, parser.dotall, to_end, shape.shortest, shape.head, begun)


_HEX_TOKEN = re.compile(r"\s*(\?\?|[0-9A-Fa-f](?:[0-9A-Fa-f]|\?)|\[[0-9A-Fa-f|\s-]+\])")
_HEX_CHOICE = re.compile(r"\s*([0-9A-Fa-f]{2})(?:-([0-9A-Fa-f]{2}))?\s*")


def from_hex(text: str) -> Expression:
    """Turn a `hex` rule into an expression. Raises BadPattern."""
    out = []
    at, end = 0, len(text.rstrip())
    while at < end:
        token = _HEX_TOKEN.match(text, at)
        if not token:
            raise BadPattern(f"not a byte at character {at + 1}: {text[at : at + 8].strip()!r}")
        out.append(_hex_byte(token[1]))
        at = token.end()
    if len(text) > MAX_RULE_PATTERN:
        raise BadPattern(f"longer than {MAX_RULE_PATTERN} characters")
    while out and out[-1] == _ANY:
        out.pop()
    if not out:
        raise BadPattern("no byte that must be there")
    heads = [of_byte(byte, caseless=False, dotall=False) for byte in out]
    return Expression("".join(out), shortest=len(out), head=reduce(Head.then, heads), begun="".join(out[:LONGEST]))


_ANY = r"[\x00-\xff]"


def _hex_byte(token: str) -> str:
    if token == "??":
        return _ANY
    if token[1] == "?":
        return rf"[\x{token[0]}0-\x{token[0]}f]"
    if token[0] != "[":
        return rf"\x{token}"
    ranges = []
    for choice in token[1:-1].split("|"):
        found = _HEX_CHOICE.fullmatch(choice)
        if not found or (found[2] and found[2].lower() < found[1].lower()):
            raise BadPattern(f"not a choice of bytes: {token}")
        ranges.append(rf"\x{found[1]}" + (rf"-\x{found[2]}" if found[2] else ""))
    return f"[{''.join(ranges)}]"


def literal_hex(text: str) -> bytes:
    """The bytes of an `example_hex` or `not_hex`. Raises BadPattern."""
    try:
        return bytes.fromhex(text)
    except ValueError as why:
        raise BadPattern(str(why)) from None
