"""Records made by hand, for the tests of everything after the dissectors."""

from __future__ import annotations

import itertools

from imsniff.base.records import (
    Confidence,
    ExposureRecord,
    LoginRecord,
    MessageRecord,
    SessionRecord,
    TransferRecord,
    timestamp,
)

_numbers = itertools.count(1)


def moment(seconds: float = 0) -> str:
    return timestamp(1_790_000_000_000_000_000 + int(seconds * 1e9))


def _placed(fields: dict, seconds: float) -> dict:
    number = next(_numbers)
    return {"id": f"{number:016x}", "ts": moment(seconds), "capture": "lab.pcap", "frame": number, **fields}


def session(seconds: float = 0, **fields: object) -> SessionRecord:
    base = {
        "protocol": "xmpp",
        "service": "jabber",
        "transport": "tcp",
        "client_ip": "10.0.0.21",
        "client_port": 40000,
        "server_ip": "10.0.0.10",
        "server_port": 5222,
        "first_seen": moment(seconds),
        "last_seen": moment(seconds + 60),
        "packets": 20,
        "bytes": 4000,
        "confidence": Confidence.DISSECTED,
        "encryption": "none",
        "odd_port": False,
        "first_frame": 1,
        "last_frame": 40,
        "community_id": "1:abc=",
        "signature": "xmpp.stream",
    }
    return SessionRecord(**_placed({**base, **fields}, seconds))


def _inside(of: SessionRecord | None, fields: dict) -> dict:
    return {"session": of.id if of else "0" * 16, "protocol": of.protocol if of else "xmpp", **fields}


def login(of: SessionRecord | None = None, seconds: float = 1, **fields: object) -> LoginRecord:
    base = {"scheme": "plain", "grade": "cleartext", "outcome": "ok", "account": "alice@example.org"}
    return LoginRecord(**_placed(_inside(of, {**base, **fields}), seconds))


def message(of: SessionRecord | None = None, seconds: float = 2, **fields: object) -> MessageRecord:
    base = {"length": 5, "direction": "sent", "sender": "alice@example.org/work", "recipient": "bob@example.org"}
    return MessageRecord(**_placed(_inside(of, {**base, **fields}), seconds))


def exposure(of: SessionRecord | None = None, seconds: float = 3, **fields: object) -> ExposureRecord:
    base = {"ip": "10.0.0.21", "internal": True, "via": "xmpp.streamhost", "port": 8010, "account": "alice@example.org"}
    return ExposureRecord(**_placed(_inside(of, {**base, **fields}), seconds))


def transfer(of: SessionRecord | None = None, seconds: float = 4, **fields: object) -> TransferRecord:
    base = {"name": "holiday.txt", "state": "offered", "size": 1490, "sender": "alice@example.org"}
    return TransferRecord(**_placed(_inside(of, {**base, **fields}), seconds))
