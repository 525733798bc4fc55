"""Clients of the messengers of two decades, as far as a made company uses them: each is one flow, typed into.

What an eavesdropper learns by the mere use of each is known from the protocols, and `leaks` says it. Whether the
program says the same is what the scenario is about.
"""

from __future__ import annotations

import hashlib
import struct
from xml.sax.saxutils import escape, quoteattr

from tests.dissect.oscar_bytes import flap, hello, own, snac, text, tlv, to_client, to_server, user
from tests.envelopes.hello import client_hello, record
from tests.net.forge import udp
from tests.scenario.traffic import SECOND, Flow, Irc, Xmpp

Truth = set[tuple[str, str, str]]
"""Risk, service, subject."""


KEEP_ALIVE = 1800 * SECOND


class Client:
    """What all have in common: an account, what it leaks, and a clock that never runs back."""

    service: str
    flow: Flow
    account: str
    logs_in: tuple[str, ...] = ()
    """Risks of the log-in."""

    def __init__(self) -> None:
        self.leaks: Truth = {(risk, self.service, self.account) for risk in ("rogue-im", *self.logs_in)}

    def at(self, moment: int) -> None:
        while moment - self.flow.at > KEEP_ALIVE:
            self.flow.at += KEEP_ALIVE
            self.idle()
        self.flow.at = max(self.flow.at, moment)

    def idle(self) -> None:
        """What a client says so that its connection lives."""

    def write(self, to: str, words: str) -> None:
        self._talk(to)
        self.type(to, words)

    def hear(self, sender: str, words: str) -> None:
        self._talk(sender)
        self.show(sender, words)

    def _talk(self, other: str) -> None:
        self.leaks.add(("cleartext-messages", self.service, " ↔ ".join(sorted((self.account, other)))))

    def type(self, to: str, words: str) -> None:
        raise NotImplementedError

    def show(self, sender: str, words: str) -> None:
        raise NotImplementedError

    def _file(self, name: str) -> None:
        self.leaks.add(("file-transfer", self.service, f"{name} from {self.account}"))


class Jabber(Client):
    """XMPP without TLS and with SASL PLAIN. The company's own server is approved: its use is no finding."""

    service = "jabber"
    logs_in = ("cleartext-credential",)

    def __init__(self, account: str, host: str, at: int, port: int, *, server: str = "10.1.0.10", rogue: bool = False):
        self.account = account
        self.flow = Xmpp(account, host, at, server=server, from_port=port, password=f"pw-{account[:4]}")
        super().__init__()
        if not rogue:
            self.leaks.discard(("rogue-im", self.service, account))
        self._files = 0

    def idle(self) -> None:
        self.flow.say(True, " ")

    def type(self, to: str, words: str) -> None:
        self.flow.say(True, f"<message type='chat' to={quoteattr(to)}><body>{escape(words)}</body></message>")

    def show(self, sender: str, words: str) -> None:
        said = f"<message type='chat' from={quoteattr(sender + '/x')} to={quoteattr(self.account)}>"
        self.flow.say(False, f"{said}<body>{escape(words)}</body></message>")

    def roster(self, *names: str) -> None:
        items = "".join(f"<item jid={quoteattr(name)} subscription='both'/>" for name in names)
        self.flow.say(True, "<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>")
        self.flow.say(False, f"<iq type='result' id='r'><query xmlns='jabber:iq:roster'>{items}</query></iq>")

    def room(self, room: str, words: str) -> None:
        self.leaks.add(("cleartext-messages", self.service, room))
        self.flow.say(True, f"<message type='groupchat' to={quoteattr(room)}><body>{escape(words)}</body></message>")

    def offer(self, to: str, name: str, size: int) -> None:
        """XEP-0096, with bytes in band as the only way."""
        self._file(name)
        self._files += 1
        si = "http://jabber.org/protocol/si"
        file = f"<file xmlns='{si}/profile/file-transfer' name={quoteattr(name)} size='{size}'/>"
        self.flow.say(
            True,
            f"<iq type='set' id='f{self._files}' to={quoteattr(to + '/x')}><si xmlns='{si}' id='s{self._files}' "
            f"profile='{si}/profile/file-transfer'>{file}</si></iq>",
        )


