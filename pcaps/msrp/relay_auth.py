"""MSRP without its SIP: a relay asks for a Digest, then a talk in CPIM wrappers, one message in interleaved chunks."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path += [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "sip")]

from sip_bytes import ALICE, BOB, SERVER, msrp
from tcpflow import Capture

RELAY, HERE = f"msrp://{SERVER}:2855;tcp", f"msrp://{ALICE}:2856/s1;tcp"
VIA_RELAY, THERE = f"msrp://{SERVER}:2855/r7;tcp", f"msrp://{BOB}:40200/s2;tcp"
DIGEST = 'Digest username="alice", realm="relay.lab.test", nonce="n", nc=00000001, cnonce="c", qop=auth, response="{}"'

capture = Capture(__file__)
link = capture.flow((ALICE, 50200), (SERVER, 2855))
link.client(msrp("auth001", "AUTH", RELAY, HERE))
challenge = 'WWW-Authenticate: Digest realm="relay.lab.test", nonce="n", qop="auth"'
link.server(msrp("auth001", "401 Unauthorized", HERE, RELAY, challenge))
link.client(msrp("auth002", "AUTH", RELAY, HERE, "Authorization: " + DIGEST.format("d" * 32)))
link.server(msrp("auth002", "200 OK", HERE, RELAY, f"Use-Path: {VIA_RELAY}\nExpires: 900"))


def wrapped(sender: str, recipient: str, text: str) -> bytes:
    outer = f"From: <sip:{sender}@msrp.lab.test>\r\nTo: <sip:{recipient}@msrp.lab.test>\r\n\r\n"
    return (outer + f"Content-Type: text/plain; charset=utf-8\r\n\r\n{text}").encode()


def send(
    tid: str, number: str, first: int, piece: bytes, total: int, kind: str = "message/cpim", flag: str = ""
) -> bytes:
    headers = f"Message-ID: {number}\nByte-Range: {first}-{first + len(piece) - 1}/{total}\nContent-Type: {kind}"
    return msrp(tid, "SEND" + flag, f"{VIA_RELAY} {THERE}", HERE, headers, piece)


long, short = wrapped("alice", "bob", "one half – and the other half"), wrapped("alice", "bob", "in between")
link.client(send("send001", "m1", 1, long[:90], len(long), flag="+"))
link.client(send("send002", "m2", 1, short, len(short)))
link.client(send("send003", "m1", 91, long[90:], len(long)))
for number in range(1, 4):
    link.server(msrp(f"send00{number}", "200 OK", HERE, VIA_RELAY))
answer = "Message-ID: m3\nByte-Range: 1-12/12\nContent-Type: text/plain"
link.server(msrp("send004", "SEND", HERE, f"{VIA_RELAY} {THERE}", answer, b"no wrapper!!"))
link.close()
