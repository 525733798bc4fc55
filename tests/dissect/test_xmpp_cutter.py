"""The cutter finds the ends of elements, and the same ones however the bytes arrive."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imsniff.dissect.core import Inbox
from imsniff.dissect.cursor import Malformed, TooLarge
from imsniff.dissect.xmpp.cutter import LIMIT, Cutter, Kind

BITS = [
    *("<", ">", "/", "'", '"', "<!--", "-->", "<![CDATA[", "]]>", "<?", "?>", "<!D", " ", "x", "="),
    *("<message a='>'>", "</message>", "<message/>", "</message ", "<a>", "</a>", "<a b='c'/>", "<p:stream>"),
    *("</p:stream>", "<iq", "<presence>", "</presence>", "\n"),
]


def cut(data: bytes, *cuts: int, landed: bool = False) -> list[tuple[Kind, bytes] | str]:
    """What the cutter says of bytes that arrive in pieces; a fault is the last it says."""
    box, cutter, out = Inbox(), Cutter(landed=landed), []
    for start, end in zip((0, *cuts), (*cuts, len(data)), strict=True):
        box.data += data[start:end]
        try:
            while (piece := cutter.next(box)) is not None:
                out.append((piece.kind, piece.raw))
        except (Malformed, TooLarge) as why:
            return [*out, str(why)]
    return out


@given(st.lists(st.sampled_from(BITS), max_size=30).map("".join), st.data(), st.booleans())
def test_cuts_do_not_matter(text, data, landed):
    whole = text.encode()
    cuts = sorted(data.draw(st.sets(st.integers(0, len(whole)), max_size=8)))
    assert cut(whole, *cuts, landed=landed) == cut(whole, landed=landed)


@pytest.mark.parametrize(
    "element",
    [
        "<message/>",
        "<message a='>' b=\"/>\"/>",
        "<message><message/><message><message a='1'/></message></message>",
        "<message><![CDATA[</message>]]><!-- </message> --><?x </message>?></message>",
        "<messages><message></message></messages>",
        "<iq ><iqs/></iq   >",
        "<q:a xmlns:q='u'><q:a/></q:a>",
        "<presence\n/>",
    ],
)
def test_an_element_ends_where_it_ends(element):
    assert cut((element + " <iq/>").encode()) == [(Kind.ELEMENT, element.encode()), (Kind.ELEMENT, b"<iq/>")]


def test_declarations_comments_and_blanks_say_nothing():
    assert cut(b"\0\r\n<?xml version='1.0'?> <!-- <iq/> --><s:stream a='1'></s:stream>") == [
        (Kind.HEADER, b"<s:stream a='1'>"),
        (Kind.CLOSE, b"</s:stream>"),
    ]


@pytest.mark.parametrize(
    "bad",
    ["x", "<!DOCTYPE a>", "<![CDATA[x]]>", "</iq>", "< a>", "<a <b>", "<a b='<'>", "<a><?xml v?>", "<message><!ENTITY"],
)
def test_what_no_parser_could_go_on_from_is_refused(bad):
    assert isinstance(cut(f"{bad}             ".encode())[-1], str)


def test_tails_are_passed_over_where_the_stream_was_joined_midway():
    assert cut(b"</forwarded></message><iq/>", landed=True) == [(Kind.ELEMENT, b"<iq/>")]


@pytest.mark.parametrize("name", [b"message", b"other"])
@pytest.mark.parametrize("over", [-1, 0, 1, 16, 17])
def test_the_limit_is_the_same_for_all_cuts(name, over):
    frame = b"<%b>%b</%b>"
    text = b"x" * (LIMIT + over - len(frame % (name, b"", name)))
    whole = frame % (name, text, name)
    assert cut(whole) == cut(whole, 100, len(whole) - 20, len(whole) - 3)
    assert isinstance(cut(whole)[-1], str) == (over > 0)
