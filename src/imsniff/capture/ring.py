"""The kernel's ring of received packets: AF_PACKET with TPACKET_V3, by the standard library alone.

The kernel writes packets into blocks of memory that it shares with us, and hands a block over when it is full or
RING_RETIRE_MS old. Nothing is copied: a block is a batch, its rows point into the mapped memory, and the block goes
back when the next batch is asked for.

    block   version:4 | private:4 | status:4 | packets:4 | first packet:4 | length:4 | number:8 | times:16 | ...
    packet  next:4 | seconds:4 | nanoseconds:4 | captured:4 | on the wire:4 | status:4 | mac:2 | net:2 | hash:4 | VLAN:8
            | 8 | sockaddr_ll: family:2 | protocol:2 | interface:4 | ARPHRD:2 | kind:1 | ...      all in host order

`next`, `mac` and `net` are offsets from the packet's header; `next` of the last packet is 0. A VLAN tag that the kernel
or the network card took off is not put back: the rest of the packet decodes as if it had none.

References: Documentation/networking/packet_mmap.rst and include/uapi/linux/if_packet.h of Linux; packet(7).
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import socket
from collections.abc import Generator
from pathlib import Path
from struct import Struct, pack
from typing import NamedTuple

from imsniff.base.limits import RING, RING_BLOCK, RING_RETIRE_MS
from imsniff.capture.batch import Batch, Row, Walk, WalkEnd
from imsniff.capture.errors import CannotCapture
from imsniff.capture.live import Losses

# <linux/if_packet.h>; the socket module has few of these
_SOL_PACKET = 263
_ADD_MEMBERSHIP, _RX_RING, _STATISTICS, _VERSION, _FANOUT, _IGNORE_OUTGOING = 1, 5, 6, 10, 18, 23
_TPACKET_V3 = 2
_PROMISCUOUS = 1
_FANOUT_HASH, _FANOUT_UNIQUE, _FANOUT_DEFRAG = 0, 0x2000, 0x8000
_USER = 1
"""Of a block's status: it is ours."""
_OUTGOING = 4
_ALL = 0x0003
"""ETH_P_ALL."""
_SO_ATTACH_FILTER, _SO_DETACH_FILTER = 26, 27

_REQUEST = Struct("=7I")
_BLOCK = Struct("=8xIIII")
"""Status, packets, offset of the first, length."""
_PACKET = Struct("=IIIIIIHH")
_ADDRESS = Struct("=8xHB")
"""ARPHRD and kind of a packet, in its sockaddr_ll."""
_ADDRESS_AT = 48
_FRAME = 2048
"""Unit of allocation that the kernel wants named; with TPACKET_V3 packets may be longer."""
_SECOND = 1_000_000_000

_ETHER, _LOOPBACK = 1, 772
_LINKS: dict[int, int] = {_ETHER: 1, _LOOPBACK: 1, 801: 105, 802: 119, 803: 127}
"""LINKTYPE by ARPHRD: Ethernet, loopback, 802.11 plain, with Prism's and with radiotap's header. What is not here is
asked of the kernel without link layer, as raw IP: tunnels, PPP, and interfaces that have none."""
RAW_IP = 101
ANY = "any"


class Device(NamedTuple):
    """An interface, looked up."""

    name: str
    number: int
    """0: all interfaces."""
    link: int
    """LINKTYPE of its packets as they will be captured."""
    cooked: bool
    """Whether the kernel takes the link layer off."""
    loopback: bool


class Program(NamedTuple):
    """A filter in the kernel's own language (`bpf` makes it)."""

    length: int
    instructions: bytes


_NOTHING = Program(1, pack("=HBBI", 6, 0, 0, 0))
"""Lets no packet in."""


def look_up(name: str) -> Device:
    """Raises CannotCapture where there is no such interface."""
    if name == ANY:
        return Device(name, 0, RAW_IP, cooked=True, loopback=True)
    try:
        index = socket.if_nametoindex(name)
    except OSError:
        there = ", ".join(sorted(known for _, known in socket.if_nameindex()))
        raise CannotCapture(f"there is no interface {name!r}", f"choose of {there}") from None
    kind = _arphrd(name)
    link = _LINKS.get(kind)
    return Device(name, index, RAW_IP if link is None else link, cooked=link is None, loopback=kind == _LOOPBACK)


def _arphrd(name: str) -> int:
    import fcntl

    request = pack("16s24x", name.encode()[:15])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        answer = fcntl.ioctl(asked, 0x8927, request)  # SIOCGIFHWADDR
    return int.from_bytes(answer[16:18], "little" if pack("=H", 1)[0] else "big")


