"""SIMPLE with bare LF and compact headers: buddy list, presence with RPID, watchers, CPIM, a 401 that means no."""

from __future__ import annotations

from sip_bytes import ALICE, BOB, SERVER, datagram, sip
from tcpflow import Capture

capture = Capture(__file__)
alice, server = (ALICE, 5060), (SERVER, 5060)
lists = (
    '<?xml version="1.0"?><resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists"><list name="friends">'
    '<entry uri="sip:bob@simple.lab.test"/><entry uri="sip:carol@simple.lab.test"/></list></resource-lists>'
)
presence = (
    '<?xml version="1.0"?><presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:r="urn:ietf:params:xml:ns:pidf:rpid"'
    ' xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" entity="pres:{}@simple.lab.test">'
    '<tuple id="t"><status><basic>{}</basic>'
    "</status></tuple><dm:person><r:activities>{}</r:activities><dm:note>{}</dm:note></dm:person></presence>"
)
watchers = (
    '<watcherinfo xmlns="urn:ietf:params:xml:ns:watcherinfo" version="0" state="full"><watcher-list package="presence"'
    ' resource="sip:alice@simple.lab.test"><watcher id="1" event="subscribe" status="active">sip:dave@simple.lab.test'
    "</watcher></watcher-list></watcherinfo>"
)
cpim = (
    "From: Alice <im:alice@simple.lab.test>\r\nTo: <im:bob@simple.lab.test>\r\nDateTime: 2026-11-22T01:00:00Z\r\n\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n\r\nder Schlüssel liegt unter der Matte"
)
digest = 'Digest username="alice", realm="simple.lab.test", nonce="n1", uri="sip:simple.lab.test", response="{}"'


def compact(method: str, to: str, call: str, number: int = 1, sender: str = "alice", via: str = ALICE) -> str:
    return f"""v: SIP/2.0/UDP {via}:5060;branch=z9hG4bK{call}{number}
        f: <sip:{sender}@simple.lab.test>;tag=1
        t: <sip:{to}@simple.lab.test>
        i: {call}@{via}
        CSeq: {number} {method}
        """


def ask(
    method: str, to: str, call: str, body: str = "", extra: str = "", number: int = 1, status: str = "200 OK"
) -> None:
    head = compact(method, to, call, number)
    request = sip(f"{method} sip:{to}@simple.lab.test SIP/2.0", head + extra, body)
    datagram(capture, alice, server, request)
    if status == "200 OK" and number == 1:
        datagram(capture, alice, server, request)  # the answer was late
    datagram(capture, server, alice, sip(f"SIP/2.0 {status}", head))


def tell(event: str, kind: str, sender: str, call: str, body: str) -> None:
    head = compact("NOTIFY", "alice", call, sender=sender, via=SERVER)
    extra = f"o: {event}\nc: application/{kind}"
    datagram(capture, server, alice, sip(f"NOTIFY sip:alice@{ALICE} SIP/2.0", head + extra, body))
    datagram(capture, alice, server, sip("SIP/2.0 200 OK", head))


register = f"m: <sip:alice@{ALICE}:5060>\nExpires: 600\nAuthorization: "
ask("REGISTER", "alice", "r", "", register + digest.format("0" * 32), 1, "401 Unauthorized")
ask("REGISTER", "alice", "r", "", register + digest.format("1" * 32), 2)
datagram(capture, alice, server, b"\r\n\r\n")
ask(
    "PUBLISH",
    "alice",
    "p",
    presence.format("alice", "open", "<r:meeting/>", "Budget"),
    "o: presence\nc: application/pidf+xml",
)
ask("SUBSCRIBE", "alice-list", "s", lists, "o: presence\nSupported: eventlist\nc: application/resource-lists+xml")
tell("presence", "pidf+xml", "bob", "s1", presence.format("bob", "open", "<r:away/>", "Zu Tisch"))
tell("presence", "pidf+xml", "carol", "s2", presence.format("carol", "closed", "", ""))
tell("presence.winfo", "watcherinfo+xml", "alice", "s3", watchers)
ask("MESSAGE", "bob", "m", cpim, "c: message/cpim")
ask("OPTIONS", "bob", "o", "", f"m: <sip:alice@{BOB}>")
