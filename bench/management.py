"""How an office's machines are looked after: SNMP, syslog."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from bench import names
from bench.der import NULL, OCTETS, der, integer, oid, sequence
from bench.der import text as string
from bench.http import prose
from bench.wire import CLIENT, MILLI, SERVER, Turn

GET, BULK, RESPONSE = 0xA0, 0xA5, 0xA2
COLUMNS = ("1.3.6.1.2.1.31.1.1.1.6", "1.3.6.1.2.1.31.1.1.1.10", "1.3.6.1.2.1.2.2.1.8", "1.3.6.1.2.1.1.3.0")


def snmp(dice: Random) -> Iterator[Turn]:
    """Counters of some ports of a switch, in version 2c."""

    def message(tag: int, number: int, pairs: list[tuple[str, bytes]], more: int = 0) -> bytes:
        bound = sequence(*(sequence(oid(name), value) for name, value in pairs))
        inner = der(tag, integer(number), integer(0), integer(more), bound)
        return sequence(integer(1), string("public", OCTETS), inner)

    for _ in range(dice.randrange(1, 12)):
        number, rows = dice.getrandbits(30), dice.randrange(4, 13)
        yield CLIENT, message(BULK, number, [(name, der(NULL)) for name in COLUMNS], rows), 50 * MILLI
        told = [
            (f"{name}.{row}", integer(dice.getrandbits(40), 0x46)) for row in range(1, rows) for name in COLUMNS[:2]
        ]
        yield SERVER, message(RESPONSE, number, told), 3 * MILLI


def syslog(dice: Random) -> Iterator[Turn]:
    """RFC 5424; nobody answers."""
    machine = f"{dice.choice(names.MACHINES)}.{names.DOMAIN}"
    for _ in range(dice.randrange(1, 20)):
        head = f"<{dice.randrange(8, 191)}>1 2026-08-29T10:40:{dice.randrange(60):02}.000Z {machine} "
        yield (
            CLIENT,
            f"{head}{dice.choice(names.WORDS)}d {dice.getrandbits(15)} - - {prose(dice, 12)}".encode(),
            700 * MILLI,
        )
