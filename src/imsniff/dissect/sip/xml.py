"""A small safe XML reader: one bounded document into a light tree.

What it refuses is what makes XML dangerous: a DOCTYPE (entities, external subsets), nesting deeper than
MAX_XML_DEPTH, a document above `limit`. Names are local: real clients declare, mistype and omit name spaces, and the
documents read here do not need them told apart. What follows the root element is not looked at: some old clients
terminate their documents with a NUL.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.parsers import expat

from imsniff.base.limits import MAX_STANZA, MAX_XML_DEPTH
from imsniff.dissect.cursor import Malformed
from imsniff.dissect.text import guessed


class Element:
    """`name` and attribute names without prefix; `text` is the element's own, its children's left out."""

    __slots__ = ("attributes", "children", "name", "text")

    def __init__(self, name: str, attributes: dict[str, str]) -> None:
        self.name = name
        self.attributes = attributes
        self.children: list[Element] = []
        self.text = ""

    def get(self, attribute: str) -> str:
        return self.attributes.get(attribute, "")

    def walk(self) -> Iterator[Element]:
        """This element and all below it, in document order."""
        waiting = [self]
        while waiting:
            element = waiting.pop()
            yield element
            waiting += reversed(element.children)

    def all(self, *names: str) -> Iterator[Element]:
        """Every element below (or this one) that has one of these names."""
        return (element for element in self.walk() if element.name in names)

    def first(self, name: str) -> Element | None:
        return next(self.all(name), None)

    def text_of(self, name: str) -> str:
        """The text of the first element of that name, stripped; empty where there is none."""
        found = self.first(name)
        return "" if found is None else found.text.strip()


class _Done(Exception):
    """The root element is closed."""


def parse(document: bytes, limit: int = MAX_STANZA) -> Element:
    """The root element. Raises Malformed for what is not well-formed, or is refused."""
    if len(document) > limit:
        raise Malformed(f"XML of {len(document)} bytes")
    # Expat is told the encoding, so that no document chooses one of Python's codecs by name.
    if document[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encoding = "utf-16"
    else:
        document = document.removeprefix(b"\xef\xbb\xbf").lstrip()
        encoding = "utf-8"
        try:
            document.decode()
        except UnicodeDecodeError:  # a character cut, or Windows-1252
            document = guessed(document).encode()
    parser = expat.ParserCreate(encoding)
    parser.buffer_text = True
    roots: list[Element] = []
    opened: list[Element] = []
    texts: list[list[str]] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        if len(opened) >= MAX_XML_DEPTH:
            raise Malformed(f"XML deeper than {MAX_XML_DEPTH}")
        element = Element(_local(name), {_local(key): value for key, value in attributes.items()})
        (opened[-1].children if opened else roots).append(element)
        opened.append(element)
        texts.append([])

    def end(_name: str) -> None:
        opened.pop().text = "".join(texts.pop())
        if not opened:
            raise _Done

    def data(text: str) -> None:
        if texts:
            texts[-1].append(text)

    def refused(*_: object) -> None:
        raise Malformed("XML with a DOCTYPE")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = data
    parser.StartDoctypeDeclHandler = refused
    parser.EntityDeclHandler = refused
    try:
        parser.Parse(document, True)
    except _Done:
        return roots[0]
    except expat.ExpatError as why:
        raise Malformed(f"XML: {why}") from None
    raise Malformed("XML without a root element")


def _local(name: str) -> str:
    return name.rpartition(":")[2]
