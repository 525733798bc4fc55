"""Which flows are asked for: the part of BPF's language that makes sense for flows.

    tcp, udp, ip, ip6, host ADDRESS, net ADDRESS/LENGTH, port N, portrange N-M, and, or, not, (...)

`src` and `dst` are refused: a flow has both directions. As in pcap-filter(7), `not` binds closest, `and` and `or` alike
from left to right, and a bare value repeats the last word: `port 5190 or 5222`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from typing import NamedTuple

from imsniff.base.limits import MAX_FILTER


class FilterError(ValueError):
    """Not a filter; the message says where and why."""


class Ends(NamedTuple):
    """What a filter looks at: both ends of a flow."""

    transport: str
    """`tcp` or `udp`."""
    ips: tuple[bytes, bytes]
    """4 or 16 bytes each, network order."""
    ports: tuple[int, int]


Test = Callable[[Ends], bool]
_WORD = re.compile(r"\s*(\(|\)|&&|\|\||!|[^\s()!&|]+)")
_SAME = {"&&": "and", "||": "or", "!": "not"}
_DIRECTIONS = {"src", "dst", "ether", "gateway", "vlan", "proto"}


class Filter:
    """A parsed filter. Made again from its text in another process."""

    def __init__(self, text: str, test: Test) -> None:
        self.text = text
        self._test = test

    def __reduce__(self) -> tuple[Callable[[str], Filter], tuple[str]]:
        return Filter.parse, (self.text,)

    @classmethod
    def parse(cls, text: str) -> Filter:
        """Raises FilterError."""
        if len(text) > MAX_FILTER:
            raise FilterError(f"longer than {MAX_FILTER} characters")
        return cls(text, _Parser(text).whole())

    def passes(self, ends: Ends) -> bool:
        return self._test(ends)


def _host(value: str) -> Test:
    wanted = ip_address(value).packed
    return lambda ends: wanted in ends.ips


def _net(value: str) -> Test:
    network = ip_network(value, strict=False)
    size, shift = network.max_prefixlen // 8, network.max_prefixlen - network.prefixlen
    prefix = int(network.network_address) >> shift
    return lambda ends: any(len(ip) == size and int.from_bytes(ip, "big") >> shift == prefix for ip in ends.ips)


def _number(value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) <= 5) or int(value) > 65_535:
        raise ValueError(f"{value!r} is no port")
    return int(value)


def _port(value: str) -> Test:
    wanted = _number(value)
    return lambda ends: wanted in ends.ports


def _portrange(value: str) -> Test:
    low, _, high = value.partition("-")
    first, last = _number(low), _number(high)
    return lambda ends: any(first <= port <= last for port in ends.ports)


_ATOMS: dict[str, Test] = {
    "tcp": lambda ends: ends.transport == "tcp",
    "udp": lambda ends: ends.transport == "udp",
    "ip": lambda ends: len(ends.ips[0]) == 4,
    "ip6": lambda ends: len(ends.ips[0]) == 16,
}
_VALUED: dict[str, Callable[[str], Test]] = {"host": _host, "net": _net, "port": _port, "portrange": _portrange}


class _Parser:
    """Recursive descent; MAX_FILTER bounds its depth."""

    def __init__(self, text: str) -> None:
        words = [_SAME.get(word, word) for word in _WORD.findall(text)]
        self._words = words[::-1]
        self._last = ""
        """The word that a bare value repeats."""

    def whole(self) -> Test:
        test = self._terms()
        if self._words:
            raise FilterError(f"{self._words[-1]!r} is one too many")
        return test

    def _terms(self) -> Test:
        test = self._term()
        while self._words and self._words[-1] in ("and", "or"):
            word = self._words.pop()
            test = _joined(word, test, self._term())
        return test

    def _term(self) -> Test:
        if not self._words:
            raise FilterError("something is missing at its end")
        word = self._words.pop()
        if word == "not":
            inner = self._term()
            return lambda ends: not inner(ends)
        if word == "(":
            inner = self._terms()
            if not self._words or self._words.pop() != ")":
                raise FilterError("a bracket is not closed")
            return inner
        if word in _ATOMS:
            return self._narrowed(_ATOMS[word])
        if word in _DIRECTIONS:
            raise FilterError(f"{word!r} is not known here: filters are about flows, which have both directions")
        if word in _VALUED:
            self._last = word
            if not self._words:
                raise FilterError(f"{word!r} needs a value")
            word = self._words.pop()
        elif not self._last:
            raise FilterError(f"{word!r} is not understood; there are {', '.join([*_ATOMS, *_VALUED])}, and, or, not")
        try:
            return _VALUED[self._last](word)
        except ValueError as why:
            raise FilterError(f"after {self._last!r}: {why}") from None

    def _narrowed(self, test: Test) -> Test:
        """`tcp port 5190` means both."""
        if self._words and (self._words[-1] in _VALUED):
            return _joined("and", test, self._term())
        return test


def _joined(word: str, one: Test, other: Test) -> Test:
    if word == "and":
        return lambda ends: one(ends) and other(ends)
    return lambda ends: one(ends) or other(ends)
