"""Mail: SMTP and IMAP that change to TLS, letters between servers in clear."""

from __future__ import annotations

from base64 import encodebytes
from collections.abc import Iterator
from random import Random

from bench import names
from bench.chance import opaque, skewed
from bench.http import prose
from bench.tls import tls12, tls13
from bench.wire import CLIENT, MILLI, SERVER, Turn

PROMPT = 15 * MILLI


def smtp(dice: Random) -> Iterator[Turn]:
    """A letter: most change to TLS first."""
    server = f"mx{dice.randrange(1, 4)}.{names.host(dice).partition('.')[2]}"
    yield SERVER, f"220 {server} ESMTP ready\r\n".encode(), PROMPT
    yield CLIENT, f"EHLO {dice.choice(names.MACHINES)}.{names.DOMAIN}\r\n".encode(), PROMPT
    offers = ("PIPELINING", "SIZE 52428800", "STARTTLS", "ENHANCEDSTATUSCODES", "8BITMIME", "CHUNKING")
    lines = [f"250-{server}", *(f"250-{offer}" for offer in offers), "250 SMTPUTF8"]
    yield SERVER, ("\r\n".join(lines) + "\r\n").encode(), PROMPT
    if dice.random() < 0.75:
        yield CLIENT, b"STARTTLS\r\n", PROMPT
        yield SERVER, b"220 2.0.0 Ready to start TLS\r\n", PROMPT
        yield from dice.choice((tls12, tls13))(dice, server)
        return
    sender, to = (f"{dice.choice(names.WORDS)}@{dice.choice(names.WORDS)}.example" for _ in range(2))
    for said, answered in ((f"MAIL FROM:<{sender}>", "250 2.1.0 Ok"), (f"RCPT TO:<{to}>", "250 2.1.5 Ok")):
        yield CLIENT, f"{said}\r\n".encode(), PROMPT
        yield SERVER, f"{answered}\r\n".encode(), PROMPT
    yield CLIENT, b"DATA\r\n", PROMPT
    yield SERVER, b"354 End data with <CR><LF>.<CR><LF>\r\n", PROMPT
    edge = f"=_{dice.getrandbits(64):x}"
    head = f"From: <{sender}>\r\nTo: <{to}>\r\nSubject: {prose(dice, 4)}\r\nDate: Sat, 29 Aug 2026 12:00:00 +0200\r\n"
    head += f'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="{edge}"\r\n\r\n'
    letter = f"--{edge}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{prose(dice, dice.randrange(20, 300))}\r\n"
    enclosed = f"--{edge}\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    packed = encodebytes(b"%PDF-1.7\n" + opaque(dice, skewed(dice, 2_000, 200_000))).replace(b"\n", b"\r\n")
    yield CLIENT, (head + letter + enclosed).encode() + packed + f"--{edge}--\r\n.\r\n".encode(), PROMPT
    yield SERVER, f"250 2.0.0 Ok: queued as {dice.getrandbits(40):X}\r\n".encode(), PROMPT
    yield CLIENT, b"QUIT\r\n", PROMPT
    yield SERVER, b"221 2.0.0 Bye\r\n", PROMPT


def imap(dice: Random) -> Iterator[Turn]:
    server = f"imap.{names.host(dice).partition('.')[2]}"
    able = "IMAP4rev1 LITERAL+ SASL-IR LOGIN-REFERRALS ID ENABLE IDLE STARTTLS LOGINDISABLED"
    yield SERVER, f"* OK [CAPABILITY {able}] {server} ready.\r\n".encode(), PROMPT
    yield CLIENT, b"a1 CAPABILITY\r\n", PROMPT
    yield SERVER, f"* CAPABILITY {able}\r\na1 OK Capability completed.\r\n".encode(), PROMPT
    yield CLIENT, b"a2 STARTTLS\r\n", PROMPT
    yield SERVER, b"a2 OK Begin TLS negotiation now.\r\n", PROMPT
    yield from dice.choice((tls12, tls13))(dice, server)
