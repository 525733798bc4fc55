"""Writing packets out: the `-w` of `analyze` and `capture`, the `--pcap` of `explain`.

Classic pcap, which every tool reads, holds one link type; where packets of several must go into one file (live capture
on two interfaces, a pcapng of a tunnel and a loopback), pcapng it is.
"""

from __future__ import annotations

from struct import Struct
from types import TracebackType
from typing import IO, Protocol, Self

from imsniff.base.limits import MAX_PACKET

Bytes = bytes | bytearray | memoryview

_FILE = Struct("<IHHiIII")
_RECORD = Struct("<IIII")
_SECTION = Struct("<IIIHHqI")
_INTERFACE = Struct("<IIHHIHHB3xHHI")
_ENHANCED = Struct("<IIIIIII")
_LATEST = (1 << 32) * 1_000_000_000 - 1
"""The last nanosecond that 32 bits of seconds can tell."""


class PacketWriter(Protocol):
    def write(self, time: int, link: int, wire: int, packet: Bytes) -> None:
        """One packet: nanoseconds since 1970, link type, bytes on the wire, bytes captured. Raises OSError."""

    def close(self) -> None: ...


class _Closing:
    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def close(self) -> None:
        self._stream.close()

    def flush(self) -> None:
        self._stream.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class PcapWriter(_Closing):
    def __init__(self, stream: IO[bytes], link: int, *, nanoseconds: bool = True) -> None:
        super().__init__(stream)
        self.link = link
        self._unit = 1 if nanoseconds else 1000
        stream.write(_FILE.pack(0xA1B23C4D if nanoseconds else 0xA1B2C3D4, 2, 4, 0, 0, MAX_PACKET, link))

    def write(self, time: int, link: int, wire: int, packet: Bytes) -> None:
        """Raises ValueError for a link type other than the file's."""
        if link != self.link:
            raise ValueError(f"a pcap file of link type {self.link} cannot hold a packet of link type {link}")
        seconds, rest = divmod(min(max(time, 0), _LATEST), 1_000_000_000)
        self._stream.write(_RECORD.pack(seconds, rest // self._unit, len(packet), max(wire, len(packet))))
        self._stream.write(packet)


class PcapngWriter(_Closing):
    """Describes an interface for each link type as it is met; times are nanoseconds."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__(stream)
        self._interfaces: dict[int, int] = {}
        stream.write(_SECTION.pack(0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28))

    def write(self, time: int, link: int, wire: int, packet: Bytes) -> None:
        number = self._interfaces.get(link)
        if number is None:
            number = self._interfaces[link] = len(self._interfaces)
            self._stream.write(_INTERFACE.pack(1, 32, link, 0, 0, 9, 1, 9, 0, 0, 32))
        high, low = divmod(max(time, 0), 1 << 32)
        padding = -len(packet) % 4
        size = 32 + len(packet) + padding
        self._stream.write(_ENHANCED.pack(6, size, number, high, low, len(packet), max(wire, len(packet))))
        self._stream.write(packet)
        self._stream.write(bytes(padding) + size.to_bytes(4, "little"))
