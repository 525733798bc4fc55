"""HTTP in clear, as much of it as there still is: pages, scripts, images, downloads in ranges, forms, interfaces.

Bodies are of their kind: text is text, what is packed can be unpacked, images begin as images do.
"""

from __future__ import annotations

import gzip
import json
import struct
import zlib
from collections.abc import Iterator
from functools import cache
from random import Random
from typing import NamedTuple

from bench import names
from bench.chance import opaque, skewed
from bench.tls import tls12, tls13
from bench.wire import CLIENT, MILLI, SERVER, Turn

AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/148.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:152.0) Gecko/20100101 Firefox/152.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Safari/604.1",
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Microsoft-Delivery-Optimization/10.1",
    "Microsoft-CryptoAPI/10.0",
    "Debian APT-HTTP/1.3 (2.6.1)",
    "curl/8.11.1",
    "python-requests/2.32.3",
)
SERVERS = ("nginx", "Apache/2.4.62 (Debian)", "Microsoft-IIS/10.0", "ECAcc (frc/4CD7)", "AmazonS3", "cloudflare")
TEXTS_KEPT = 12
"""Different bodies of every kind of text: packing one costs more than a thousand packets do."""


class Body(NamedTuple):
    kind: str
    data: bytes
    encoding: str = ""


def prose(dice: Random, count: int) -> str:
    return " ".join(dice.choices(names.WORDS, k=count))


def page(dice: Random) -> str:
    head = f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{prose(dice, 4)}</title>'
    head += "".join(f'<script src="/assets/{word}.{dice.getrandbits(32):08x}.js"></script>' for word in names.WORDS[:6])
    items = (
        f'<section class="card {dice.choice(names.WORDS)}"><h2>{prose(dice, 3)}</h2><a href="/{dice.getrandbits(20)}">'
        f'<img src="/img/{dice.getrandbits(24):x}.jpg" alt=""></a><p>{prose(dice, 40)}</p></section>\n'
        for _ in range(skewed(dice, 4, 160))
    )
    return f"{head}</head>\n<body>\n{''.join(items)}</body></html>\n"


def data(dice: Random) -> str:
    rows = [
        {"id": dice.getrandbits(31), "name": prose(dice, 2), "price": dice.randrange(9_999), "tags": names.WORDS[:3]}
        for _ in range(skewed(dice, 2, 200))
    ]
    return json.dumps({"status": "ok", "count": len(rows), "items": rows})


def script(dice: Random) -> str:
    lines = (
        f'function {word}{number}(a,b){{if(a>{dice.getrandbits(8)}){{return b.{word}}}return"{prose(dice, 6)}"}}\n'
        for number, word in enumerate(dice.choices(names.WORDS, k=skewed(dice, 20, 600)))
    )
    return '"use strict";\n' + "".join(lines)


TEXTS = {"text/html; charset=utf-8": page, "application/json": data, "application/javascript": script}


@cache
def texts(kind: str, encoding: str) -> tuple[Body, ...]:
    """Some of a kind, packed or not."""
    dice = Random(kind)
    made = [TEXTS[kind](dice).encode() for _ in range(TEXTS_KEPT)]
    if not encoding:
        return tuple(Body(kind, one) for one in made)
    return tuple(Body(kind, gzip.compress(one, mtime=0), encoding) for one in made)


def text(dice: Random) -> Body:
    kind = dice.choice(tuple(TEXTS))
    return dice.choice(texts(kind, "gzip" if dice.random() < 0.7 else ""))


def chunk_of_png(kind: bytes, body: bytes) -> bytes:
    return struct.pack("!I", len(body)) + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")


def png(dice: Random) -> Body:
    size = struct.pack("!IIBBBBB", dice.randrange(16, 1_200), dice.randrange(16, 900), 8, 6, 0, 0, 0)
    head = b"\x89PNG\r\n\x1a\n" + chunk_of_png(b"IHDR", size)
    pixels = chunk_of_png(b"IDAT", b"\x78\x9c" + opaque(dice, skewed(dice, 200, 60_000)))
    return Body("image/png", head + pixels + chunk_of_png(b"IEND", b""))


def jpeg(dice: Random) -> Body:
    tables = b"\xff\xdb\x00\x43\x00" + bytes(range(1, 65))
    size = b"\xff\xc0\x00\x11\x08" + struct.pack("!HH", 480, 640) + b"\x03\x01\x22\x00\x02\x11\x01\x03\x11\x01"
    scan = b"\xff\xda\x00\x0c\x03\x01\x00\x02\x11\x03\x11\x00\x3f\x00"
    pixels = opaque(dice, skewed(dice, 4_000, 250_000)).replace(b"\xff", b"\xff\x00")
    start = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
    return Body("image/jpeg", start + tables + size + scan + pixels + b"\xff\xd9")


def webp(dice: Random) -> Body:
    body = opaque(dice, 2 * skewed(dice, 1_000, 50_000))
    inner = b"WEBPVP8 " + struct.pack("<I", len(body)) + body
    return Body("image/webp", b"RIFF" + struct.pack("<I", len(inner)) + inner)


def font(dice: Random) -> Body:
    rest = opaque(dice, skewed(dice, 9_000, 60_000))
    return Body("font/woff2", b"wOF2\x00\x01\x00\x00" + (len(rest) + 12).to_bytes(4, "big") + rest)


def download(dice: Random) -> Body:
    return Body("application/octet-stream", b"MSCF\x00\x00\x00\x00" + opaque(dice, skewed(dice, 2_000, 900_000)))


BODIES = (text, text, text, jpeg, png, png, webp, font, download)


