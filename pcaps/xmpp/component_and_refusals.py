"""A component's handshake on port 5347; logins that fail, one mechanism after the other; a stream from the middle,
whose beginning is not in the capture; XML that is not XMPP beside it."""

from __future__ import annotations

import sys
from base64 import b64encode
from hashlib import sha1
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

from tcpflow import Capture, Flow

ANN, GATEWAY, SERVER = "10.77.0.21", "10.77.0.40", "10.77.0.10"
STREAMS = "http://etherx.jabber.org/streams"
SASL = "urn:ietf:params:xml:ns:xmpp-sasl"


class Midway(Flow):
    """A connection that was open before the capture began."""

    def _send(self, who: int, data: bytes, flags: str) -> None:
        if data:
            super()._send(who, data, flags)


def b64(text: str) -> str:
    return b64encode(text.encode()).decode()


capture = Capture(__file__)
gateway = capture.flow((GATEWAY, 43021), (SERVER, 5347))
gateway.client(f"<stream:stream xmlns='jabber:component:accept' xmlns:stream='{STREAMS}' to='irc.lab.test'>")
gateway.server(
    f"<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' xmlns:stream='{STREAMS}' id='3BF96D32' "
    "from='irc.lab.test'>"
)
gateway.client(f"<handshake>{sha1(b'3BF96D32s3cret', usedforsecurity=False).hexdigest()}</handshake>")
gateway.server("<handshake/>")
gateway.server(
    "<message from='ann@lab.test/w' to='#lab%irc.example.org@irc.lab.test' type='groupchat'><body>through the gateway"
    "</body></message>"
)
gateway.client("</stream:stream>")
gateway.close()

tries = capture.flow((ANN, 43022), (SERVER, 5222))
tries.client(f'<stream:stream to="lab.test" xmlns="jabber:client" xmlns:stream="{STREAMS}" version="1.0">')
tries.server(f"<stream:stream from='lab.test' id='t' xmlns='jabber:client' xmlns:stream='{STREAMS}' version='1.0'>")
for mechanism, *said in (
    ("SCRAM-SHA-1", "n,,n=ann,r=abc"),
    ("CRAM-MD5", "", "ann 3dbc88f0624776a737b39093f6eb6427"),
    ("PLAIN", "\0ann\0Wonder-Land7"),
):
    tries.client(f"<auth xmlns='{SASL}' mechanism='{mechanism}'>{b64(said[0])}</auth>")
    for text in said[1:]:
        tries.server(f"<challenge xmlns='{SASL}'>{b64('<1896.697170952@lab.test>')}</challenge>")
        tries.client(f"<response xmlns='{SASL}'>{b64(text)}</response>")
    tries.server(f"<failure xmlns='{SASL}'><not-authorized/></failure>")
tries.server(
    "<stream:error><policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>"
)
tries.close()

midway = Midway(capture, (ANN, 43023), (SERVER, 23))
midway.server("ng</body></message> ")
midway.client("<message to='ben@lab.test' type='chat' id='m1'><body>Nobody saw me log in</body></message>")
midway.server(
    "<message from='ben@lab.test/home' to='ann@lab.test/desk' type='chat'><body>Nor me</body></message>",
    "<iq type='result' id='v' from='ben@lab.test/home' to='ann@lab.test/desk'><vCard xmlns='vcard-temp'>"
    "<FN>Ben</FN></vCard></iq>",
)

shop = capture.flow((ANN, 43024), (SERVER, 5222))
shop.client(
    "<?xml version='1.0'?><orders><message to='stock' type='order' id='7'><body>12 hammers</body></message></orders>"
)
shop.server("<?xml version='1.0'?><orders><message from='stock' type='receipt' id='7'/></orders>")
shop.close()
