"""MSNP21: messages and presence as datagrams; to a contact, to Facebook, to somebody offline, in a group; a file."""

from forge import ALICE, SERVER, Capture, counted, document, invite, v2, v2_file

EPID = "epid={03c49942-1aea-4cda-8d9a-2c0a403b6782}"
ME, HIM = "1:alice@example.net", "1:bob@example.net"


def routed(to: str, sender: str, content: str, body: str | bytes = b"", service: str = "") -> bytes:
    raw = body.encode() if isinstance(body, str) else body
    channel = f"Service-Channel: {service}\r\n" if service else ""
    return (
        f"Routing: 1.0\r\nTo: {to}\r\nFrom: {sender}\r\n{channel}\r\nReliability: 1.0\r\n\r\n"
        f"{content}\r\nContent-Length: {len(raw)}\r\n\r\n"
    ).encode() + raw


TEXT = "Messaging: 2.0\r\nMessage-Type: Text\r\nContent-Type: text/plain; charset=UTF-8\r\nX-MMS-IM-Format: FN=Arial"
DATA = (
    "Messaging: 2.0\r\nMessage-Type: Data\r\nContent-Type: application/x-msnmsgrp2p\r\n"
    "Content-Transfer-Encoding: binary\r\nBridging-Offsets: 0"
)
USER = "Notification: 1.0\r\nNotifNum: 0\r\nUri: /user\r\nNotifType: Partial\r\nContent-Type: application/user+xml"
PUBLISH = "Publication: 1.0\r\nUri: /user\r\nContent-Type: application/user+xml"

capture = Capture(__file__)
ns = capture.flow((ALICE, 50_321), (SERVER, 1863))
ns.c("VER 1 MSNP21 MSNP20 MSNP19 MSNP18 MSNP17 CVR0\r\n")
ns.s("VER 1 MSNP21\r\n")
ns.c(
    "CVR 2 0x0409 winnt 6.1.0 i386 MSNMSGR 15.4.3502.0922 MSNMSGR alice@example.net "
    "VmVyc2lvbjogMQ0KWGZyQ291bnQ6IDENCg==\r\n"
)
ns.s("CVR 2 15.4.3502 15.4.3502 15.4.3502 http://192.0.2.9/wlm http://192.0.2.9/\r\n")
ns.c("USR 3 SSO I alice@example.net\r\n")
ns.s("USR 3 SSO S MBI_KEY_OLD 0cjYGQSl3mMZ0Lc5i2lNYzX4oMXnGjHqz2k1vQe7Zq5b\r\n")
ns.c("USR 4 SSO S t=EwDoAeLabTicket21== AAAA {03c49942-1aea-4cda-8d9a-2c0a403b6782}\r\n")
ns.s("USR 4 OK alice@example.net 1 0\r\n")
ns.c(
    counted(
        "ADL 5",
        '<ml l="1"><d n="example.net"><c n="bob" t="1"><s l="3" n="IM"/><s l="3" n="PE"/></c></d></ml>',
    )
)
ns.s("ADL 5 OK\r\n")
ns.c(
    counted(
        "PUT 6",
        routed(
            ME, f"{ME};{EPID}", PUBLISH, '<user><s n="IM"><Status>BSY</Status></s><s n="PE"><PSM>on 21</PSM></s></user>'
        ),
    )
)
ns.s(counted("PUT 6 OK", routed(f"{ME};{EPID}", ME, "Publication: 1.0")))
ns.s(
    counted(
        "NFY PUT",
        routed(ME, HIM, USER, '<user><s n="IM"><Status>NLN</Status></s><s n="PE"><PSM>here</PSM></s></user>'),
    )
)
ns.c(counted("SDG 7", routed(HIM, f"{ME};{EPID}", "Messaging: 2.0\r\nMessage-Type: Control/Typing")))
ns.c(counted("SDG 8", routed(HIM, f"{ME};{EPID}", TEXT, "No switchboards any more, Bob", "IM/Online")))
ns.s(counted("SDG 0", routed(f"{ME};{EPID}", HIM, TEXT, "And still in the clear", "IM/Online")))
ns.c(counted("SDG 9", routed("1:dave@example.net", f"{ME};{EPID}", TEXT, "Read this tomorrow", "IM/Offline")))
ns.c(counted("SDG 10", routed("13:1065663773;via=14:fb", f"{ME};{EPID}", TEXT, "Hello Facebook")))
ns.s(counted("SDG 0", routed("10:588e793a-003d-0003-4136-314b00000000@live.example;path=IM", HIM, TEXT, "Hi group")))
ns.s(
    counted(
        "NFY PUT", routed(ME, "14:fb", USER.replace("user", "network"), "<network><status>SigningIn</status></network>")
    )
)

file = document(60)
offer = v2(0, 100, 0, 1, invite("alice@example.net;{guid}", "bob@example.net", 77_001, "plan.txt", len(file)), op=3)
ns.c(counted("SDG 11", routed(HIM, f"{ME};{EPID}", DATA, offer + bytes(4), "PE")))
sequence = 5_000
for number, piece in enumerate(v2_file(77_001, sequence, file), 12):
    ns.c(counted(f"SDG {number}", routed(HIM, f"{ME};{EPID}", DATA, piece + b"\0\0\0\2", "PE")))
ns.s(counted("NFY PUT", routed(ME, HIM, USER, '<user><s n="IM"><Status>HDN</Status></s></user>')))
ns.c("OUT\r\n")
ns.close()
