"""A client of Live Communications Server: NTLM in two steps, contacts, the first line of a talk in a header."""

from __future__ import annotations

from base64 import b64encode

from sip_bytes import ALICE, SERVER, sip
from tcpflow import Capture


def token(kind: int, *fields: bytes) -> str:
    """An NTLMSSP message: a number and, in the third, what the fields say."""
    head, at = b"NTLMSSP\0" + kind.to_bytes(4, "little"), 12 + 8 * len(fields) + 4
    for field in fields:
        head += len(field).to_bytes(2, "little") * 2 + at.to_bytes(4, "little")
        at += len(field)
    return b64encode(head + (1).to_bytes(4, "little") + b"".join(fields)).decode()


capture = Capture(__file__)
link = capture.flow((ALICE, 49210), (SERVER, 5060))
common = f"""Via: SIP/2.0/TCP {ALICE}:49210
Max-Forwards: 70
From: <sip:alice@corp.lab.test>;tag=f1;epid=e1
To: <sip:{{to}}@corp.lab.test>
Call-ID: {{call}}
CSeq: {{cseq}}
User-Agent: LCC/1.3
"""
contact = f"Contact: <sip:{ALICE}:49210;transport=tcp;ms-opaque=9>;proxy=replace\n"
ntlm = 'NTLM qop="auth", realm="SIP Communications Service", targetname="lcs.corp.lab.test", gssapi-data="{}"'
steps = (
    ("", "401 Unauthorized", f"WWW-Authenticate: {ntlm.format('')}"),
    (token(1), "401 Unauthorized", f"WWW-Authenticate: {ntlm.format(token(2))}"),
    (
        token(3, b"\x11" * 24, b"\x22" * 24, *(s.encode("utf-16-le") for s in ("LAB", "alice", "PC21")), b""),
        "200 OK",
        "Expires: 7200",
    ),
)
for number, (data, status, answer) in enumerate(steps, 1):
    head = common.format(to="alice", call="r1", cseq=f"{number} REGISTER")
    credential = f"Authorization: {ntlm.format(data)}\n" if number > 1 else ""
    link.client(sip("REGISTER sip:corp.lab.test SIP/2.0", head + contact + credential, end="\r\n"))
    link.server(sip(f"SIP/2.0 {status}", head.replace("User-Agent: LCC/1.3", answer), end="\r\n"))

head = common.format(to="alice", call="s1", cseq="1 SUBSCRIBE")
link.client(
    sip("SUBSCRIBE sip:alice@corp.lab.test SIP/2.0", head + "Event: vnd-microsoft-roaming-contacts", end="\r\n")
)
contacts = (
    '<contactList deltaNum="1" xmlns="http://schemas.microsoft.com/2002/09/sip/contactlist"><group id="1" name="~"/>'
    '<group id="2" name="Work"/><contact uri="bob@corp.lab.test" name="Bob" groups="2 " subscribed="true"/>'
    '<contact uri="carol@corp.lab.test" name="" groups="1 " subscribed="true"/></contactList>'
)
kind = "Content-Type: application/vnd-microsoft-roaming-contacts+xml"
notify = f"""Via: SIP/2.0/TCP {SERVER}:5060
From: <sip:alice@corp.lab.test>;tag=n1
To: <sip:alice@corp.lab.test>;tag=f1
Call-ID: s1
CSeq: 1 NOTIFY
{kind}
"""
link.server(sip("SIP/2.0 200 OK", head, end="\r\n"))
link.server(sip("NOTIFY sip:alice@corp.lab.test SIP/2.0", notify, contacts, end="\r\n"))

first = b64encode("Kommst du mit zum Essen? – Alice".encode()).decode()
head = common.format(to="bob", call="i1", cseq="1 INVITE")
sdp = f"v=0\r\no=- 0 0 IN IP4 {ALICE}\r\ns=session\r\nc=IN IP4 {ALICE}\r\nt=0 0\r\nm=message 5060 sip null\r\n"
head += f"{contact}ms-text-format: text/plain; charset=UTF-8;ms-body={first}\nContent-Type: application/sdp\n"
link.client(sip("INVITE sip:bob@corp.lab.test SIP/2.0", head, sdp, end="\r\n"))
link.server(sip("SIP/2.0 200 OK", common.format(to="bob", call="i1", cseq="1 INVITE"), end="\r\n"))
head = common.format(to="bob", call="i1", cseq="2 MESSAGE") + "Content-Type: text/plain; charset=UTF-8\n"
link.client(sip("MESSAGE sip:bob@corp.lab.test SIP/2.0", head, "Um zwölf?", end="\r\n"))
link.server(sip("SIP/2.0 200 OK", common.format(to="bob", call="i1", cseq="2 MESSAGE"), end="\r\n"))
link.close()
