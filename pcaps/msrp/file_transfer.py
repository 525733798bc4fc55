"""A file announced in SIP (RFC 5547), accepted, and sent over MSRP in four chunks; a second one is declined."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

sys.path += [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "sip")]

from sip_bytes import ALICE, BOB, datagram, msrp, sip
from tcpflow import Capture

DATA = b"".join(hashlib.sha256(bytes([n])).digest() for n in range(64))  # 2048 bytes
HASH = hashlib.sha1(DATA).hexdigest(":", 1).upper() if sys.version_info >= (3, 14) else ""
HASH = HASH or ":".join(f"{byte:02X}" for byte in hashlib.sha1(DATA).digest())

capture = Capture(__file__)
alice, bob = (ALICE, 5060), (BOB, 5060)


def sdp(host: str, port: int, session: str, direction: str, setup: str, name: str) -> str:
    return "\r\n".join(
        (
            "v=0",
            f"o=- 1 1 IN IP4 {host}",
            "s=File",
            f"c=IN IP4 {host}",
            "t=0 0",
            f"m=message {port} TCP/MSRP *",
            f"a={direction}",
            "a=accept-types:*",
            f"a=path:msrp://{host}:{port or 9}/{session};tcp",
            f"a=setup:{setup}",
            f'a=file-selector:name:"{name}" type:application/zip size:{len(DATA)} hash:sha-1:{HASH}',
            "a=file-transfer-id:" + session,
            "",
        )
    )


def invite(call: str, name: str, answer: str, status: str) -> None:
    head = f"""Via: SIP/2.0/UDP {ALICE}:5060;branch=z9hG4bK{call}
        From: "Alice" <sip:alice@msrp.lab.test>;tag=1
        To: <sip:bob@msrp.lab.test>
        Call-ID: {call}@{ALICE}
        CSeq: 1 INVITE
        """
    offer = sdp(ALICE, 2855, "a" + call, "sendonly", "active", name)
    extra = f"Contact: <sip:alice@{ALICE}:5060>\nUser-Agent: lab-forge\nContent-Type: application/sdp\n"
    datagram(capture, alice, bob, sip(f"INVITE sip:bob@{BOB} SIP/2.0", head + extra, offer, "\r\n"))
    extra = f"Contact: <sip:bob@{BOB}:5060>\nContent-Type: application/sdp\n" if answer else ""
    datagram(capture, bob, alice, sip(f"SIP/2.0 {status}", head + extra, answer, "\r\n"))
    ack = head.replace("1 INVITE", "1 ACK")
    datagram(capture, alice, bob, sip(f"ACK sip:bob@{BOB} SIP/2.0", ack, "", "\r\n"))


invite("c1", "quarterly figures.zip", sdp(BOB, 40100, "bc1", "recvonly", "passive", "quarterly figures.zip"), "200 OK")
invite("c2", "more.zip", "", "603 Decline")

there, here = f"msrp://{BOB}:40100/bc1;tcp", f"msrp://{ALICE}:2855/ac1;tcp"
link = capture.flow((ALICE, 50100), (BOB, 40100))
link.client(msrp("begin00", "SEND", there, here, "Message-ID: m0\nByte-Range: 1-0/0"))
link.server(msrp("begin00", "200 OK", here, there))
for n in range(4):
    headers = f"Message-ID: m1\nByte-Range: {n * 512 + 1}-{n * 512 + 512}/2048\nContent-Type: application/zip"
    link.client(msrp(f"chunk0{n}", "SEND" if n == 3 else "SEND+", there, here, headers, DATA[n * 512 : n * 512 + 512]))
    link.server(msrp(f"chunk0{n}", "200 OK", here, there))
link.close()
