"""Packets of ICQ's UDP protocol, versions 2 to 5, little-endian:

    client 2:  version:2 | command:2 | sequence:2 | UIN:4 | parameters     (three commands of 1996 have no UIN)
    client 3:  version:2 | command:2 | sequence:2 | sequence:2 | UIN:4 | [check:4] | parameters
    client 4:  version:2 | random:2 | 0:2 | command:2 | sequence:2 | sequence:2 | UIN:4 | check:4 | parameters
    client 5:  version:2 | 0:4 | UIN:4 | session:4 | command:2 | sequence:2 | sequence:2 | check:4 | parameters
    server 2:  version:2 | command:2 | sequence:2 | parameters
    server 3, also to clients of 4:  as client 3, check or zero
    server 5:  version:2 | 0:1 | session:4 | command:2 | sequence:2 | sequence:2 | UIN:4 | check:4 | parameters

Clients of 4 and 5 disguise what follows the first bytes, see `icq_crypt`.

References: open-oscar-server server/icq_legacy; Wireshark packet-icq.c.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from imsniff.dissect.cursor import Cursor, Malformed
from imsniff.dissect.oscar import icq_crypt

FROM_CLIENT = frozenset(
    {0x000A, 0x010E, 0x015E, 0x03E8, 0x03F2, 0x03FC, 0x0406, 0x041A, 0x0424, 0x042E, 0x0438, 0x0442, 0x044C, 0x0456}
    | {0x0460, 0x046A, 0x049C, 0x04A6, 0x04B0, 0x04C4, 0x04CE, 0x04D8, 0x04EC, 0x050A, 0x0514, 0x051E, 0x0528, 0x0532}
    | {0x053C, 0x05C8, 0x05DC, 0x05E6, 0x05F0, 0x05FA, 0x060E, 0x0618, 0x0622, 0x064A, 0x06A4, 0x06AE, 0x06B8}
)
FROM_SERVER = frozenset(
    {0x000A, 0x001E, 0x0028, 0x0032, 0x0046, 0x005A, 0x0064, 0x006E, 0x0078, 0x0082, 0x008C, 0x00A0, 0x00B4, 0x00BE}
    | {0x00C8, 0x00D2, 0x00DC, 0x00E6, 0x00F0, 0x00FA, 0x0104, 0x0118, 0x0122, 0x012C, 0x01A4, 0x01E0, 0x01EA, 0x0212}
    | {0x021C, 0x02E4, 0x02F8, 0x030C, 0x0320, 0x0334, 0x0370, 0x037A, 0x0384, 0x03DE, 0x03FC}
)
WITHOUT_UIN = frozenset({0x03F2, 0x03FC, 0x04EC})
MANY = 0x0212
LARGEST_UIN = 0x7FFF_FFFF


class Packet(NamedTuple):
    version: int
    from_client: bool
    command: int
    sequence: tuple[int, int]
    uin: int | None
    session: int | None
    checked: bool
    """The check code is right: this is no coincidence."""
    body: bytes
    plain: bool
    """Nothing hid the parameters."""


def packets(data: bytes) -> Iterator[Packet]:
    """The packet in a datagram; of a bundle (0x0212: number:1, then length:2 and packet of each) those in it.

    Raises Malformed where it is none."""
    packet = _packet(data)
    if packet.command != MANY or packet.from_client:
        yield packet
        return
    bundle = Cursor(packet.body)
    for _ in range(bundle.u8()):
        inner = _packet(bundle.take(bundle.le16()))
        if inner.command != MANY:
            yield inner


def _packet(data: bytes) -> Packet:
    if len(data) < 6 or data[1]:
        raise Malformed("no ICQ packet")
    readers = READERS.get(data[0], ())
    for reader in readers:
        packet = reader(data)
        if packet is not None:
            return packet
    raise Malformed(f"no ICQ packet of version {data[0]}")


def _client_5(data: bytes) -> Packet | None:
    if len(data) < 24 or any(data[2:6]):
        return None
    opened, check = icq_crypt.opened_5(data)
    cursor = Cursor(opened, 6)
    uin, session, command = cursor.le32(), cursor.le32(), cursor.le16()
    if command not in FROM_CLIENT or uin > LARGEST_UIN:
        return None
    checked = icq_crypt.is_checked(opened, check)
    return Packet(5, True, command, (cursor.le16(), cursor.le16()), uin, session, checked, opened[24:], False)


def _server_5(data: bytes) -> Packet | None:
    if len(data) < 21 or data[2]:
        return None
    cursor = Cursor(data, 3)
    session, command = cursor.le32(), cursor.le16()
    sequence, uin, check = (cursor.le16(), cursor.le16()), cursor.le32(), cursor.le32()
    if command not in FROM_SERVER or uin > LARGEST_UIN:
        return None
    return Packet(5, False, command, sequence, uin, session, icq_crypt.is_checked(data, check), data[21:], True)


def _client_4(data: bytes) -> Packet | None:
    if len(data) < 20:
        return None
    opened, check = icq_crypt.opened_4(data)
    cursor = Cursor(opened, 4)
    zero, command = cursor.le16(), cursor.le16()
    sequence, uin = (cursor.le16(), cursor.le16()), cursor.le32()
    if zero or command not in FROM_CLIENT or uin > LARGEST_UIN:
        return None
    checked = any(icq_crypt.is_checked(opened, check, table) for table in (icq_crypt.TEXT, icq_crypt.TABLE))
    return Packet(4, True, command, sequence, uin, None, checked, opened[20:], False)


def _either_3(data: bytes) -> Packet | None:
    if len(data) < 12:
        return None
    cursor = Cursor(data, 2)
    command = cursor.le16()
    sequence, uin = (cursor.le16(), cursor.le16()), cursor.le32()
    if uin > LARGEST_UIN or command not in FROM_SERVER | FROM_CLIENT:
        return None
    check = int.from_bytes(data[12:16], "little")
    checked = len(data) >= 16 and any(
        icq_crypt.is_checked(data, check, table) for table in (icq_crypt.TEXT, icq_crypt.TABLE)
    )
    from_client = command in FROM_CLIENT and command not in FROM_SERVER
    at = 16 if checked or not from_client else 12
    return Packet(3, from_client, command, sequence, uin, None, checked, data[at:], True)


def _either_2(data: bytes) -> Packet | None:
    cursor = Cursor(data, 2)
    command, sequence = cursor.le16(), cursor.le16()
    if command in FROM_SERVER:
        return Packet(2, False, command, (sequence, 0), None, None, False, data[6:], True)
    if command not in FROM_CLIENT:
        return None
    if command in WITHOUT_UIN:
        return Packet(2, True, command, (sequence, 0), None, None, False, data[6:], True)
    uin = cursor.le32() if cursor.left >= 4 else None
    if uin is None or uin > LARGEST_UIN:
        return None
    return Packet(2, True, command, (sequence, 0), uin, None, False, data[10:], True)


READERS = {
    2: (_either_2,),
    3: (_either_3,),
    4: (_client_4,),
    5: (_client_5, _server_5),
}
