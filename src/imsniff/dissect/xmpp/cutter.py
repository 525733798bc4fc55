"""Cuts a stream of XML into its top-level elements, as the bytes come in.

    <?xml ...?> <stream:stream ...>   HEADER    the root's start tag; a stream restarts with another one
      <message ...> ... </message>    ELEMENT   from its start tag to the matching end tag
      (blanks: keep-alives)
    </stream:stream>                  CLOSE

An XML parser tells of an error wherever the segment that holds it was cut; this does not. It knows just enough of XML
1.0 to find where an element ends (tags, quotes, comments, CDATA, processing instructions), looks at each byte once,
and leaves names, name spaces, entities and characters to the parser that gets the finished piece. What RFC 6120 §11.1
forbids for the reason that it is dangerous, a document type with its entities, never gets past here.
"""

from __future__ import annotations

import re
from enum import Enum

from msgspec import Struct

from imsniff.base.limits import MAX_STANZA, MAX_XML_DEPTH, MAX_XML_ELEMENTS
from imsniff.dissect.core import Inbox
from imsniff.dissect.cursor import Malformed, TooLarge

BLANKS = re.compile(rb"[ \t\r\n\0]+")
"""Keep-alives between stanzas. Flash clients end every stanza with NUL."""
TOKEN = re.compile(
    rb"""[^<]*+(?:<(/)?+[^\s<>"'/!?=][^<>"']*+(?:"[^"<]*+"[^<>"']*+|'[^'<]*+'[^<>"']*+)*+>|(<)|(\Z))""",
)
"""Text and the tag after it; group 1: an end tag; 2: something that is no whole tag (yet); 3: the end of the bytes.
One of them always matches, so that a search never starts over inside a text."""
FIRST = re.compile(rb"/?+[^\s<>\"'/!?=]")
"""How the inside of a tag begins."""
STREAM = re.compile(rb"<(?:[^\s<>\"'/!?=:]++:)?+stream[\s/>]")
NAME = re.compile(rb"</?+([^\s<>\"'/!?=:]++(?::[^\s<>\"'/!?=:]++)?+)")
IN_TAG = re.compile(rb"[<>\"']")
IN_QUOTES = {ord('"'): re.compile(rb'["<]'), ord("'"): re.compile(rb"['<]")}
TAG = re.compile(rb"""<[^<>"']*+(?:"[^"<]*+"[^<>"']*+|'[^'<]*+'[^<>"']*+)*+>""")
SLASH, LESS = b"/<"
NAMED = re.compile(rb"<(?:[^\s/>]{0,9}+[\s/>]|[^\s/>]{10})")
"""Enough of a tag to know whether it is one of the next."""
STANZA = re.compile(rb"<(?:(message)|(presence)|(iq))[\s/>]")
WITHIN = [
    re.compile(rb"<(?:(/)%b\s{0,8}+>|%b[\s/>]|([!?]))" % (name, name)) for name in (b"message", b"presence", b"iq")
]
"""By the group of STANZA: its end tag (1), another one inside, or markup that is no tag (2). In well-formed XML these
can be nothing else, so that nothing else in a stanza needs to be looked at."""
WHOLE = re.compile(
    rb"""<(message|presence|iq)(?=[\s/>])[^<>"']*+(?:"[^"<]*+"[^<>"']*+|'[^'<]*+'[^<>"']*+)*+"""
    rb"""(?:(?<=/)>|>(?:[^<]*+<(?!\1[\s/>]|/\1\s{0,8}+>|[!?]))*+[^<]*+</\1\s{0,8}+>)"""
)
"""A stanza that is all there, without another one or markup that is no tag inside: nearly every one comes so."""
TAIL = 20
"""Bytes of the longest match of these."""
LIMIT = MAX_STANZA - 16
"""Bytes of one element. Less than what may wait, so that a tag at the very limit is refused for the same reason
however it was cut."""
TOO_LONG = f"no end of an element in {LIMIT} bytes"

