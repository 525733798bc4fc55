"""The XML reader takes what real clients send and refuses what makes XML dangerous."""

from __future__ import annotations

import pytest

from imsniff.base.limits import MAX_STANZA, MAX_XML_DEPTH
from imsniff.dissect.cursor import Malformed
from imsniff.dissect.sip import xml


def test_names_are_local_and_text_is_an_elements_own():
    root = xml.parse(b'<?xml version="1.0"?><a:b x:c="1" d="2">one<e> two </e>three</a:b>')
    assert (root.name, root.attributes, root.text) == ("b", {"c": "1", "d": "2"}, "onethree")
    assert root.text_of("e") == "two"
    assert root.get("none") == root.text_of("none") == ""


def test_a_walk_is_in_document_order():
    assert [e.name for e in xml.parse(b"<a><b><c/></b><d/></a>").walk()] == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    "document",
    [
        "<a>grüße</a>".encode(),
        "﻿<a>grüße</a>".encode(),
        '<?xml version="1.0" encoding="ISO-8859-1"?><a>grüße</a>'.encode("latin-1"),
        "<a>grüße</a>".encode("utf-16"),
        '<?xml version="1.0" encoding="rot13"?><a>grüße</a>'.encode(),
        "\r\n <a>grüße</a>\0\0".encode(),
        b"<a>gr&#252;&#xdf;e</a>",
    ],
)
def test_character_sets(document):
    assert xml.parse(document).text == "grüße"


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"text",
        b"<a>",
        b"<a><b></a>",
        b"<a>&nbsp;</a>",
        b'<!DOCTYPE a SYSTEM "http://192.0.2.1/x.dtd"><a/>',
        b'<!DOCTYPE a [<!ENTITY x "y"><!ENTITY z "&x;&x;&x;">]><a>&z;</a>',
        b"<a>" * (MAX_XML_DEPTH + 1) + b"</a>" * (MAX_XML_DEPTH + 1),
        b"<a>" + b"x" * MAX_STANZA + b"</a>",
    ],
)
def test_refused(document):
    with pytest.raises(Malformed):
        xml.parse(document)
