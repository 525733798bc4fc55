"""Builders that the SIP and MSRP captures share."""

from __future__ import annotations

import sys
from pathlib import Path

from scapy.layers.inet import UDP

sys.path.append(str(Path(__file__).parents[1]))

from tcpflow import Capture, Endpoint

ALICE, BOB, SERVER = "10.78.0.21", "10.78.0.22", "10.78.0.10"


def sip(start: str, headers: str, body: str = "", end: str = "\n") -> bytes:
    """A message of a start line, headers a line each, and a body, with its length and `end` as line end."""
    lines = [start, *(line.strip() for line in headers.strip().splitlines()), f"Content-Length: {len(body.encode())}"]
    return (end.join(lines) + 2 * end + body).encode()


def msrp(tid: str, what: str, to_path: str, from_path: str, headers: str = "", body: bytes | None = None) -> bytes:
    """A request or response; `what` may end in the flag of its end line, which is `$` else."""
    what, flag = (what[:-1], what[-1]) if what[-1] in "+#" else (what, "$")
    lines = [f"MSRP {tid} {what}", f"To-Path: {to_path}", f"From-Path: {from_path}", *headers.strip().splitlines()]
    data = "\r\n".join(line.strip() for line in lines).encode() + b"\r\n"
    return data + (b"\r\n" + body + b"\r\n" if body is not None else b"") + f"-------{tid}{flag}\r\n".encode()


def datagram(capture: Capture, here: Endpoint, there: Endpoint, data: bytes) -> None:
    capture.write(here, there, UDP(sport=here[1], dport=there[1]), data)