class Blocks:
    """Walks the packets of one block."""

    __slots__ = ("link",)

    def __init__(self, link: int) -> None:
        self.link = link

    def __call__(self, slab: bytearray | memoryview, start: int, end: int) -> Generator[Row, None, WalkEnd]:
        unpack, link, last = _PACKET.unpack_from, self.link, end - _PACKET.size
        at, frames = start, 0
        while at <= last:
            step, seconds, nanoseconds, captured, wire, _, mac, _ = unpack(slab, at)
            first = at + mac
            if first + captured > end:
                break  # the kernel does not do this; nobody reads behind the block in any case
            frames += 1
            yield first, captured, wire, seconds * _SECOND + nanoseconds, link
            if not step:
                break
            at += step
        return WalkEnd(end, frames)


class BlocksOfAll:
    """Walks a block of packets of all interfaces, leaving out what loopback sends: it is received there as well."""

    __slots__ = ("link",)

    def __init__(self, link: int) -> None:
        self.link = link

    def __call__(self, slab: bytearray | memoryview, start: int, end: int) -> Generator[Row, None, WalkEnd]:
        unpack, address, link = _PACKET.unpack_from, _ADDRESS.unpack_from, self.link
        last = end - _ADDRESS_AT - _ADDRESS.size
        at, frames = start, 0
        while at <= last:
            step, seconds, nanoseconds, captured, wire, _, mac, _ = unpack(slab, at)
            first = at + mac
            if first + captured > end:
                break
            if address(slab, at + _ADDRESS_AT) != (_LOOPBACK, _OUTGOING):
                frames += 1
                yield first, captured, wire, seconds * _SECOND + nanoseconds, link
            if not step:
                break
            at += step
        return WalkEnd(end, frames)


class Fanout:
    """Sockets among which the kernel spreads the packets of one interface: both directions of a flow to the same."""

    def __init__(self) -> None:
        self._id: int | None = None
        self.members = 0

    def join(self, sock: socket.socket) -> None:
        """Raises OSError."""
        kind = _FANOUT_HASH | _FANOUT_DEFRAG  # fragments carry no ports: they are put together to be hashed
        if self._id is None:
            sock.setsockopt(_SOL_PACKET, _FANOUT, pack("=I", (kind | _FANOUT_UNIQUE) << 16))
            self._id = sock.getsockopt(_SOL_PACKET, _FANOUT) & 0xFFFF
        else:
            sock.setsockopt(_SOL_PACKET, _FANOUT, pack("=I", self._id | kind << 16))
        self.members += 1


