"""From the bytes of one finished piece of an XMPP stream to an element tree, and what is asked of trees.

A stanza is not a document: the name spaces it uses may be declared on the stream's header. `Scope` is what one side's
last header declared, on top of what everybody declares, since the header may not be in the capture.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final
from xml.etree.ElementTree import Element, ParseError, XMLParser

from imsniff.dissect.cursor import Malformed
from imsniff.limits import MAX_NAME

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


class Scope:
    """The name spaces in force on one side."""

    __slots__ = ("_declared", "root")

    def __init__(self) -> None:
        self._declared = dict(DECLARED)
        self.root = self._start()

    def header(self, raw: bytes) -> None:
        """A stream header: its declarations hold for what follows."""
        self._declared = DECLARED | dict(DECLARATION.findall(raw)[:MAX_PREFIXES])
        self.root = self._start()

    @property
    def content(self) -> str:
        """The default name space, which says what kind of stream it is."""
        return self._declared[b"xmlns"][1:-1].decode("latin-1")

    def _start(self, more: dict[bytes, bytes] | None = None) -> bytes:
        declared = self._declared | (more or {})
        return b"<r " + b" ".join(name + b"=" + value for name, value in declared.items()) + b">"

    def tree(self, raw: bytes) -> Element:
        """Parse one element. Raises Malformed.

        A second try is made on what real clients got wrong: text in another encoding than UTF-8, control characters,
        prefixes whose declaration we did not see."""
        try:
            return _parse(self.root, raw)
        except Malformed:
            mended = CONTROLS.sub("\ufffd", raw.decode("utf-8", "replace")).encode()
            unknown = {
                b"xmlns:" + prefix: b"'urn:undeclared:" + prefix + b"'"
                for prefix in set(PREFIX.findall(raw)[:MAX_PREFIXES]) - {b"xml", b"xmlns"}
                if b"xmlns:" + prefix not in self._declared
            }
            if mended == raw and not unknown:
                raise
            return _parse(self._start(unknown), mended)


def _parse(root: bytes, raw: bytes) -> Element:
    parser = XMLParser()
    try:
        parser.feed(root + raw + b"</r>")
        tree = parser.close()
    except ParseError as why:
        raise Malformed(f"not well-formed XML: {why.msg.partition(':')[0]}") from None
    if len(tree) != 1:
        raise Malformed("more than one element")
    return tree[0]


@lru_cache(maxsize=2048)
def split(tag: str) -> tuple[str, str]:
    """Name space and local name of a tag as the parser writes it, `{space}name`."""
    space, brace, name = tag.rpartition("}")
    return (space[1:], name) if brace else ("", tag)


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


def bare(jid: str) -> str:
    """`node@domain` of `node@domain/resource`."""
    return jid.partition("/")[0].strip()[:MAX_NAME]


def domain(jid: str) -> str:
    return bare(jid).rpartition("@")[2]


def shown(element: Element, names: tuple[str, ...]) -> str:
    """An element's start tag with the named attributes only: evidence without secrets."""
    listed = "".join(f" {name}='{value}'" for name in names if (value := element.get(name)))
    return f"<{local(element)}{listed}>"
