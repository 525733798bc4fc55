"""Instant messaging for the benchmark: small conversations of valid frames, one generator a protocol.

Each is what a real client and server would say: opening, login, a contact list, messages to and fro, the end.
Accounts and texts are made up; the number of messages is the caller's.
"""

from __future__ import annotations

import struct
from base64 import b64encode
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import md5
from random import Random
from typing import NamedTuple

from bench.wire import CLIENT, MILLI, SERVER, Turn

TEXTS = (
    "hello there",
    "are you coming to lunch?",
    "the build is green again",
    "see the minutes of Tuesday, page two",
    "ok",
    "could you send me the drawing when you have a moment, the one with the new hinge",
    "brb",
    "thanks, that was it",
    "where did we put the spare keys of the archive?",
    "meeting moved to three, same room, please tell the others as well because I am out until then",
)
NAMES = (
    "alva",
    "bruno",
    "carla",
    "dmitri",
    "edda",
    "farid",
    "greta",
    "hanno",
    "ines",
    "jonas",
    "kaia",
    "lars",
    "mona",
    "nils",
)

HUMAN = 900 * MILLI
"""Nanoseconds of typing, more or less."""
PROMPT = 20 * MILLI


def wait(dice: Random) -> int:
    return dice.randrange(HUMAN // 8, HUMAN)


# --- OSCAR ------------------------------------------------------------------------------------------------------------


def tlv(kind: int, value: bytes) -> bytes:
    return struct.pack("!HH", kind, len(value)) + value


def snac(family: int, subtype: int, body: bytes, number: int = 1) -> bytes:
    return struct.pack("!HHHI", family, subtype, 0, number) + body


def oscar(dice: Random, messages: int) -> Iterator[Turn]:
    seq = [dice.getrandbits(12), dice.getrandbits(12)]
    me, peer = (name.encode() for name in dice.sample(NAMES, 2))
    cookie = dice.randbytes(64)

    def flap(side: int, channel: int, body: bytes) -> bytes:
        seq[side] += 1
        return struct.pack("!BBHH", 0x2A, channel, seq[side], len(body)) + body

    def user(name: bytes) -> bytes:
        return bytes([len(name)]) + name + struct.pack("!HH", 0, 1) + tlv(1, b"\x00\x10")

    yield SERVER, flap(SERVER, 1, b"\x00\x00\x00\x01"), PROMPT
    yield CLIENT, flap(CLIENT, 1, b"\x00\x00\x00\x01" + tlv(6, cookie)), PROMPT
    yield SERVER, flap(SERVER, 2, snac(1, 3, struct.pack("!6H", 1, 2, 3, 4, 9, 0x13))), PROMPT
    yield CLIENT, flap(CLIENT, 2, snac(1, 0x17, struct.pack("!8H", 1, 3, 2, 1, 3, 1, 4, 1))), PROMPT
    yield SERVER, flap(SERVER, 2, snac(1, 0x18, struct.pack("!8H", 1, 3, 2, 1, 3, 1, 4, 1))), PROMPT
    yield CLIENT, flap(CLIENT, 2, snac(1, 2, struct.pack("!4H", 1, 3, 0x110, 0x8E4))), PROMPT
    yield SERVER, flap(SERVER, 2, snac(1, 0x0F, user(me))) + flap(SERVER, 2, snac(3, 0x0B, user(peer))), PROMPT
    for number in range(messages):
        text = f"<HTML><BODY>{dice.choice(TEXTS)}</BODY></HTML>".encode()
        fragments = tlv(2, b"\x05\x01\x00\x01\x01\x01\x01" + struct.pack("!HHH", len(text) + 4, 0, 0) + text)
        head = dice.randbytes(8) + b"\x00\x01"
        if dice.random() < 0.5:
            body = snac(4, 6, head + bytes([len(peer)]) + peer + fragments + tlv(3, b""), number)
            yield CLIENT, flap(CLIENT, 2, body), wait(dice)
            yield SERVER, flap(SERVER, 2, snac(4, 0x0C, head + bytes([len(peer)]) + peer, number)), PROMPT
        else:
            yield SERVER, flap(SERVER, 2, snac(4, 7, head + user(peer) + fragments, number)), wait(dice)
    yield CLIENT, flap(CLIENT, 4, b""), wait(dice)


# --- MSNP -------------------------------------------------------------------------------------------------------------


def msnp(dice: Random, messages: int) -> Iterator[Turn]:
    """A switchboard session of MSNP12, met from its first byte."""
    me, peer = (f"{name}@example.org" for name in dice.sample(NAMES, 2))
    key = f"{dice.getrandbits(31)}.{dice.getrandbits(31)}.{dice.getrandbits(24)}"

    def mime(text: str) -> bytes:
        head = "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\n"
        return f"{head}X-MMS-IM-Format: FN=Arial; EF=; CO=0; CS=0; PF=22\r\n\r\n{text}".encode()

    yield CLIENT, f"USR 1 {me} {key}\r\n".encode(), PROMPT
    yield SERVER, f"USR 1 OK {me} {me.partition('@')[0]}\r\n".encode(), PROMPT
    yield CLIENT, f"CAL 2 {peer}\r\n".encode(), PROMPT
    yield SERVER, f"CAL 2 RINGING {dice.getrandbits(24)}\r\n".encode(), PROMPT
    yield SERVER, f"JOI {peer} {peer.partition('@')[0]} 1342177280\r\n".encode(), wait(dice)
    for number in range(3, messages + 3):
        body = mime(dice.choice(TEXTS))
        if dice.random() < 0.5:
            yield CLIENT, f"MSG {number} A {len(body)}\r\n".encode() + body, wait(dice)
            yield SERVER, f"ACK {number}\r\n".encode(), PROMPT
        else:
            yield SERVER, f"MSG {peer} {peer.partition('@')[0]} {len(body)}\r\n".encode() + body, wait(dice)
    yield SERVER, f"BYE {peer}\r\n".encode(), wait(dice)
    yield CLIENT, b"OUT\r\n", PROMPT


# --- YMSG -------------------------------------------------------------------------------------------------------------


def ymsg(dice: Random, messages: int) -> Iterator[Turn]:
    me, peer = dice.sample(NAMES, 2)
    session = dice.getrandbits(31)

    def packet(service: int, status: int, *pairs: tuple[int, str]) -> bytes:
        body = b"".join(f"{key}".encode() + b"\xc0\x80" + value.encode() + b"\xc0\x80" for key, value in pairs)
        return b"YMSG" + struct.pack("!HHHHII", 12, 0, len(body), service, status, session) + body

    yield CLIENT, packet(0x57, 0, (1, me)), PROMPT
    yield SERVER, packet(0x57, 1, (1, me), (94, dice.randbytes(12).hex()), (13, "1")), PROMPT
    answers = [b64encode(md5(dice.randbytes(8)).digest(), b"._").decode().replace("=", "-") for _ in range(2)]
    yield CLIENT, packet(0x54, 0, (0, me), (6, answers[0]), (96, answers[1]), (2, "1"), (1, me)), PROMPT
    yield SERVER, packet(0x55, 0, (87, f"Friends:{peer}\n"), (88, ""), (89, me)), PROMPT
    yield SERVER, packet(1, 0, (0, me), (1, me), (8, "1"), (7, peer), (10, "0"), (13, "1")), PROMPT
    for _ in range(messages):
        if dice.random() < 0.5:
            yield CLIENT, packet(6, 0x5A55AA56, (1, me), (5, peer), (14, dice.choice(TEXTS)), (97, "1")), wait(dice)
        else:
            yield SERVER, packet(6, 1, (5, me), (4, peer), (14, dice.choice(TEXTS)), (97, "1")), wait(dice)
    yield CLIENT, packet(2, 0, (0, me)), wait(dice)


# --- SIP --------------------------------------------------------------------------------------------------------------


def sip(dice: Random, messages: int, transport: str = "udp") -> Iterator[Turn]:
    me, peer = dice.sample(NAMES, 2)
    host = "10.77.3.4"

    def headers(via: str, count: int, method: str, call: str, sender: str, target: str) -> str:
        lines = [f"Via: SIP/2.0/{transport.upper()} {host};branch=z9hG4bK{via}"]
        lines += [f"From: <sip:{sender}@sip.example.org>;tag={call[:6]}", f"To: <sip:{target}@sip.example.org>"]
        lines += [f"Call-ID: {call}@{host}", f"CSeq: {count} {method}"]
        return "\r\n".join(lines) + "\r\n"

    def exchange(side: int, method: str, target: str, sender: str, body: str, count: int) -> Iterator[Turn]:
        via, call = dice.randbytes(6).hex(), dice.randbytes(8).hex()
        common = headers(via, count, method, call, sender, target)
        uri = "sip:sip.example.org" if method == "REGISTER" else f"sip:{target}@sip.example.org"
        kind = "Content-Type: text/plain\r\n" if body else f"Contact: <sip:{sender}@{host}:5060>\r\n"
        text = f"{method} {uri} SIP/2.0\r\n{common}Max-Forwards: 70\r\n{kind}Content-Length: {len(body)}\r\n\r\n{body}"
        yield side, text.encode(), wait(dice)
        yield 1 - side, f"SIP/2.0 200 OK\r\n{common}Content-Length: 0\r\n\r\n".encode(), PROMPT

    yield from exchange(CLIENT, "REGISTER", me, me, "", 1)
    for number in range(messages):
        if dice.random() < 0.5:
            yield from exchange(CLIENT, "MESSAGE", peer, me, dice.choice(TEXTS), number + 2)
        else:
            yield from exchange(SERVER, "MESSAGE", me, peer, dice.choice(TEXTS), number + 2)


# --- XMPP -------------------------------------------------------------------------------------------------------------


def xmpp(dice: Random, messages: int) -> Iterator[Turn]:
    me, peer = dice.sample(NAMES, 2)
    streams = "xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'"
    sasl = "xmlns='urn:ietf:params:xml:ns:xmpp-sasl'"
    opening = f"<?xml version='1.0'?><stream:stream to='im.example.org' {streams}>".encode()
    greeting = f"<?xml version='1.0'?><stream:stream from='im.example.org' id='{dice.getrandbits(40):x}' {streams}>"
    offer = f"<stream:features><mechanisms {sasl}><mechanism>PLAIN</mechanism></mechanisms></stream:features>"
    bind = "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>"
    yield CLIENT, opening, PROMPT
    yield SERVER, (greeting + offer).encode(), PROMPT
    plain = b64encode(f"\0{me}\0benchmark".encode()).decode()
    yield CLIENT, f"<auth {sasl} mechanism='PLAIN'>{plain}</auth>".encode(), PROMPT
    yield SERVER, f"<success {sasl}/>".encode(), PROMPT
    yield CLIENT, opening, PROMPT
    yield SERVER, (greeting + f"<stream:features>{bind}</stream:features>").encode(), PROMPT
    yield CLIENT, f"<iq type='set' id='b1'>{bind}</iq>".encode(), PROMPT
    jid = f"{me}@im.example.org/desk"
    answer = bind.replace("/>", f"><jid>{jid}</jid></bind>")
    yield SERVER, f"<iq type='result' id='b1'>{answer}</iq>".encode(), PROMPT
    yield CLIENT, b"<presence><show>chat</show></presence>", PROMPT
    for number in range(messages):
        text = dice.choice(TEXTS)
        if dice.random() < 0.5:
            head = f"<message to='{peer}@im.example.org' type='chat' id='m{number}'>"
            yield CLIENT, f"{head}<body>{text}</body></message>".encode(), wait(dice)
        else:
            head = f"<message from='{peer}@im.example.org/sofa' to='{jid}' type='chat'>"
            yield SERVER, f"{head}<body>{text}</body></message>".encode(), wait(dice)
    yield CLIENT, b"</stream:stream>", wait(dice)
    yield SERVER, b"</stream:stream>", PROMPT


# --- IRC --------------------------------------------------------------------------------------------------------------


def irc(dice: Random, messages: int) -> Iterator[Turn]:
    me, peer = dice.sample(NAMES, 2)
    server, mask = "irc.example.org", "host.example.net"
    yield CLIENT, f"NICK {me}\r\nUSER {me} 0 * :{me.title()} Example\r\n".encode(), PROMPT
    welcome = [
        f":{server} 001 {me} :Welcome to the Example IRC Network {me}!{me}@{mask}",
        f":{server} 002 {me} :Your host is {server}, running version exampled-1.4",
        f":{server} 004 {me} {server} exampled-1.4 aiow bklmnopstv",
        f":{server} 376 {me} :End of MOTD command",
    ]
    yield SERVER, ("\r\n".join(welcome) + "\r\n").encode(), PROMPT
    yield CLIENT, b"JOIN #harbour\r\n", wait(dice)
    yield SERVER, f":{me}!{me}@{mask} JOIN #harbour\r\n:{server} 353 {me} = #harbour :{me} {peer}\r\n".encode(), PROMPT
    for number in range(messages):
        if dice.random() < 0.5:
            yield CLIENT, f"PRIVMSG #harbour :{dice.choice(TEXTS)}\r\n".encode(), wait(dice)
        else:
            line = f":{peer}!{peer}@{mask} PRIVMSG #harbour :{dice.choice(TEXTS)}\r\n"
            yield SERVER, line.encode(), wait(dice)
        if number % 20 == 19:
            yield SERVER, f"PING :{server}\r\n".encode(), wait(dice)
            yield CLIENT, f"PONG :{server}\r\n".encode(), PROMPT
    yield CLIENT, b"QUIT :bye\r\n", wait(dice)


class Speech(NamedTuple):
    turns: Callable[[Random, int], Iterator[Turn]]
    port: int
    transport: str = "tcp"
    """Of mixed captures."""
    other: Callable[[Random, int], Iterator[Turn]] | None = None
    """The same over the other transport, where both are usual."""


SPEECHES = {
    "oscar": Speech(oscar, 5190),
    "msnp": Speech(msnp, 1863),
    "ymsg": Speech(ymsg, 5050),
    "sip": Speech(sip, 5060, "udp", other=partial(sip, transport="tcp")),
    "xmpp": Speech(xmpp, 5222),
    "irc": Speech(irc, 6667),
}
ODD_PORTS = {"tcp": (80, 443, 23, 8080, 9999), "udp": (15060, 27000)}
"""Where clients go when their own port is blocked."""
