"""The HTTP gateway of MSN: the answer to `open` names the session, and further answers may rename it."""

from __future__ import annotations

from pathlib import Path

from imsniff.base.events import InnerData, InnerEnd, InnerOpened
from imsniff.carriers.msn_gateway import MsnGateway
from transcript import CLIENT, SERVER, Said, conversations, events

PCAPS = Path(__file__).parents[2] / "pcaps" / "carriers"


def ask(query: str, body: bytes = b"") -> tuple[object, bytes]:
    head = (
        f"POST http://gateway.example.org/gateway/gateway.dll?{query} HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return CLIENT, head.encode() + body


def answer(session: str, body: bytes = b"", more: str = "") -> tuple[object, bytes]:
    told = f"X-MSN-Messenger: SessionID={session}; GW-IP=192.0.2.1{more}"
    return SERVER, f"HTTP/1.1 200 OK\r\n{told}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


CONVERSATIONS: list[Said] = [
    [
        ask("Action=open&Server=NS&IP=messenger.hotmail.com", b"VER 1 MSNP8\r\n"),
        answer("7.1", b"VER 1 MSNP8\r\n"),
        ask("SessionID=7.1", b"CVR 2\r\n"),
        answer("7.2"),
        ask("Action=poll&SessionID=7.2"),
        answer("7.3", b"OUT\r\n", "; Session=close"),
    ],
    *(
        flow.said
        for flow in conversations(PCAPS / "pidgin2109_escargot_msnp18_http_gateway.pcap")
        if flow.server[1] == 80 and b"gateway.dll" in flow.said[0][1]
    ),
]


def test_one_conversation():
    assert events(MsnGateway, CONVERSATIONS[0]) == [
        InnerOpened(
            side=CLIENT, stream="7", carrier="http-gateway", destination="messenger.hotmail.com:1863", shared=True
        ),
        InnerData(side=CLIENT, stream="7", data=b"VER 1 MSNP8\r\n"),
        InnerData(side=SERVER, stream="7", data=b"VER 1 MSNP8\r\n"),
        InnerData(side=CLIENT, stream="7", data=b"CVR 2\r\n"),
        InnerData(side=SERVER, stream="7", data=b"OUT\r\n"),
        InnerEnd(side=SERVER, stream="7"),
    ]


def test_the_clients_side_alone():
    found = events(MsnGateway, [turn for turn in CONVERSATIONS[0] if turn[0] is CLIENT])
    assert [e.data for e in found if isinstance(e, InnerData)] == [b"CVR 2\r\n"]