class Chat(Client):
    """IRC. No password, so nothing of a log-in leaks."""

    service = "irc"

    def __init__(self, account: str, host: str, at: int, port: int, *, at_port: int = 6667) -> None:
        self.account = account
        self.flow = Irc(account, host, at, port=at_port, from_port=port)
        super().__init__()
        if at_port != 6667:
            self.leaks.add(("odd-port", self.service, f"203.0.113.66:{at_port}"))

    def type(self, to: str, words: str) -> None:
        self.flow.say(True, f"PRIVMSG {to} :{words}\r\n")

    def show(self, sender: str, words: str) -> None:
        self.flow.say(False, f":{sender}!u@users.example.net PRIVMSG {self.account} :{words}\r\n")

    def offer(self, to: str, name: str, size: int, host: str) -> None:
        """By DCC, which tells the peer the address of the host."""
        self._file(name)
        self.leaks.add(("peer-address-exposed", self.service, self.account))
        number = int.from_bytes(bytes(map(int, host.split("."))), "big")
        self.flow.say(True, f"PRIVMSG {to} :\x01DCC SEND {name.replace(' ', '_')} {number} 50211 {size}\x01\r\n")


class Toc(Client):
    """AIM's TOC: the password is roasted, which hides it from nobody."""

    service = "aim"
    logs_in = ("cleartext-credential",)

    def __init__(self, account: str, host: str, at: int, port: int) -> None:
        self.account = account
        self.flow = Flow(host, "198.51.100.20", at, port=9898, from_port=port)
        super().__init__()
        self.flow.say(True, b"FLAPON\r\n\r\n").say(False, flap(1, 0, b"\0\0\0\1"))
        self.flow.say(True, flap(1, 0, b"\0\0\0\1" + tlv(1, account.encode())))
        self._ask(f'toc_signon login.example.org 5190 {account} 0x2408105c23001130 english "TIC:Made"')
        self._tell("SIGN_ON:TOC1.0")
        self._tell(f"NICK:{account}")
        self._ask("toc_init_done")

    def _ask(self, words: str) -> None:
        self.flow.say(True, flap(2, 1, words.encode() + b"\0"))

    def _tell(self, words: str) -> None:
        self.flow.say(False, flap(2, 1, words.encode()))

    def type(self, to: str, words: str) -> None:
        quoted = "".join("\\" + char if char in '\\"$[](){}' else char for char in words)
        self._ask(f'toc_send_im {to} "{quoted}"')

    def show(self, sender: str, words: str) -> None:
        self._tell(f"IM_IN:{sender}:F:{words}")


class Aim(Client):
    """OSCAR: a main connection with the cookie that a log-in elsewhere gave; it works when replayed."""

    service = "oscar"
    logs_in = ("token-exposed",)

    def __init__(self, account: str, host: str, at: int, port: int) -> None:
        self.account = account
        self.flow = Flow(host, "198.51.100.21", at, port=5190, from_port=port)
        super().__init__()
        cookie = hashlib.sha512(account.encode()).digest() * 4
        self.flow.say(False, hello()).say(True, hello(tlv(6, cookie)))
        self.flow.say(False, snac(1, 3, b"\0\1\0\2\0\3\0\4\0\x13")).say(True, snac(1, 0x17, b"\0\1\0\4"))
        self.flow.say(False, own(account.encode()))
        self._number = 0

    def _cookie(self) -> bytes:
        self._number += 1
        return hashlib.sha256(f"{self.account}{self._number}".encode()).digest()[:8]

    def type(self, to: str, words: str) -> None:
        self.flow.say(True, to_server(to.encode(), text(words.encode("utf-16-be"), 2), cookie=self._cookie()))

    def show(self, sender: str, words: str) -> None:
        self.flow.say(False, to_client(sender.encode(), text(words.encode("utf-16-be"), 2), cookie=self._cookie()))

    def contacts(self, *names: str) -> None:
        self.flow.say(False, b"".join(snac(3, 0xB, user(name.encode(), tlv(1, b"\0\x10"))) for name in names))


class Datagrams(Flow):
    """A UDP exchange that looks like a flow to its client."""

    def __init__(self, client: str, server: str, at: int, *, port: int, from_port: int) -> None:
        super().__init__(client, server, at, port=port, from_port=from_port)
        self.packets.clear()

    def _send(self, client: bool, data: bytes, flags: int) -> None:
        self.packets.append((self.at, udp(self._ends[client], self._ends[not client], data)))
        self.at += SECOND // 1000

    def close(self) -> Datagrams:
        return self


