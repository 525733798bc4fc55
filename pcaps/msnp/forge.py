"""Writes TCP conversations of MSN as captures: fixed times, fixed sequence numbers, so that a capture never changes.

Also the little builders that MSN captures share: a MSG, a MSNSLP text, a P2P packet of either version.
"""

from __future__ import annotations

import struct
from base64 import b64encode
from pathlib import Path

from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether
from scapy.utils import PcapWriter

ALICE, BOB, CAROL, SERVER, SECOND = "10.78.0.21", "10.78.0.22", "10.78.0.23", "10.78.0.10", "10.78.0.11"
MSS = 1400
BEGIN = 1_262_304_000.0  # 2010-01-01
FILE_GUID = "{5D3E02AB-6190-11D3-BBBB-00C04F795683}"
CALL = "{2B5C4F1A-0D7E-4E0B-9C6A-5A1F00D1CE01}"
DIRECT_CALL = "{2B5C4F1A-0D7E-4E0B-9C6A-5A1F00D1CE02}"


class Flow:
    """One TCP connection. `c` and `s` are what client and server say."""

    def __init__(self, capture: Capture, client: tuple[str, int], server: tuple[str, int]) -> None:
        self._capture = capture
        self._ends = {"c": (client, server), "s": (server, client)}
        self._seq = {"c": 1_000, "s": 900_000}
        self._send("c", b"", "S")
        self._send("s", b"", "SA")
        self._send("c", b"", "A")

    def _send(self, who: str, data: bytes, flags: str) -> None:
        (here, port), (there, to) = self._ends[who]
        other = "s" if who == "c" else "c"
        ack = 0 if flags == "S" else self._seq[other]
        tcp = TCP(sport=port, dport=to, flags=flags, seq=self._seq[who], ack=ack, window=65_000)
        self._capture.write(
            Ether(src="02:00:00:00:00:0" + who.replace("c", "1").replace("s", "2"), dst="02:00:00:00:00:0f")
            / IP(src=here, dst=there, id=self._capture.number & 0xFFFF)
            / tcp
            / data
        )
        self._seq[who] += len(data) + ("S" in flags or "F" in flags)

    def _say(self, who: str, data: bytes | str) -> None:
        raw = data.encode() if isinstance(data, str) else data
        for at in range(0, len(raw), MSS):
            self._send(who, raw[at : at + MSS], "PA")

    def c(self, *said: bytes | str) -> None:
        for data in said:
            self._say("c", data)

    def s(self, *said: bytes | str) -> None:
        for data in said:
            self._say("s", data)

    def close(self) -> None:
        self._send("c", b"", "FA")
        self._send("s", b"", "FA")
        self._send("c", b"", "A")


class Capture:
    """A capture file beside the script that makes it."""

    def __init__(self, script: str) -> None:
        self._file = PcapWriter(str(Path(script).with_suffix(".pcap")), linktype=1, sync=True)
        self.number = 0

    def write(self, packet: Ether) -> None:
        self.number += 1
        packet.time = BEGIN + self.number / 32
        self._file.write(packet)

    def flow(self, client: tuple[str, int], server: tuple[str, int]) -> Flow:
        return Flow(self, client, server)


def counted(line: str, payload: bytes | str) -> bytes:
    """A command with its payload's size at the end."""
    raw = payload.encode() if isinstance(payload, str) else payload
    return f"{line} {len(raw)}\r\n".encode() + raw


def mime(kind: str, body: str | bytes, *headers: str) -> bytes:
    head = "\r\n".join(("MIME-Version: 1.0", f"Content-Type: {kind}", *headers)) + "\r\n\r\n"
    return head.encode() + (body.encode() if isinstance(body, str) else body)


def plain(text: str, *headers: str) -> bytes:
    fonts = "X-MMS-IM-Format: FN=Segoe%20UI; EF=; CO=0; CS=0; PF=0"
    return mime("text/plain; charset=UTF-8", text, fonts, *headers)


def slp(start: str, sender: str, recipient: str, call: str, kind: str, body: str) -> bytes:
    content = body.encode() + b"\r\n\x00"
    return (
        f"{start}\r\nTo: <msnmsgr:{recipient}>\r\nFrom: <msnmsgr:{sender}>\r\n"
        f"Via: MSNSLP/1.0/TLP ;branch={{33517CE4-02FC-4428-B6F4-39927229B722}}\r\nCSeq: 0 \r\nCall-ID: {call}\r\n"
        f"Max-Forwards: 0\r\nContent-Type: application/x-msnmsgr-{kind}\r\nContent-Length: {len(content)}\r\n\r\n"
    ).encode() + content


def invite(sender: str, recipient: str, session: int, name: str, size: int, call: str = CALL) -> bytes:
    """The offer of a file."""
    context = (
        struct.pack("<IIQI", 574, 2, size, 1) + name.encode("utf-16-le").ljust(520, b"\0") + bytes(30) + b"\xff" * 4
    )
    body = f"EUF-GUID: {FILE_GUID}\r\nSessionID: {session}\r\nAppID: 2\r\nContext: {b64encode(context).decode()}\r\n"
    return slp(f"INVITE MSNMSGR:{recipient} MSNSLP/1.0", sender, recipient, call, "sessionreqbody", body)


def v1(session: int, number: int, data: bytes, *, at: int = 0, total: int | None = None, flags: int = 0) -> bytes:
    whole = len(data) if total is None else total
    return struct.pack("<IIQQIIIIQ", session, number, at, whole, len(data), flags, 0x2A2A, 0, 0) + data


def v1_file(session: int, number: int, data: bytes, piece: int = 1202) -> list[bytes]:
    return [
        v1(session, number, data[at : at + piece], at=at, total=len(data), flags=0x0100_0030)
        for at in range(0, len(data), piece)
    ]


def _padded(tlvs: bytes) -> bytes:
    return tlvs + bytes(-len(tlvs) % 4)


def v2(session: int, sequence: int, package: int, kind: int, data: bytes, *, remaining: int = 0, op: int = 0) -> bytes:
    tlvs = _padded(struct.pack("!BBQ", 1, 8, remaining)) if remaining else b""
    inner = struct.pack("!BBHI", 8 + len(tlvs), kind, package, session) + tlvs + data
    hello = _padded(bytes.fromhex("010c000200000e00000f01000000")) if op & 1 else b""
    return struct.pack("!BBHI", 8 + len(hello), op, len(inner), sequence) + hello + inner


def v2_file(session: int, sequence: int, data: bytes, piece: int = 1202) -> list[bytes]:
    return [
        v2(session, sequence + at, 1, 6 | (at == 0), data[at : at + piece], remaining=max(0, len(data) - at - piece))
        for at in range(0, len(data), piece)
    ]


def framed(packet: bytes) -> bytes:
    """As a direct connection carries it."""
    return struct.pack("<I", len(packet)) + packet


def p2p(recipient: str, packet: bytes, *headers: str, footer: int = 2) -> bytes:
    """As a MSG carries it."""
    return mime("application/x-msnmsgrp2p", packet + struct.pack("!I", footer), f"P2P-Dest: {recipient}", *headers)


def document(lines: int = 120) -> bytes:
    """A file to send."""
    return b"".join(b"%04d A line of the plan that nobody outside should read.\n" % number for number in range(lines))
