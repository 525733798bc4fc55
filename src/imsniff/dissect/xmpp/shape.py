"""What the start of an XMPP element looks like, where nothing before it is known.

XML is everywhere, and so are tags called `message`. A stream header must declare a name space of XMPP. A stanza has
few attributes, with few values, and addresses that are JIDs (RFC 6120 §8.1). What else comes at top level is known by
name and name space together.
"""

from __future__ import annotations

import re

from imsniff.base.limits import LOOKAHEAD

MARKS = re.compile(
    rb"<(?:[A-Za-z_][\w.-]{0,11}:)?+(?:stream|message|presence|iq|features|error|auth(?:enticate)?|challenge|response|success"
    rb"|failure|starttls|proceed|result|verify|body|open|enabled?|resumed?|r|a)[\s/>]"
)
"""Finds where an element of these names begins: 31 bytes at most."""
ATTRIBUTE = re.compile(rb"""\s([A-Za-z_][\w:.-]{0,40}+)\s*+=\s*+(?:"([^"<]*+)"|'([^'<]*+)')""")
TAG = re.compile(rb"""<([\w.:-]++)((?:\s++[A-Za-z_][\w:.-]{0,40}+\s*+=\s*+(?:"[^"<]*+"|'[^'<]*+'))*+)\s*+/?+>""")
_LOCAL = rb"[^\s@<>\"'/&]{1,1023}@"
_DOMAIN = rb"(?:[A-Za-z0-9\x80-\xff](?:[\w.-]|[\x80-\xff]){%d,1022}|\[[0-9A-Fa-f:.]{2,45}\])"
_RESOURCE = rb"(?:/.{0,1023})?"
"""RFC 7622 §3.1: each part up to 1023 bytes; the domain is a name or an address, IPv6 in brackets."""
JID = re.compile(rb"(?:" + _LOCAL + rb")?" + _DOMAIN % 2 + _RESOURCE, re.DOTALL)
PERSON = re.compile(_LOCAL + _DOMAIN % 1 + _RESOURCE, re.DOTALL)
SPACE = re.compile(
    rb"(?:jabber:|urn:xmpp:|urn:ietf:params:xml:ns:xmpp|https?://jabber\.org/|http://etherx\.jabber\.org/"
    rb"|http://www\.jabber\.com/streams/|eu\.siacs\.conversations|vcard-temp|google:|http://www\.google\.com/(?:talk|session))"
)
PROOF = re.compile(rb"""\sxmlns(?::[^\s=<>"']{1,64}+)?+\s*+=\s*+["']""" + SPACE.pattern)
"""A declaration of one of XMPP's name spaces."""
HEADER = re.compile(
    rb"""["'](?:http://etherx\.jabber\.org/streams|http://www\.jabber\.com/streams/flash|jabber:(?:client|server)"""
    rb"""|jabber:component:(?:accept|connect))["']"""
)

TYPES = {
    b"message": {b"chat", b"groupchat", b"normal", b"headline", b"error"},
    b"presence": {b"unavailable", b"subscribe", b"subscribed", b"unsubscribe", b"unsubscribed", b"probe", b"error"},
    b"iq": {b"get", b"set", b"result", b"error"},
}
STANZA_ATTRIBUTES = {b"to", b"from", b"id", b"type", b"xmlns", b"chid"}
"""And any with a prefix. `chid` is a channel of Xiaomi's push service, which says nothing but pings for hours."""
STANZA_SPACES = {b"jabber:client", b"jabber:server", b"jabber:component:accept", b"jabber:component:connect"}
OTHERS = {
    b"features": re.compile(rb"http://etherx\.jabber\.org/streams"),
    b"auth": re.compile(rb"urn:ietf:params:xml:ns:xmpp-sasl"),
    b"authenticate": re.compile(rb"urn:xmpp:sasl:"),
    b"challenge": re.compile(rb"urn:(?:ietf:params:xml:ns:xmpp-sasl|xmpp:sasl:)"),
    b"response": re.compile(rb"urn:(?:ietf:params:xml:ns:xmpp-sasl|xmpp:sasl:)"),
    b"success": re.compile(rb"urn:(?:ietf:params:xml:ns:xmpp-sasl|xmpp:sasl:)"),
    b"failure": re.compile(rb"urn:(?:ietf:params:xml:ns:xmpp-(?:sasl|tls)|xmpp:sasl:)"),
    b"starttls": re.compile(rb"urn:ietf:params:xml:ns:xmpp-tls"),
    b"proceed": re.compile(rb"urn:ietf:params:xml:ns:xmpp-tls"),
    b"body": re.compile(rb"http://jabber\.org/protocol/httpbind"),
    b"open": re.compile(rb"urn:ietf:params:xml:ns:xmpp-framing"),
    **dict.fromkeys(
        (b"r", b"a", b"enable", b"enabled", b"resume", b"resumed"), re.compile(rb"urn:xmpp:sm:|http://jabber\.org/")
    ),
}
"""Elements at top level by local name, and the name space one of their declarations begins with."""


def begins(window: bytes) -> bool | None:
    """Whether an element of XMPP begins here; None while its start tag is not all there."""
    found = TAG.match(window)
    if found is None:
        if len(window) >= LOOKAHEAD or b"<" in window[1:]:
            return False
        return None
    prefix, _, local = found[1].rpartition(b":")
    attributes = {name: double or single for name, double, single in ATTRIBUTE.findall(found[2])}
    if local == b"stream":
        return HEADER.search(found[2]) is not None
    if local in TYPES:
        return _is_stanza(local, attributes)
    if prefix == b"db" and local in (b"result", b"verify"):
        return b"from" in attributes and b"to" in attributes
    if prefix == b"stream" and local in (b"features", b"error"):
        return True
    space = OTHERS.get(local)
    return space is not None and any(
        name.startswith(b"xmlns") and space.match(value) is not None for name, value in attributes.items()
    )


def _is_stanza(local: bytes, attributes: dict[bytes, bytes]) -> bool:
    if any(name not in STANZA_ATTRIBUTES and b":" not in name for name in attributes):
        return False
    if attributes.get(b"xmlns", b"jabber:client") not in STANZA_SPACES:
        return False
    kind = attributes.get(b"type")
    if kind is not None and kind not in TYPES[local]:
        return False
    addresses = [attributes[name] for name in (b"to", b"from") if name in attributes]
    if any(JID.fullmatch(address) is None for address in addresses):
        return False
    if local == b"iq":
        return kind is not None and b"id" in attributes
    return bool(addresses) or local == b"presence"


def weight(raw: bytes) -> int:
    """How much an element speaks for XMPP: 2 is proof, 1 could be a coincidence."""
    if PROOF.search(raw) is not None:
        return 2
    found = TAG.match(raw)
    if found is None:
        return 0
    attributes = {name: double or single for name, double, single in ATTRIBUTE.findall(found[2])}
    people = [name for name in (b"to", b"from") if PERSON.fullmatch(attributes.get(name, b"")) is not None]
    if not people:
        return 0
    talk = attributes.get(b"type") in (b"chat", b"groupchat") and b"<body" in raw
    return 2 if talk and found[1].rpartition(b":")[2] == b"message" else 1
