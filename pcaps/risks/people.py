"""People who talk by XMPP without TLS, for the scripts here."""

from __future__ import annotations

import sys
from base64 import b64encode
from pathlib import Path
from typing import Self
from xml.sax.saxutils import escape, quoteattr

sys.path.append(str(Path(__file__).parents[1]))

from tcpflow import Capture

SERVER = ("10.79.0.10", 5222)
_STREAM = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'"
_SASL = "xmlns='urn:ietf:params:xml:ns:xmpp-sasl'"
_BIND = "xmlns='urn:ietf:params:xml:ns:xmpp-bind'"
_SI = "http://jabber.org/protocol/si"
_FILE = f"{_SI}/profile/file-transfer"


def jid(name: str) -> str:
    return f"{name}@corp.example"


class Person:
    """One who logs in at a host of 10.79.0.0/24 and stays until the script ends."""

    def __init__(self, capture: Capture, name: str, host: int, port: int = 40000) -> None:
        self.jid = jid(name)
        self._offers = 0
        secret = b64encode(f"\0{name}\0secret of {name}".encode()).decode()
        self.flow = capture.flow((f"10.79.0.{host}", port), SERVER)
        self.flow.client(f"<?xml version='1.0'?>{_STREAM} to='corp.example'>")
        self.flow.server(f"<?xml version='1.0'?>{_STREAM} from='corp.example' id='s1'>")
        self.flow.server(
            f"<stream:features><mechanisms {_SASL}><mechanism>PLAIN</mechanism></mechanisms></stream:features>"
        )
        self.flow.client(f"<auth {_SASL} mechanism='PLAIN'>{secret}</auth>").server(f"<success {_SASL}/>")
        self.flow.client(f"{_STREAM} to='corp.example'>")
        self.flow.server(f"{_STREAM} from='corp.example' id='s2'><stream:features><bind {_BIND}/></stream:features>")
        self.flow.client(f"<iq type='set' id='b'><bind {_BIND}/></iq>")
        self.flow.server(f"<iq type='result' id='b'><bind {_BIND}><jid>{self.jid}/work</jid></bind></iq>")

    def knows(self, *names: str) -> Self:
        items = "".join(f"<item jid={quoteattr(jid(name))} subscription='both'/>" for name in names)
        self.flow.client("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>")
        self.flow.server(f"<iq type='result' id='r'><query xmlns='jabber:iq:roster'>{items}</query></iq>")
        return self

    def writes(self, to: str, text: str) -> Self:
        self.flow.client(f"<message type='chat' to={quoteattr(jid(to))}><body>{escape(text)}</body></message>")
        return self

    def hears(self, sender: str, text: str) -> Self:
        ends = f"from={quoteattr(jid(sender) + '/work')} to={quoteattr(self.jid + '/work')}"
        self.flow.server(f"<message type='chat' {ends}><body>{escape(text)}</body></message>")
        return self

    def offers(self, to: str, name: str, size: int) -> Self:
        self._offers += 1
        file = f"<file xmlns='{_FILE}' name={quoteattr(name)} size='{size}'/>"
        self.flow.client(
            f"<iq type='set' id='f{self._offers}' to={quoteattr(jid(to) + '/work')}>"
            f"<si xmlns='{_SI}' id='s{self._offers}' profile='{_FILE}'>{file}</si></iq>"
        )
        return self
