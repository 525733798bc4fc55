"""Old Google Talk on port 443: its own prefix, double quotes, a token for a password, its own sessions; then the same
account from a client of before RFC 6120 with a digest, on a stream without version."""

from __future__ import annotations

import sys
from base64 import b64encode
from hashlib import sha1
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

from tcpflow import Capture

ANN, BEN, SERVER = "10.77.0.21", "10.77.0.22", "192.0.2.125"
STREAMS = "http://etherx.jabber.org/streams"

capture = Capture(__file__)
talk = capture.flow((ANN, 43001), (SERVER, 443))
talk.client(
    f'<s:stream to="gmail.com" version="1.0" xmlns:s="{STREAMS}" xml:lang="en" xmlns="jabber:client">',
)
talk.server(
    f'<?xml version="1.0" encoding="UTF-8"?><s:stream from="gmail.com" id="8F5A2C" version="1.0" xmlns:s="{STREAMS}" '
    'xmlns="jabber:client">',
    '<s:features><mechanisms xmlns="urn:ietf:params:xml:ns:xmpp-sasl"><mechanism>X-GOOGLE-TOKEN</mechanism>'
    "</mechanisms></s:features>",
)
token = b64encode(b"\0ann.lab@gmail.com\0DQAAAGgA7Zg8-made-up-token").decode()
talk.client(f'<auth xmlns="urn:ietf:params:xml:ns:xmpp-sasl" mechanism="X-GOOGLE-TOKEN">{token}</auth>')
talk.server('<success xmlns="urn:ietf:params:xml:ns:xmpp-sasl"/>')
talk.client(
    f'<s:stream to="gmail.com" version="1.0" xmlns:s="{STREAMS}" xmlns="jabber:client">'
    '<iq type="set" id="0"><bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"><resource>Talk.v104</resource></bind></iq>',
)
talk.server(
    f'<s:stream from="gmail.com" id="8F5A2D" version="1.0" xmlns:s="{STREAMS}" xmlns="jabber:client">',
    '<iq id="0" type="result"><bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"><jid>ann.lab@gmail.com/Talk.v1047EF</jid>'
    "</bind></iq>",
)
talk.client('<presence><show>away</show><status>On the phone</status><c node="http://www.google.com/xmpp/client/caps" ')
talk.client('ver="1.0.0.104" xmlns="http://jabber.org/protocol/caps"/></presence> ')
talk.server(
    '<message from="ben.lab@gmail.com/Talk.v10411" to="ann.lab@gmail.com" type="chat" id="1"><body>Call me &lt;now&gt;'
    '</body><x xmlns="google:nosave" value="disabled"/></message>',
)
talk.client(
    '<iq to="ben.lab@gmail.com/Talk.v10411" type="set" id="7"><session type="candidates" id="1" '
    'initiator="ann.lab@gmail.com/Talk.v1047EF" xmlns="http://www.google.com/session"><candidate name="rtp" '
    'address="10.77.0.21" port="4188" preference="1" username="k3k3" password="p4p4" protocol="udp" type="local"/>'
    '<candidate name="rtp" address="192.0.2.77" port="51022" preference="0.9" username="k3k3" password="p4p4" '
    'protocol="udp" type="stun"/></session></iq>',
)
talk.client("</s:stream>")
talk.close()

old = capture.flow((BEN, 43002), ("10.77.0.10", 5222))
old.client(f"<?xml version='1.0'?>\n<stream:stream to='lab.test' xmlns='jabber:client' xmlns:stream='{STREAMS}'>\n")
old.server(
    f"<?xml version='1.0'?><stream:stream xmlns:stream='{STREAMS}' id='3EC0FFEE' xmlns='jabber:client' from='lab.test'>"
)
old.client("<iq id='1001' type='get'><query xmlns='jabber:iq:auth'><username>ben</username></query></iq>\n")
old.server(
    "<iq id='1001' type='result'><query xmlns='jabber:iq:auth'><username>ben</username><password/><digest/><resource/>"
    "</query></iq>"
)
for number, password in ((1002, "wrong"), (1003, "Build3r-Ben")):
    digest = sha1(b"3EC0FFEE" + password.encode(), usedforsecurity=False).hexdigest()
    old.client(
        f"<iq id='{number}' type='set'><query xmlns='jabber:iq:auth'><username>ben</username><digest>{digest}</digest>"
        "<resource>Exodus</resource></query></iq>\n"
    )
    old.server(f"<iq id='{number}' type='{'error' if password == 'wrong' else 'result'}'/>")
old.client(
    "<iq type='set' to='icq.lab.test' id='1004'><query xmlns='jabber:iq:register'><username>123456789</username>"
    "<password>icqpass8</password></query></iq>\n"
)
old.server("<iq type='result' from='icq.lab.test' to='ben@lab.test/Exodus' id='1004'/>")
old.client(
    "<message to='ann@lab.test' type='chat'><body>The old way</body>",
    "<x xmlns='jabber:x:event'><composing/></x></message>\n",
)
old.server(
    "<message from='ann@lab.test/Work' to='ben@lab.test'><body>You were away</body><x xmlns='jabber:x:delay' "
    "stamp='20030405T10:11:12' from='lab.test'/></message>"
)
old.client("</stream:stream>\n")
old.close()