class IcqOld(Client):
    """ICQ of 1995 over UDP: nothing is hidden, and the log-in tells the host's own address, which friends get."""

    service = "icq"
    logs_in = ("cleartext-credential", "peer-address-exposed")

    def __init__(self, account: str, host: str, at: int, port: int) -> None:
        self.account = account
        self.flow = Datagrams(host, "198.51.100.22", at, port=4000, from_port=port)
        super().__init__()
        self._number = 1
        name = b"sesame99\0"
        start = struct.pack("<I", 4000) + struct.pack("<H", len(name)) + name
        self._ask(0x3E8, start + struct.pack("<I4sBI", 0x98, bytes(map(int, host.split("."))), 4, 0))
        self._tell(0xA)
        self._tell(0x5A, struct.pack("<I", int(account)) + bytes(29))

    def _ask(self, command: int, body: bytes) -> None:
        self.flow.say(True, struct.pack("<HHHI", 2, command, self._number, int(self.account)) + body)
        self._number += 1

    def _tell(self, command: int, body: bytes = b"") -> None:
        self.flow.say(False, struct.pack("<HHH", 2, command, self._number) + body)

    def type(self, to: str, words: str) -> None:
        said = words.encode("cp1252", "replace") + b"\0"
        self._ask(0x10E, struct.pack("<IHH", int(to), 1, len(said)) + said)
        self._tell(0xA)

    def show(self, sender: str, words: str) -> None:
        said = words.encode("cp1252", "replace") + b"\0"
        self._number += 1
        self._tell(0x104, struct.pack("<IHH", int(sender), 1, len(said)) + said)


class Msn(Client):
    """A switchboard of MSN: two people and a password for this talk alone. The log-in went to another server."""

    service = "msn"
    logs_in = ("token-exposed",)

    def __init__(self, account: str, host: str, at: int, port: int, with_whom: str) -> None:
        self.account, self._other, self._number = account, with_whom, 2
        self.flow = Flow(host, "198.51.100.23", at, port=1863, from_port=port)
        super().__init__()
        self.flow.say(True, f"USR 1 {account} 17262740.{port}.32308\r\n")
        self.flow.say(False, f"USR 1 OK {account} {account.partition('@')[0]}\r\n")
        self.flow.say(True, f"CAL 2 {with_whom}\r\n")
        self.flow.say(False, f"CAL 2 RINGING {port}\r\nJOI {with_whom} Friend\r\n")

    def _say(self, mine: bool, kind: str, body: str) -> None:
        said = f"MIME-Version: 1.0\r\nContent-Type: {kind}; charset=UTF-8\r\n\r\n{body}".encode()
        self._number += 1
        head = f"MSG {self._number} N" if mine else f"MSG {self._other} Friend"
        self.flow.say(mine, f"{head} {len(said)}\r\n".encode() + said)

    def type(self, to: str, words: str) -> None:
        assert to == self._other
        self._say(True, "text/plain", words)

    def show(self, sender: str, words: str) -> None:
        assert sender == self._other
        self._say(False, "text/plain", words)

    def offer(self, name: str, size: int) -> None:
        self._file(name)
        guid = "{5D3E02AB-6190-11D3-BBBB-00C04F795683}"
        self._say(
            True,
            "text/x-msmsgsinvite",
            f"Application-Name: File Transfer\r\nApplication-GUID: {guid}\r\nInvitation-Command: INVITE\r\n"
            f"Invitation-Cookie: {self._number}\r\nApplication-File: {name}\r\nApplication-FileSize: {size}\r\n\r\n",
        )


class Yahoo(Client):
    """YMSG 12: an answered challenge, which can be guessed offline."""

    service = "yahoo"
    logs_in = ("cleartext-credential",)

    def __init__(self, account: str, host: str, at: int, port: int) -> None:
        self.account = account
        self.flow = Flow(host, "198.51.100.24", at, port=5050, from_port=port)
        super().__init__()
        self._say(True, 0x57, (1, account))
        self._say(False, 0x57, (94, "seed"), (1, account), (13, "1"), status=1)
        self._say(True, 0x54, (96, "crypt--"), (1, account), (6, "md5--"), (135, "6,0,0,1750"), (0, account))
        self._say(False, 0x55, (87, ""), (3, account))

    def _say(self, mine: bool, service: int, *pairs: tuple[int, str], status: int = 0) -> None:
        body = b"".join(b"%d\xc0\x80%s\xc0\x80" % (key, value.encode()) for key, value in pairs)
        self.flow.say(mine, struct.pack("!4sHHHHII", b"YMSG", 12, 0, len(body), service, status, 7) + body)

    def type(self, to: str, words: str) -> None:
        self._say(True, 6, (1, self.account), (5, to), (14, words), (97, "1"))

    def show(self, sender: str, words: str) -> None:
        self._say(False, 6, (5, self.account), (4, sender), (14, words), (97, "1"), status=1)


