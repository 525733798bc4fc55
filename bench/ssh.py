"""SSH: the exchange of keys in clear, then somebody types and a machine answers."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from random import Random

from bench.chance import opaque, skewed
from bench.tls import sized
from bench.wire import CLIENT, MILLI, SERVER, Turn

PROMPT = 15 * MILLI
KEX = "curve25519-sha256,ecdh-sha2-nistp256,diffie-hellman-group16-sha512"
HOST_KEYS = "ssh-ed25519,rsa-sha2-512,ecdsa-sha2-nistp256"
CIPHERS = "chacha20-poly1305@openssh.com,aes128-ctr,aes256-gcm@openssh.com"
MACS = "umac-128-etm@openssh.com,hmac-sha2-256-etm@openssh.com,hmac-sha2-256"
LISTS = (KEX, HOST_KEYS, CIPHERS, CIPHERS, MACS, MACS, "none,zlib@openssh.com", "none,zlib@openssh.com", "", "")


def ssh_packet(kind: int, body: bytes) -> bytes:
    padding = 8 - (len(body) + 6) % 8
    padding += 8 if padding < 4 else 0
    return struct.pack("!IBB", len(body) + 2 + padding, padding, kind) + body + bytes(padding)


def ssh(dice: Random) -> Iterator[Turn]:
    lists = b"".join(sized(one.encode(), 4) for one in LISTS)
    yield CLIENT, b"SSH-2.0-OpenSSH_9.9\r\n", PROMPT
    yield SERVER, b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u7\r\n", PROMPT
    for side in (CLIENT, SERVER):
        yield side, ssh_packet(20, opaque(dice, 16) + lists + bytes(5)), PROMPT
    yield CLIENT, ssh_packet(30, sized(opaque(dice, 32), 4)), PROMPT
    key = sized(sized(b"ssh-ed25519", 4) + sized(opaque(dice, 32), 4), 4)
    signed = sized(sized(b"ssh-ed25519", 4) + sized(opaque(dice, 64), 4), 4)
    yield SERVER, ssh_packet(31, key + sized(opaque(dice, 32), 4) + signed) + ssh_packet(21, b""), PROMPT
    yield CLIENT, ssh_packet(21, b""), PROMPT
    for _ in range(skewed(dice, 6, 120)):
        yield CLIENT, opaque(dice, dice.choice((36, 36, 44, 60, 112))), dice.randrange(MILLI, 400 * MILLI)
        yield SERVER, opaque(dice, dice.choice((36, 44, 108, 500, 2_100))), PROMPT
