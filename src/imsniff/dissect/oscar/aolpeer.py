"""What AOL's two peer-to-peer protocols, OFT (`oft`) and ODC (`odc`), share: the relay in front, and bytes that are
counted, not framed.

Over AOL's relay (ars.oscar.aol.com) a few frames come first, big-endian, then the relay only passes on:

    length:2 (of what follows) | 0x044A | type:2 (1 error, 2 create, 3 created, 4 join, 5 ready) | 0:4 | flags:2 | ...

References: libpurple protocols/oscar/{peer,peer_proxy}.c.
"""

from __future__ import annotations

from imsniff.dissect.core import Inbox
from imsniff.dissect.cursor import Malformed

RELAY_VERSION = b"\x04\x4a"
RELAY_HEADER = 12
LARGEST_RELAY_FRAME = 512


def skip_relay(box: Inbox) -> bool:
    """Drop a relay frame off the front of `box`. True while one stands there that is not whole."""
    while len(box) >= 2 and box.data[0] < 2:
        if len(box) < 6:
            return True
        if box.data[2:4] != RELAY_VERSION or not 1 <= int.from_bytes(box.data[4:6], "big") <= 5:
            raise Malformed("neither a header nor a frame of the relay")
        size = 2 + int.from_bytes(box.data[:2], "big")
        if not RELAY_HEADER <= size <= LARGEST_RELAY_FRAME:
            raise Malformed(f"relay frame of {size} bytes")
        if box.take(size) is None:
            return True
    return len(box) == 1 and box.data[0] < 2