class Phone(Client):
    """SIP with SIMPLE over UDP: a digest that can be guessed offline, and the host's address in its contact."""

    service = "sip"
    logs_in = ("cleartext-credential", "peer-address-exposed")

    def __init__(self, account: str, host: str, at: int, port: int) -> None:
        self.account, self._host, self._number = account, host, 0
        self._server = "198.51.100.25"
        self.flow = Datagrams(host, self._server, at, port=5060, from_port=5060)
        super().__init__()
        user_, _, domain = account.partition("@")
        digest = (
            f'Authorization: Digest username="{user_}", realm="{domain}", nonce="n{port}", uri="sip:{domain}", '
            f'response="{hashlib.md5(account.encode(), usedforsecurity=False).hexdigest()}"\r\n'
        )
        extra = f"Contact: <sip:{user_}@{host}:5060>\r\nExpires: 3600\r\n{digest}"
        self._ask(True, "REGISTER", f"sip:{domain}", account, account, extra)

    def _ask(self, mine: bool, method: str, uri: str, sender: str, to: str, extra: str, body: str = "") -> None:
        self._number += 1
        via = self._host if mine else self._server
        head = (
            f"Via: SIP/2.0/UDP {via}:5060;branch=z9hG4bK{sender[:3]}{self._number}\r\nFrom: <sip:{sender}>;tag=1\r\n"
            f"To: <sip:{to}>\r\nCall-ID: c{self._number}@{via}\r\nCSeq: {self._number} {method}\r\n"
        )
        raw = body.encode()
        length = f"Content-Length: {len(raw)}\r\n\r\n"
        self.flow.say(mine, f"{method} {uri} SIP/2.0\r\n{head}{extra}{length}".encode() + raw)
        self.flow.say(not mine, f"SIP/2.0 200 OK\r\n{head}Content-Length: 0\r\n\r\n")

    def type(self, to: str, words: str) -> None:
        kind = "Content-Type: text/plain;charset=UTF-8\r\n"
        self._ask(True, "MESSAGE", f"sip:{to}", self.account, to, kind, words)

    def show(self, sender: str, words: str) -> None:
        kind = "Content-Type: text/plain;charset=UTF-8\r\n"
        self._ask(False, "MESSAGE", f"sip:{self.account}", sender, self.account, kind, words)


class Tunnelled(Jabber):
    """XMPP with a server outside, through the company's web proxy by CONNECT."""

    def __init__(self, account: str, host: str, at: int, port: int) -> None:
        self.account, self._files = account, 0
        self.flow = Flow(host, "10.1.0.8", at, port=3128, from_port=port)
        self.flow.say(True, "CONNECT jabber.outside.example:5222 HTTP/1.1\r\nHost: jabber.outside.example:5222\r\n\r\n")
        self.flow.say(False, "HTTP/1.1 200 Connection established\r\n\r\n")
        inner = Xmpp(account, host, at, server="192.0.2.77", from_port=port, password="pw-tunnel")
        for mine, said in said_in(inner):
            self.flow.say(mine, said)
        Client.__init__(self)
        self.leaks.add(("tunnelled-im", self.service, account))


def said_in(flow: Flow) -> list[tuple[bool, bytes]]:
    """What both sides of a flow of plain Ethernet and IPv4 said."""
    first = flow.packets[0][1][26:30]
    return [(data[26:30] == first, data[54:]) for _, data in flow.packets if data[54:]]


class Web(Flow):
    """TLS to a name, and nothing that could be read."""

    def __init__(self, name: str, host: str, at: int, port: int) -> None:
        server = "203.0.113." + str(sum(name.encode()) % 200 + 20)
        super().__init__(host, server, at, port=443, from_port=port)
        self.say(True, record(client_hello(name)))
        self.say(False, b"\x16\x03\x03\x00\x02\x02\x00")
        self.say(True, b"\x17\x03\x03\x00\x40" + bytes(64)).say(False, b"\x17\x03\x03\x04\x00" + bytes(1024))
        self.close()
