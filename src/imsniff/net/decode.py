"""From a packet of any link type to its TCP segment or UDP datagram.

Nearly all packets are Ethernet, IPv4 without options, TCP or UDP: those take one `unpack`. The others walk the tables
of `packet.py`, which the modules imported here fill.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct

import imsniff.net.tunnel
import imsniff.net.wifi  # noqa: F401 - these fill the tables
from imsniff.net.defrag import Datagram, Defrag
from imsniff.net.packet import ETHERTYPES, IP_PROTOCOLS, LINKS, UDP_TUNNELS, Buffer, Packet
from imsniff.net.segment import TCP, UDP, Segment

PLAIN = Struct("!12xHBxHxxHxBxx4s4s2s2sIIBB")
"""Type | version and header length, total length, fragment, protocol, addresses | ports, numbers, offset, flags."""

TUNNEL_PORTS = frozenset(port.to_bytes(2, "big") for port in UDP_TUNNELS)
"""UDP ports whose payload may be another packet, so that their flows carry many: the gate must not skip them."""

BARREN_PROTOCOLS = frozenset(range(256)) - IP_PROTOCOLS.keys()
"""IP protocols in which no segment can be: the gate need not let them up (ESP, ICMP ...)."""

LEAST_ETHERTYPE = 0x600
"""Below it is a length."""


def is_barren(ethertype: int) -> bool:
    """Whether no segment can be in a frame of this Ethernet type (ARP, LLDP ...)."""
    return ethertype >= LEAST_ETHERTYPE and ethertype not in ETHERTYPES


_ETHERNET, _IPV4, _NO_OPTIONS, _FRAGMENT = 1, 0x0800, 0x45, 0x3FFF


class Decoder:
    """Decodes the packets of one capture, in order. Keeps fragments until the rest of their datagram comes."""

    def __init__(self) -> None:
        self.defrag = Defrag()

    def segments(
        self, slab: Buffer, frame: int, at: int, captured: int, wire: int, time: int, link: int
    ) -> Sequence[Segment]:
        """The segments in a packet, as a batch's row tells of it, or that it completes; mostly one. Never raises."""
        if link == _ETHERNET and captured >= PLAIN.size:
            kind, first, total, fragment, protocol, source, target, sport, dport, seq, ack, offset, flags = (
                PLAIN.unpack_from(slab, at)
            )
            if kind == _IPV4 and first == _NO_OPTIONS and not fragment & _FRAGMENT and total:
                end, stop = at + captured, at + 14 + total  # no `min`: three calls are a tenth of it all
                if stop > end and stop > at + wire:
                    stop = at + wire if wire > captured else end
                if end > stop:
                    end = stop
                if protocol == TCP:
                    start = at + 34 + (offset >> 4) * 4
                    if offset < 0x50 or start > stop:
                        return ()
                    payload = bytes(slab[start:end])
                    cut = stop - start - len(payload)
                    return (Segment(frame, time, TCP, source + sport, target + dport, payload, cut, seq, ack, flags),)
                if protocol == UDP and sport not in TUNNEL_PORTS and dport not in TUNNEL_PORTS:
                    length = seq >> 16
                    start = at + 42
                    if 0 < length < 8 or start > stop:
                        return ()
                    if length:
                        stop = start - 8 + length
                        if end > stop:
                            end = stop
                    payload = bytes(slab[start:end])
                    cut = stop - start - len(payload)
                    return (Segment(frame, time, UDP, source + sport, target + dport, payload, cut),)
        packet = Packet(slab, at, at + captured, at + max(captured, wire), frame=frame, time=time, defrag=self.defrag)
        packet.walk(LINKS.get(link))
        if self.defrag.expired:
            return [*self._leftovers(), *packet.segments]
        return packet.segments

    def flush(self) -> list[Segment]:
        """What is known of the datagrams that still wait for fragments, at the end of the capture."""
        segments: list[Segment] = []
        while len(self.defrag):
            self.defrag.flush()
            segments += self._leftovers()
        return segments

    def _leftovers(self) -> list[Segment]:
        """A front may hold a fragment of something else: ends, since that is shorter each time."""
        segments: list[Segment] = []
        while self.defrag.expired:
            for datagram in self.defrag.take_expired():
                segments += self._front(datagram)
        return segments

    def _front(self, datagram: Datagram) -> list[Segment]:
        packet = Packet(
            datagram.data,
            0,
            len(datagram.data),
            datagram.size,
            frame=datagram.frame,
            time=datagram.time,
            defrag=self.defrag,
        )
        packet.source, packet.target = datagram.key.source, datagram.key.target
        packet.walk(IP_PROTOCOLS.get(datagram.protocol))
        return packet.segments