class Ring:
    """An interface being captured from. Opening needs CAP_NET_RAW, all that follows needs nothing."""

    def __init__(
        self,
        device: Device,
        *,
        octets: int = RING,
        promiscuous: bool = True,
        program: Program | None = None,
        fanout: Fanout | None = None,
    ) -> None:
        """Raises CannotCapture."""
        self.capture = device.name
        self.frames = 0
        self._device = device
        self._received = self._dropped = self._frozen = 0
        self._asks_interface = fanout is None or fanout.members == 0
        """Only one of a fanout's sockets tells of the interface, so that nothing is counted twice."""
        self._before = _dropped_by_interface(device.name)
        self._map: mmap.mmap | None = None
        self._slab: memoryview | None = None
        self._count = max(octets // RING_BLOCK, 2)
        self._next = 0
        self._walk: Walk = BlocksOfAll(device.link) if device.name == ANY else Blocks(device.link)
        self._batch: Batch | None = None
        self._program = program
        kind = socket.SOCK_DGRAM if device.cooked else socket.SOCK_RAW
        try:
            # a socket of all interfaces cannot be bound, it is made listening
            self._socket = socket.socket(socket.AF_PACKET, kind, 0 if device.number else socket.htons(_ALL))
        except PermissionError:
            raise CannotCapture(
                f"{device.name}: no right to capture",
                "run as root with -Z USER, or give this one process CAP_NET_RAW: AmbientCapabilities= in a systemd "
                "unit, or setpriv (docs/live.md)",
            ) from None
        try:
            self._set_up(promiscuous, fanout)
        except OSError as why:
            self._socket.close()
            raise _cannot(device.name, why) from None

    def _set_up(self, promiscuous: bool, fanout: Fanout | None) -> None:
        """Nothing is received before all is as it should be: until then the filter lets nothing in."""
        sock, index = self._socket, self._device.number
        self._attach(_NOTHING)
        sock.setsockopt(_SOL_PACKET, _VERSION, _TPACKET_V3)
        frames = RING_BLOCK // _FRAME * self._count
        request = _REQUEST.pack(RING_BLOCK, self._count, _FRAME, frames, RING_RETIRE_MS, 0, 0)
        sock.setsockopt(_SOL_PACKET, _RX_RING, request)
        if index and self._device.loopback:
            sock.setsockopt(_SOL_PACKET, _IGNORE_OUTGOING, 1)  # what lo sends it also receives
        if index:
            sock.bind((self._device.name, _ALL))
        if index and promiscuous:
            sock.setsockopt(_SOL_PACKET, _ADD_MEMBERSHIP, pack("=iHH8x", index, _PROMISCUOUS, 0))
        if fanout is not None:
            fanout.join(sock)
        self._statistics()  # what came before does not count
        if self._program is None:
            sock.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)
        else:
            self._attach(self._program)
        self._received = self._dropped = self._frozen = 0

    def _attach(self, program: Program) -> None:
        code = ctypes.create_string_buffer(program.instructions)
        self._socket.setsockopt(
            socket.SOL_SOCKET, _SO_ATTACH_FILTER, pack("HL", program.length, ctypes.addressof(code))
        )

    def fileno(self) -> int:
        return self._socket.fileno()

    def take(self) -> Batch | None:
        slab = self._slab
        if slab is None:  # mapped where it is read: a worker is another process than the one that opened it
            self._map = mmap.mmap(self._socket.fileno(), self._count * RING_BLOCK)
            slab = self._slab = memoryview(self._map)
        if self._batch is not None:
            self.frames += self._batch.finish().frames
            self._batch = None
            _STATUS_WORD.pack_into(slab, self._next * RING_BLOCK + 8, 0)
            self._next = (self._next + 1) % self._count
        base = self._next * RING_BLOCK
        status, packets, first, length = _BLOCK.unpack_from(slab, base)
        if not status & _USER:
            self._complain()
            return None
        end = base + min(length, RING_BLOCK)
        start = base + first if packets else end
        self._batch = Batch(self.capture, slab, start, end, self.frames + 1, self._walk)
        return self._batch

    def _complain(self) -> None:
        """An interface that went down comes up again; one that was removed does not."""
        fault = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if fault and self._device.number:
            try:
                socket.if_indextoname(self._device.number)
            except OSError:
                raise CannotCapture(f"{self.capture}: it was removed", "start again when it is there") from None

    def losses(self) -> Losses:
        self._statistics()
        interface = _dropped_by_interface(self.capture) - self._before if self._asks_interface else 0
        return Losses(self._received, self._dropped, interface, self._frozen)

    def _statistics(self) -> None:
        received, dropped, frozen = Struct("=3I").unpack(self._socket.getsockopt(_SOL_PACKET, _STATISTICS, 12))
        self._received += received
        self._dropped += dropped
        self._frozen += frozen

    def stop(self) -> None:
        self._attach(_NOTHING)

    def close(self) -> None:
        self._batch = None
        if self._slab is not None and self._map is not None:
            try:
                self._slab.release()
                self._map.close()
            except BufferError:  # somebody still holds a batch: the memory goes with it
                pass
        self._socket.close()


_STATUS_WORD = Struct("=I")


def _cannot(name: str, why: OSError) -> CannotCapture:
    remedies = {
        errno.ENETDOWN: "bring it up: ip link set up",
        errno.ENOMEM: "the kernel has no memory for the ring: give a smaller --buffer",
        errno.EINVAL: "this needs Linux 4.20 or later with AF_PACKET rings",
        errno.ENOPROTOOPT: "this needs Linux 4.20 or later with AF_PACKET rings",
        errno.EPERM: "run as root with -Z USER, or give this one process CAP_NET_RAW (docs/live.md)",
    }
    return CannotCapture(
        f"{name}: cannot be captured from: {os.strerror(why.errno or 0)}",
        remedies.get(why.errno or 0, "see imsniff doctor"),
    )


def _dropped_by_interface(name: str) -> int:
    """By the interface or its driver, all told; 0 where nothing tells."""
    total = 0
    for counter in ("rx_dropped", "rx_missed_errors"):
        try:
            total += int(Path("/sys/class/net", name, "statistics", counter).read_text("ascii"))
        except (OSError, ValueError):
            continue
    return total
