"""MSNP15: SSO sign-on with a machine GUID, lists as XML, personal messages, Yahoo contacts, waiting offline messages, a
text in three pieces, a challenge."""

from base64 import b64encode

from forge import ALICE, SECOND, SERVER, Capture, counted, mime, plain

TICKET = "t=EwDoAeLabTicketLabTicketLabTicket==&p="
ANSWER = b64encode(bytes(range(128))).decode()

capture = Capture(__file__)
ns = capture.flow((ALICE, 49_160), (SERVER, 1863))
ns.c("VER 1 MSNP15 MSNP14 MSNP13 CVR0\r\n")
ns.s("VER 1 MSNP15\r\n")
ns.c("CVR 2 0x0409 winnt 6.0.0 i386 MSNMSGR 8.5.1302 BC01 alice@example.net\r\n")
ns.s("CVR 2 8.5.1302 8.5.1302 8.1.0178 http://192.0.2.9/wlm http://192.0.2.9/\r\n")
ns.c("USR 3 SSO I alice@example.net\r\n")
ns.s(counted("GCF 0", '<?xml version= "1.0" encoding="utf-8" ?><config><shield><cli maj="7"/></shield></config>'))
ns.s("USR 3 SSO S MBI_KEY_OLD 0cjYGQSl3mMZ0Lc5i2lNYzX4oMXnGjHqz2k1vQe7Zq5b\r\n")
ns.c(f"USR 4 SSO S {TICKET} {ANSWER} {{1BE99E6D-1C6E-4BEA-8B3E-9C464006A774}}\r\n")
ns.s("USR 4 OK alice@example.net 1 0\r\nSBS 0 null\r\n")
ns.s(
    counted(
        "MSG Hotmail Hotmail",
        "MIME-Version: 1.0\r\nContent-Type: text/x-msmsgsprofile; charset=UTF-8\r\nLoginTime: 1262304001\r\n"
        f"EmailEnabled: 1\r\nlang_preference: 1033\r\nsid: 507\r\nMSPAuth: {TICKET}\r\nClientIP: {ALICE}\r\n"
        "ClientPort: 2240\r\nABCHMigrated: 1\r\nMPOPEnabled: 0\r\n\r\n",
    )
)
ns.s(
    counted(
        "MSG Hotmail Hotmail",
        mime(
            "text/x-msmsgsinitialmdatanotification; charset=UTF-8",
            "Mail-Data: <MD><E><I>0</I><IU>0</IU></E><Q><QTM>409600</QTM></Q>"
            "<M><T>11</T><S>6</S><RT>2010-01-01T00:00:00.000Z</RT><RS>0</RS><SZ>950</SZ><E>dave@example.net</E>"
            "<I>08CBD8BE-9972-433C-A9DA-84A0A725ABFA</I><N>=?utf-8?B?RGF2ZQ==?=</N></M></MD>\r\n"
            "Inbox-URL: /cgi-bin/HoTMaiL\r\n\r\n",
        ),
    )
)
ns.c("BLP 5 AL\r\n")
ns.c(
    counted(
        "ADL 6",
        '<ml l="1"><d n="example.net"><c n="bob" l="3" t="1"/><c n="carol" l="5" t="1"/></d>'
        '<d n="yahoo.example"><c n="frank" l="3" t="32"/></d></ml>',
    )
)
ns.s("BLP 5 AL\r\nADL 6 OK\r\n")
ns.c(counted("UUX 7", "<Data><PSM>at the lab &amp; busy</PSM><CurrentMedia></CurrentMedia></Data>"))
ns.c("CHG 8 NLN 2253389860:0 %3Cmsnobj%20Creator%3D%22alice%40example.net%22%20Type%3D%223%22%2F%3E\r\n")
ns.s("UUX 7 0\r\nCHG 8 NLN 2253389860:0\r\n")
ns.s("ILN 8 IDL bob@example.net 1 Bob%20%F0%9F%98%80 2253389860:0 0\r\n")
ns.s(counted("UBX bob@example.net 1", "<Data><PSM>gone fishing</PSM><CurrentMedia></CurrentMedia></Data>"))
ns.s("UBX carol@example.net 1 0\r\nNLN NLN frank@yahoo.example 32 Frank 0\r\n")
ns.s("CHL 0 15570131571988941333\r\n")
ns.c("QRY 9 PROD0119GSJUC$18 32\r\n8f2f5a91b72102cd28355e9fc9000d6e")
ns.s("QRY 9\r\n")
ns.c(counted("FQY 10", '<ml><d n="example.net"><c n="erin"/></d></ml>'))
ns.s(counted("FQY 10", '<ml><d n="example.net"><c n="erin" t="1"/></d></ml>'))
ns.s(counted("ADL 0", '<ml><d n="example.net"><c n="grace" t="1" l="8" f="Grace"/></d></ml>'))
ns.c(counted("UUM 11 frank@yahoo.example 32 1", plain("Lunch, Frank?")))
ns.s(counted("UBM frank@yahoo.example 32 alice@example.net 1 1", plain("Yes, at noon")))
ns.s(counted("UBM frank@yahoo.example 32 alice@example.net 1 2", mime("text/x-msmsgscontrol", "\r\n")))
ns.c(counted("UUM 12 1:dave@example.net 1 1", mime("text/plain; charset=UTF-8", "Call me back", "Dest-Agent: client")))
ns.s(counted("NOT", '<NOTIFICATION id="0" siteid="45705"><TO name="alice@example.net"/></NOTIFICATION>'))
ns.c("XFR 13 SB\r\n")
ns.s(f"XFR 13 SB {SECOND}:1863 CKI 1b2c3d4e5f U messenger.example.net 0\r\n")

sb = capture.flow((ALICE, 49_161), (SECOND, 1863))
sb.c("USR 1 alice@example.net 1b2c3d4e5f\r\n")
sb.s("USR 1 OK alice@example.net Alice\r\n")
sb.c("CAL 2 bob@example.net\r\n")
sb.s("CAL 2 RINGING 1234\r\nJOI bob@example.net Bob 2253389860:0\r\n")
IDENTITY = "Message-ID: {41F6A5B1-7D3A-4E2B-8F00-D0C0FFEE0001}"
sb.c(counted("MSG 3 A", plain("one " * 300, IDENTITY, "Chunks: 3")))
sb.c(counted("MSG 4 A", f"{IDENTITY}\r\nChunk: 1\r\n\r\n" + "two " * 300))
sb.c(counted("MSG 5 A", f"{IDENTITY}\r\nChunk: 2\r\n\r\nthree"))
sb.s("ACK 3\r\nACK 4\r\nACK 5\r\n")
sb.c(counted("MSG 6 U", mime("text/x-msnmsgr-datacast", "ID: 1\r\n\r\n\r\n")))
sb.s(counted("MSG bob@example.net Bob", mime("text/x-msmsgscontrol", "\r\n", "TypingUser: bob@example.net")))
sb.s(counted("MSG bob@example.net Bob", plain("Got it")))
sb.c("OUT\r\n")
sb.close()
ns.c("OUT\r\n")
ns.close()