SPECIALS = ((b"<!--", b"-->"), (b"<![CDATA[", b"]]>"), (b"<?", b"?>"))
"""How markup that is no tag begins and ends."""


class Kind(Enum):
    HEADER = "header"
    ELEMENT = "element"
    CLOSE = "close"
    TLS = "tls"
    BROKEN = "broken"
    """Not cut here: the dissector's words for the first byte of a TLS record, and for compression gone wrong."""


class Piece(Struct, frozen=True):
    kind: Kind
    raw: bytes


def name_of(raw: bytes | bytearray, at: int = 0) -> tuple[bytes, bytes]:
    """Prefix and local name of the tag at `at`; both empty where there is none."""
    found = NAME.match(raw, at)
    if found is None:
        return b"", b""
    prefix, _, local = found[1].rpartition(b":")
    return prefix, local


class Cutter:
    """The state of one side. Raises Malformed where no XML parser could go on, and TooLarge; forget it then and
    make a new one."""

    __slots__ = ("_at", "_depth", "_elements", "_end", "_quote", "_within", "landed", "opened")

    def __init__(self, *, landed: bool) -> None:
        self.opened = False
        """Whether a piece was taken for XMPP: from then on every well-formed element belongs to the stream."""
        self.landed = landed
        self._reset()

    def _reset(self) -> None:
        self._depth = 0
        self._elements = 0
        self._at = 0
        """Everything before is understood."""
        self._end = 0
        """How far an unfinished tag or special that begins at `_at` was searched for its end; 0: it was not."""
        self._quote = 0
        """The quote that an unfinished tag is inside of."""
        self._within: re.Pattern[bytes] | None = None
        """What to look for inside of a stanza; None: every tag is looked at."""

    @property
    def between(self) -> bool:
        """Whether the next byte begins a new piece."""
        return self._depth == 0 and self._at == 0 and self._end == 0

    def next(self, box: Inbox) -> Piece | None:
        """The next whole piece, removed from `box`; None while it is not all there."""
        while True:
            if not (self._depth or self._at or self._end):
                if not box.data or (box.data[0] != LESS and not self._skip_blanks(box)):
                    return None
                whole = WHOLE.match(box.data)
                if whole is not None and (end := whole.end()) <= LIMIT:
                    return Piece(Kind.ELEMENT, box.take(end) or b"")
                if NAMED.match(box.data) is None:
                    return None
                stanza = STANZA.match(box.data)
                self._within = WITHIN[(stanza.lastindex or 1) - 1] if stanza is not None else None
            if self._end:
                end = self._resume(box.data)
            else:
                end = self._tokens(box.data) if self._within is None else self._stanza(box.data, self._within)
            if end < 0:
                if len(box) > MAX_STANZA:
                    raise TooLarge(TOO_LONG)
                return None
            if end and (piece := self._take(box, end)) is not None:
                return piece

    def _skip_blanks(self, box: Inbox) -> bool:
        if (blanks := BLANKS.match(box.data)) is not None:
            box.drop(blanks.end())
        if box.data and box.data[0] != LESS:
            raise Malformed("text between stanzas")
        return bool(box.data)

    def _tokens(self, data: bytearray) -> int:
        """Go over whole tags. Returns the end of the piece, 0 if `_resume` shall look closer, -1 to wait for more."""
        depth, elements, at = self._depth, self._elements, self._at
        for token in TOKEN.finditer(data, at):
            end = token.end()
            if end > LIMIT:
                raise TooLarge(TOO_LONG)
            kind = token.lastindex
            if kind is None:
                elements += 1
                if data[end - 2] != SLASH:
                    depth += 1
                    if depth == 1 and STREAM.match(data) is not None:
                        return end
                    if depth > MAX_XML_DEPTH or elements > MAX_XML_ELEMENTS:
                        raise Malformed("elements nested too deep or too many")
                elif depth == 0:
                    return end
            elif kind == 1:
                depth -= 1
                if depth <= 0:
                    return end
            elif kind == 2:
                self._depth, self._elements, self._at, self._end = depth, elements, end - 1, end
                return 0
            at = end
        self._depth, self._elements, self._at = depth, elements, at
        return -1

    def _stanza(self, data: bytearray, within: re.Pattern[bytes]) -> int:
        """As `_tokens`, for what most of a stream consists of."""
        depth, at = self._depth, self._at
        if depth == 0:
            if (tag := TAG.match(data)) is None:
                self._end = 1
                return 0
            at = tag.end()
            if at > LIMIT:
                raise TooLarge(TOO_LONG)
            if data[at - 2] == SLASH:
                return at
            depth = 1
        for found in within.finditer(data, at):
            at = found.end()
            if at > LIMIT:
                raise TooLarge(TOO_LONG)
            if found.lastindex == 1:
                depth -= 1
                if depth == 0:
                    return at
                continue
            tag = TAG.match(data, found.start()) if found.lastindex is None else None
            if tag is None:
                self._depth, self._at, self._end = depth, found.start(), found.start() + 1
                return 0
            if data[tag.end() - 2] != SLASH:
                depth += 1
                if depth > MAX_XML_DEPTH:
                    raise Malformed("elements nested too deep or too many")
        last = data.rfind(b"<", max(at, len(data) - TAIL))
        self._depth, self._at = depth, last if last >= 0 else max(at, len(data))
        return -1

    def _resume(self, data: bytearray) -> int:
        """Look closer at the markup at `_at`: an unfinished tag, or a special. Returns as `_tokens` does."""
        start = self._at
        head = bytes(data[start : start + 9])
        if len(head) < 2:
            return -1
        if head[1:2] in b"!?":
            for opening, closing in SPECIALS:
                if head.startswith(opening):
                    return self._special(data, head, opening, closing)
                if opening.startswith(head):
                    return -1
            raise Malformed("a document type or other declaration")
        if len(head) < 3 and head[1] == SLASH:
            return -1
        if FIRST.match(data, start + 1) is None:
            raise Malformed("a tag without a name")
        while True:
            found = (IN_QUOTES[self._quote] if self._quote else IN_TAG).search(data, self._end)
            if found is None:
                self._end = len(data)
                return -1
            byte, self._end = data[found.start()], found.end()
            if self._end > LIMIT:
                raise TooLarge(TOO_LONG)
            if byte == LESS:
                raise Malformed("'<' inside a tag")
            if byte == 0x3E:
                break
            self._quote = 0 if self._quote else byte
        self._end = 0  # whole now: `_tokens` takes it from its start
        return 0

    def _special(self, data: bytearray, head: bytes, opening: bytes, closing: bytes) -> int:
        if self._depth == 0 and opening == b"<![CDATA[":
            raise Malformed("text between stanzas")
        if self._depth and opening == b"<?" and head[2:6] in (b"xml ", b"xml?"):
            raise Malformed("a document begins inside an element")
        start = self._at
        found = data.find(closing, max(self._end, start + len(opening)))
        if found < 0:
            self._end = max(start + len(opening), len(data) - len(closing) + 1)
            return -1
        end = found + len(closing)
        if end > LIMIT:
            raise TooLarge(TOO_LONG)
        self._end = 0
        if self._depth == 0:
            return end
        self._at = end
        return 0

    def _take(self, box: Inbox, end: int) -> Piece | None:
        """Remove the piece; None where it says nothing: a declaration, a comment, the tail of a stanza met midway."""
        closes = box.data[1] == SLASH and name_of(box.data)[1] == b"stream"
        if box.data[1] == SLASH and not closes and not self.landed:
            raise Malformed("an end tag without its start tag")
        raw = box.take(end) or b""
        header = self._depth == 0 and STREAM.match(raw) is not None and raw[-2] != SLASH
        self._reset()
        if raw[1] == SLASH:
            return Piece(Kind.CLOSE, raw) if closes else None
        if raw[1:2] in b"!?":
            return None
        return Piece(Kind.HEADER if header else Kind.ELEMENT, raw)
