"""Flows that signalling announced: a rendezvous, an MSNSLP offer, an SDP path, a streamhost, a DCC offer."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address

from imsniff.base.events import Expect
from imsniff.base.limits import EXPECTED_NS, MAX_EXPECTED
from imsniff.dissect.core import CappedTable


class Expected:
    """Announced endpoints, each for EXPECTED_NS of packet time, at most MAX_EXPECTED."""

    def __init__(self) -> None:
        self._waiting: CappedTable[tuple[str, bytes], tuple[int, Expect]] = CappedTable(MAX_EXPECTED)

    @property
    def waiting(self) -> Mapping[tuple[str, bytes], object]:
        """By transport and endpoint; some may be waited for no longer."""
        return self._waiting

    def announce(self, expect: Expect, ts: int) -> None:
        """Wait for a flow to or from that endpoint. A name that is no address is not waited for."""
        try:
            packed = ip_address(expect.ip).packed + expect.port.to_bytes(2, "big")
        except (ValueError, OverflowError):
            return
        self._waiting[expect.transport, packed] = (ts, expect)

    def find(self, transport: str, server: bytes, client: bytes, ts: int) -> Expect | None:
        """What was said of a new flow; the called endpoint counts first. An announcement serves all flows in its time:
        a client may try twice."""
        if not self._waiting:
            return None
        for endpoint in (server, client):
            found = self._waiting.get((transport, endpoint))
            if found is not None and ts - found[0] <= EXPECTED_NS:
                return found[1]
        return None
