"""A present-day client on port 8443 without TLS: SASL2 with SCRAM, carbons, the archive, OMEMO, a room with a password,
an upload and a described file, Jingle; then bytes that are compressed (XEP-0138)."""

from __future__ import annotations

import sys
import zlib
from base64 import b64encode
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

from tcpflow import Capture

ANN, SERVER = "2001:db8::21", "2001:db8::10"
STREAMS = "http://etherx.jabber.org/streams"
OPEN = f"<stream:stream to='lab.test' xmlns='jabber:client' xmlns:stream='{STREAMS}' version='1.0' from='ann@lab.test'>"
OPENED = f"<stream:stream from='lab.test' id='s1' xmlns='jabber:client' xmlns:stream='{STREAMS}' version='1.0'>"


def b64(text: str) -> str:
    return b64encode(text.encode()).decode()


capture = Capture(__file__)
flow = capture.flow((ANN, 43011), (SERVER, 8443))
flow.client(f"<?xml version='1.0'?>{OPEN}")
flow.server(
    f"<?xml version='1.0'?>{OPENED}",
    "<stream:features><authentication xmlns='urn:xmpp:sasl:2'><mechanism>SCRAM-SHA-256</mechanism></authentication>"
    "</stream:features>",
)
flow.client(
    "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='SCRAM-SHA-256'><initial-response>"
    f"{b64('n,,n=ann,r=fyko')}</initial-response><user-agent id='d4565fa7'><software>AwesomeXMPP 3.1</software>"
    "<device>Ann&apos;s phone</device></user-agent></authenticate>"
)
flow.server(f"<challenge xmlns='urn:xmpp:sasl:2'>{b64('r=fykoXYZ,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096')}</challenge>")
flow.client(
    f"<response xmlns='urn:xmpp:sasl:2'>{b64('c=biws,r=fykoXYZ,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgs')}</response>"
)
flow.server(
    "<success xmlns='urn:xmpp:sasl:2'><authorization-identifier>ann@lab.test/phone.1</authorization-identifier>"
    "<bound xmlns='urn:xmpp:bind:0'/></success>",
)
flow.client("<enable xmlns='urn:xmpp:sm:3' resume='true'/><presence/>")
flow.server("<enabled xmlns='urn:xmpp:sm:3' id='x' resume='true'/>")
for kind, sender, to in (("sent", "ann@lab.test/desk", "ben@lab.test"), ("received", "ben@lab.test/x", "ann@lab.test")):
    flow.server(
        f"<message from='ann@lab.test' to='ann@lab.test/phone.1' type='chat'><{kind} xmlns='urn:xmpp:carbons:2'>"
        f"<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='{sender}' to='{to}' type='chat'>"
        f"<body>Lunch {'?' if kind == 'sent' else 'at noon'}</body></message></forwarded></{kind}></message>"
    )
flow.server(
    "<message to='ann@lab.test/phone.1'><result xmlns='urn:xmpp:mam:2' id='28482-98726-73623'><forwarded "
    "xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' stamp='2010-07-10T23:08:25Z'/><message "
    "xmlns='jabber:client' from='ben@lab.test/x' to='ann@lab.test' type='chat'><body>From the archive</body></message>"
    "</forwarded></result></message>"
)
flow.client(
    "<message to='ben@lab.test' type='chat' id='o1'><encrypted xmlns='eu.siacs.conversations.axolotl'>"
    "<header sid='27183'><key rid='31415'>BASE64</key><iv>BASE64</iv></header>"
    "<payload>BASE64</payload></encrypted><encryption "
    "xmlns='urn:xmpp:eme:0' name='OMEMO' namespace='eu.siacs.conversations.axolotl'/><body>This message is OMEMO "
    "encrypted</body><store xmlns='urn:xmpp:hints'/></message><r xmlns='urn:xmpp:sm:3'/>"
)
flow.server("<a xmlns='urn:xmpp:sm:3' h='2'/>")
flow.client(
    "<presence to='den@rooms.lab.test/annie'><x xmlns='http://jabber.org/protocol/muc'><password>0pen-Sesame</password>"
    "</x></presence>"
)
flow.server(
    "<presence from='den@rooms.lab.test/benny' to='ann@lab.test/phone.1'>"
    "<x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='owner' role='moderator' "
    "jid='ben@lab.test/x'/></x></presence>",
    "<message from='den@rooms.lab.test/benny' to='ann@lab.test/phone.1' type='groupchat' id='g1'>"
    "<body>Welcome, Annie ☕</body></message>",
)
flow.client("<message to='den@rooms.lab.test' type='groupchat' id='g2'><body>Thanks</body></message>")
flow.server(
    "<message from='den@rooms.lab.test/annie' to='ann@lab.test/phone.1' type='groupchat' id='g2'><body>Thanks</body>"
    "</message>",
)
flow.client(
    "<iq type='get' id='u1' to='upload.lab.test'><request xmlns='urn:xmpp:http:upload:0' filename='très cool.jpg' "
    "size='23456' content-type='image/jpeg'/></iq>"
)
flow.server(
    "<iq type='result' id='u1' from='upload.lab.test' to='ann@lab.test/phone.1'><slot xmlns='urn:xmpp:http:upload:0'>"
    "<put url='https://up.lab.test/4a77/tr%C3%A8s%20cool.jpg'/>"
    "<get url='https://up.lab.test/4a77/tr%C3%A8s%20cool.jpg'/></slot></iq>"
)
flow.client(
    "<iq type='set' id='j1' to='ben@lab.test/x'><jingle xmlns='urn:xmpp:jingle:1' action='session-initiate' "
    "sid='851ba2' initiator='ann@lab.test/phone.1'><content creator='initiator' name='a-file-offer'><description "
    "xmlns='urn:xmpp:jingle:apps:file-transfer:5'><file><media-type>text/plain</media-type><name>notes.txt</name>"
    "<size>6144</size></file></description><transport xmlns='urn:xmpp:jingle:transports:ice-udp:1' "
    "pwd='hidden' ufrag='8h'><candidate component='1' foundation='1' generation='0' id='e1' ip='2001:db8::21' "
    "port='8998' "
    "priority='1' "
    "protocol='udp' type='host'/><candidate component='1' foundation='2' generation='0' id='e2' ip='192.0.2.3' "
    "port='45664' priority='2' protocol='udp' rel-addr='10.77.0.21' rel-port='8998' type='srflx'/></transport>"
    "</content>"
    "</jingle></iq>"
)
flow.server(
    "<iq type='set' id='j2' from='ben@lab.test/x' to='ann@lab.test/phone.1'><jingle xmlns='urn:xmpp:jingle:1' "
    "action='session-terminate' sid='851ba2'><reason><decline/></reason></jingle></iq>",
)
flow.client("</stream:stream>")
flow.close()

small = capture.flow((ANN, 43012), (SERVER, 5222))
small.client(OPEN)
small.server(OPENED + "<stream:features><compression xmlns='http://jabber.org/features/compress'/></stream:features>")
small.client("<compress xmlns='http://jabber.org/protocol/compress'><method>zlib</method></compress>")
small.server("<compressed xmlns='http://jabber.org/protocol/compress'/>")
PLAIN = b64("\0ann\0Wonder-7")
deflate = zlib.compressobj()
for text in (
    OPEN,
    f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{PLAIN}</auth>",
    "<message to='ben@lab.test' type='chat'><body>Small but readable</body></message>",
):
    small.client(deflate.compress(text.encode()) + deflate.flush(zlib.Z_SYNC_FLUSH))
small.close()