def chunked(dice: Random, body: bytes) -> bytes:
    out, at = [], 0
    while at < len(body):
        piece = body[at : at + dice.randrange(1_000, 16_384)]
        out.append(b"%x\r\n%b\r\n" % (len(piece), piece))
        at += len(piece)
    return b"".join(out) + b"0\r\n\r\n"


def answer(dice: Random, status: str, body: Body, *more: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Server: {dice.choice(SERVERS)}", "Date: Sat, 29 Aug 2026 10:40:00 GMT", *more]
    content = body.data
    if body.kind:
        lines.append(f"Content-Type: {body.kind}")
    if body.encoding:
        lines += [f"Content-Encoding: {body.encoding}", "Vary: Accept-Encoding"]
    if body.kind.startswith("text/html") and dice.random() < 0.6:
        lines += ["Transfer-Encoding: chunked", f"Set-Cookie: sid={dice.getrandbits(96):x}; Path=/; HttpOnly"]
        content = chunked(dice, content)
    else:
        lines.append(f"Content-Length: {len(content)}")
    if dice.random() < 0.5:
        lines += [f'ETag: "{dice.getrandbits(64):x}"', "Cache-Control: public, max-age=86400", "Age: 1120"]
    return "\r\n".join([*lines, "", ""]).encode() + content


Exchange = tuple[str, tuple[str, ...], bytes, bytes]
"""Method and path, the request's own headers and body, and the answer."""


def plain(dice: Random) -> Exchange:
    path = f"/{dice.choice(names.WORDS)}/{dice.getrandbits(24):x}?v={dice.getrandbits(10)}"
    return f"GET {path}", (), b"", answer(dice, "200 OK", dice.choice(BODIES)(dice))


def elsewhere(dice: Random) -> Exchange:
    body = Body("text/html", b"<html><head><title>Moved</title></head><body><h1>Moved</h1></body></html>\r\n")
    status = dice.choice(("301 Moved Permanently", "302 Found", "308 Permanent Redirect"))
    return "GET /", (), b"", answer(dice, status, body, f"Location: https://{names.host(dice)}/")


def unchanged(dice: Random) -> Exchange:
    tag = f'"{dice.getrandbits(48):x}"'
    known = f"If-None-Match: {tag}", "If-Modified-Since: Fri, 28 Aug 2026 08:00:00 GMT"
    return "GET /assets/site.css", known, b"", f"HTTP/1.1 304 Not Modified\r\nETag: {tag}\r\n\r\n".encode()


def missing(dice: Random) -> Exchange:
    return "GET /favicon.ico", (), b"", answer(dice, "404 Not Found", Body("text/html", page(dice).encode()[:500]))


def alive(dice: Random) -> Exchange:
    return "GET /generate_204", (), b"", answer(dice, "204 No Content", Body("", b""))


def part(dice: Random) -> Exchange:
    """A piece of a download, as updates fetch them."""
    start, size = dice.randrange(1 << 28), skewed(dice, 60_000, 1_000_000)
    body = Body("application/octet-stream", opaque(dice, size))
    told = f"Content-Range: bytes {start}-{start + size - 1}/{1 << 29}", "Accept-Ranges: bytes"
    asked = (f"Range: bytes={start}-{start + size - 1}",)
    return f"GET /files/{dice.getrandbits(64):x}.cab", asked, b"", answer(dice, "206 Partial Content", body, *told)


def form(dice: Random) -> Exchange:
    body = f"user={dice.choice(names.MACHINES)}&query={prose(dice, 3).replace(' ', '+')}&token={dice.getrandbits(64):x}"
    kind = ("Content-Type: application/x-www-form-urlencoded",)
    return "POST /search", kind, body.encode(), answer(dice, "200 OK", text(dice))


def interface(dice: Random) -> Exchange:
    said = json.dumps({"event": "view", "at": dice.getrandbits(30), "text": prose(dice, 9)})
    reply = Body("application/json", b'{"ok":true,"id":%d}' % dice.getrandbits(30))
    return "POST /api/v2/events", ("Content-Type: application/json",), said.encode(), answer(dice, "201 Created", reply)


EXCHANGES = (plain,) * 12 + (elsewhere, unchanged, unchanged, missing, alive, part, form, interface)


def http(dice: Random) -> Iterator[Turn]:
    """One connection, kept alive: always the same browser, asking the same server."""
    own = [f"Host: {names.host(dice)}", f"User-Agent: {dice.choice(AGENTS)}", "Accept: */*", "Accept-Encoding: gzip"]
    if dice.random() < 0.5:
        own += [f"Cookie: _ga=GA1.2.{dice.getrandbits(30)}; sid={dice.getrandbits(96):x}", "Accept-Language: en-GB,en"]
    for _ in range(skewed(dice, 1, 9)):
        first, more, body, answered = dice.choice(EXCHANGES)(dice)
        sized = (f"Content-Length: {len(body)}",) if body else ()
        head = "\r\n".join([f"{first} HTTP/1.1", *own, *more, *sized, "", ""])
        yield CLIENT, head.encode() + body, dice.randrange(MILLI, 900 * MILLI)
        yield SERVER, answered, dice.randrange(5 * MILLI, 80 * MILLI)


def proxied(dice: Random) -> Iterator[Turn]:
    """What a browser says to the office's proxy: take me there, and then TLS through it."""
    host = names.host(dice)
    asked = f"CONNECT {host}:443 HTTP/1.1\r\nHost: {host}:443\r\nProxy-Connection: keep-alive\r\n"
    yield CLIENT, f"{asked}User-Agent: {dice.choice(AGENTS)}\r\n\r\n".encode(), MILLI
    yield SERVER, b"HTTP/1.1 200 Connection established\r\n\r\n", 30 * MILLI
    yield from dice.choice((tls12, tls13, tls13))(dice, host)
