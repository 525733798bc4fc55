"""Live capture where there is no AF_PACKET: libpcap, called through scapy. Slower than the ring, for macOS and BSD.

Packets are put into a slab as a capture file has them, so that the gate walks it like one. libpcap tells times in
microseconds here, and does not tell what it lost.
"""

from __future__ import annotations

from struct import Struct
from typing import Any

from imsniff.base.limits import MAX_PACKET, RING_BLOCK
from imsniff.capture.batch import Batch
from imsniff.capture.errors import BadFilter, CannotCapture
from imsniff.capture.live import Losses
from imsniff.capture.pcap import NativeOrderWalk

_RECORD = Struct("<IIII")
_DLT_RAW = {12: 101, 14: 101}
"""What libpcap calls raw IP differs by system; files have one number."""


class Portable:
    def __init__(self, name: str, *, expression: str | None = None, promiscuous: bool = True) -> None:
        """Raises CannotCapture, or BadFilter."""
        self.capture = name
        self.frames = 0
        self._batch: Batch | None = None
        self._slab = bytearray(RING_BLOCK + MAX_PACKET)
        self._stopped = self._closed = False
        try:
            from scapy.config import conf
            from scapy.error import Scapy_Exception

            conf.use_pcap = True
            from scapy.arch.libpcap import open_pcap
        except (ImportError, OSError):
            raise _no_libpcap() from None
        try:
            self._pcap: Any = open_pcap(name, MAX_PACKET, promiscuous, 100)
        except (OSError, ValueError) as why:
            raise CannotCapture(f"{name}: {why}", "is it an interface, and may you capture from it?") from None
        except NameError:
            raise _no_libpcap() from None
        self._pcap.setnonblock(True)
        if expression:
            try:
                self._pcap.setfilter(expression)
            except Scapy_Exception as why:
                raise BadFilter(str(why)) from None
        link = int(self._pcap.datalink())
        self._walk = NativeOrderWalk("<", 1000, _RECORD.size, _DLT_RAW.get(link, link))

    def fileno(self) -> int:
        return int(self._pcap.fileno())

    def take(self) -> Batch | None:
        if self._batch is not None:
            self.frames += self._batch.finish().frames
            self._batch = None
        slab, at = self._slab, 0
        while at < RING_BLOCK and not self._stopped:
            moment, packet = self._pcap.next()
            if packet is None:
                break
            microseconds = round(moment * 1e6)
            size = min(len(packet), MAX_PACKET)
            wire = max(size, int(self._pcap.header.contents.len))
            _RECORD.pack_into(slab, at, *divmod(microseconds, 1_000_000), size, wire)
            at += _RECORD.size
            slab[at : at + size] = packet[:size]
            at += size
        if not at:
            return None
        self._batch = Batch(self.capture, slab, 0, at, self.frames + 1, self._walk)
        return self._batch

    def losses(self) -> Losses:
        return Losses(received=self.frames, dropped=0)

    def stop(self) -> None:
        self._stopped = True

    def close(self) -> None:
        if not self._closed:  # libpcap does not survive being closed twice
            self._closed = True
            self._pcap.close()


def _no_libpcap() -> CannotCapture:
    return CannotCapture(
        "live capture needs Linux, or libpcap, which is not installed",
        "install libpcap, or record with another program and `imsniff analyze` the file",
    )
