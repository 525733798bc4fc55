"""From the bytes of one finished piece of an XMPP stream to an element tree, and what is asked of trees.

A stanza is not a document: the name spaces it uses may be declared on the stream's header. `Scope` is what one side's
last header declared, on top of what everybody declares, since the header may not be in the capture.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser
from xml.parsers import expat

from imsniff.base.limits import MAX_NAME, MAX_XML_DEPTH, MAX_XML_ELEMENTS
from imsniff.dissect.cursor import Malformed
from imsniff.dissect.memo import memoised

STREAMS: Final = frozenset({"http://etherx.jabber.org/streams", "http://www.jabber.com/streams/flash"})
"""The root's name space; the second is what jabberd 1.4 used towards Flash."""
STANZAS: Final = frozenset(
    {
        "jabber:client",
        "jabber:server",
        "jabber:component:accept",
        "jabber:component:connect",
        "http://jabber.org/protocol/httpbind",  # stanzas of BOSH clients that forget to declare theirs
        "",
    }
)
DECLARED: Final = {
    b"xmlns": b"'jabber:client'",
    b"xmlns:stream": b"'http://etherx.jabber.org/streams'",
    b"xmlns:db": b"'jabber:server:dialback'",
    b"xmlns:ga": b"'http://www.google.com/talk/protocol/auth'",
    b"xmlns:xmpp": b"'urn:xmpp:xbosh'",
}
DECLARATION: Final = re.compile(rb"(?<=\s)(xmlns(?::[^\s=<>\"'/:]{1,64})?+)\s*+=\s*+(\"[^\"<]*+\"|'[^'<]*+')")
PREFIX: Final = re.compile(rb"[<\s/]([A-Za-z_][\w.-]{0,63}):[A-Za-z_]")
CONTROLS: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
MAX_PREFIXES: Final = 32
MAX_PARSED: Final = 256
"""Elements after which a parser is replaced: it remembers every name it ever met."""
MAX_PARSERS: Final = 16
"""Parsers kept, about 20 KB each. Nearly all streams declare one of a few sets of name spaces."""


class Parser:
    """Parses elements, one after the other, inside a root that declares name spaces. Shared by all streams that declare
    the same, since between two elements nothing of the first is left. Throw it away after an error."""

    __slots__ = ("_root", "_xml", "left")

    def __init__(self, declared: bytes) -> None:
        self.left = MAX_PARSED
        """Elements it may yet take."""
        builder = TreeBuilder()
        outer = builder.start("r", {})
        self._xml = XMLParser(target=builder)
        self._xml.feed(b"<r " + declared + b">")
        self._root = outer[0]

    def parse(self, raw: bytes) -> Element:
        """Raises ParseError, or Malformed where that was not one whole element."""
        self.left -= 1 + len(raw) // 4096
        self._xml.feed(raw + b"<r/>")  # would be inside of what is not closed
        if len(self._root) != 2:
            raise Malformed("not one whole element")
        element = self._root[0]
        self._root.clear()
        return element


_parsers: dict[bytes, Parser] = {}
"""By what they declare."""


def _parse(declared: bytes, raw: bytes) -> Element:
    """As `Parser.parse`."""
    parser = _parsers.get(declared)
    if parser is None or parser.left <= 0:
        _parsers.pop(declared, None)
        if len(_parsers) >= MAX_PARSERS:
            del _parsers[next(iter(_parsers))]
        parser = _parsers[declared] = Parser(declared)
    try:
        return parser.parse(raw)
    except BaseException:
        del _parsers[declared]
        raise


class Scope:
    """The name spaces in force on one side."""

    __slots__ = ("_declared", "_written")

    def __init__(self) -> None:
        self._declared = DECLARED
        self._written = _DECLARED

    def header(self, raw: bytes) -> None:
        """A stream header: its declarations hold for what follows."""
        self._declared = DECLARED | dict(DECLARATION.findall(raw)[:MAX_PREFIXES])
        self._written = _written(self._declared)

    @property
    def content(self) -> str:
        """The default name space, which says what kind of stream it is."""
        return self._declared[b"xmlns"][1:-1].decode("latin-1")

    def tree(self, raw: bytes) -> Element:
        """Parse one element. Raises Malformed.

        A second try is made on what real clients got wrong: text in another encoding than UTF-8, control characters,
        prefixes whose declaration we did not see."""
        marks = raw.count(b"<")
        if marks > 2 * MAX_XML_ELEMENTS:
            raise Malformed("too many elements")
        try:
            element = _parse(self._written, raw)
        except ParseError as why:
            element = self._mended(raw, why)
        if marks > 2 * MAX_XML_DEPTH and _depth(element) > MAX_XML_DEPTH:
            raise Malformed("elements nested too deep")
        return element

    def _mended(self, raw: bytes, why: ParseError) -> Element:
        mended = CONTROLS.sub("\ufffd", raw.decode("utf-8", "replace")).encode()
        unknown = {
            b"xmlns:" + prefix: b"'urn:undeclared:" + prefix + b"'"
            for prefix in set(PREFIX.findall(raw)[:MAX_PREFIXES]) - {b"xml", b"xmlns"}
            if b"xmlns:" + prefix not in self._declared
        }
        if mended == raw and not unknown:
            raise _malformed(why) from None
        try:
            return Parser(_written(self._declared | unknown)).parse(mended)
        except ParseError as still:
            raise _malformed(still) from None


def _written(declared: dict[bytes, bytes]) -> bytes:
    return b" ".join(name + b"=" + value for name, value in declared.items())


_DECLARED = _written(DECLARED)


def _depth(element: Element) -> int:
    depth, level = 0, [element]
    while level:
        depth += 1
        level = [inner for outer in level for inner in outer]
    return depth


def _malformed(why: ParseError) -> Malformed:
    return Malformed(f"not well-formed XML: {expat.ErrorString(why.code)}")


@memoised
def split(tag: str) -> tuple[str, str]:
    """Name space and local name of a tag as the parser writes it, `{space}name`."""
    space, _, name = tag.rpartition("}")
    return space[1:], name


def local(element: Element) -> str:
    return split(element.tag)[1]


def space(element: Element) -> str:
    return split(element.tag)[0]


def child(element: Element, name: str) -> Element | None:
    """The first child of that local name, whatever its name space."""
    return next((inner for inner in element if local(inner) == name), None)


def children(element: Element, name: str) -> Iterator[Element]:
    return (inner for inner in element if local(inner) == name)


def said(element: Element | None) -> str | None:
    """An element's own text without the blanks around it; None where there is none."""
    return None if element is None else ((element.text or "").strip() or None)


def child_text(element: Element, name: str) -> str | None:
    return said(child(element, name))


@memoised
def bare(jid: str) -> str:
    """`node@domain` of `node@domain/resource`."""
    return jid.partition("/")[0].strip()[:MAX_NAME]


def domain(jid: str) -> str:
    return bare(jid).rpartition("@")[2]


def shown(element: Element, names: tuple[str, ...]) -> str:
    """An element's start tag with the named attributes only: evidence without secrets."""
    listed = "".join(f" {name}='{value}'" for name in names if (value := element.get(name)))
    return f"<{local(element)}{listed}>"
