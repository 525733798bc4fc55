"""Capture filters in libpcap's language, as the kernel takes them.

libpcap itself compiles them, called through scapy, which is imported only for that."""

from __future__ import annotations

import re
from struct import Struct

from imsniff.base.limits import MAX_FILTER, MAX_PACKET
from imsniff.capture.errors import BadFilter, CannotCapture
from imsniff.capture.ring import Program

_INSTRUCTION = Struct("=HBBI")
_RETURN_CONSTANT = 0x06
_RAW_IP, _DLT_RAW = 101, 12
"""libpcap calls raw IP 12, the files it writes 101."""


def compiled(expression: str, link: int) -> Program:
    """Raises BadFilter where libpcap does not understand it, CannotCapture where there is no libpcap."""
    if len(expression) > MAX_FILTER:
        raise BadFilter(f"longer than {MAX_FILTER} characters")
    if re.search(r"\bvlan\b", expression):
        # in a ring the tag is no longer among the bytes; without this the filter would silently let nothing through
        raise BadFilter("'vlan' cannot be asked: the kernel takes tags off before filters look; capture on eth0.10")
    try:
        from scapy.arch.common import compile_filter
        from scapy.error import Scapy_Exception
    except ImportError:
        raise _no_libpcap() from None
    try:
        program = compile_filter(expression, linktype=_DLT_RAW if link == _RAW_IP else link)
    except (ImportError, OSError):
        raise _no_libpcap() from None
    except Scapy_Exception as why:
        raise BadFilter(str(why)) from None
    instructions = []
    for number in range(program.bf_len):
        one = program.bf_insns[number]
        # libpcap lets 65 535 bytes of a packet through; segments that the card put together can be longer
        value = MAX_PACKET if one.code == _RETURN_CONSTANT and one.k else one.k
        instructions.append(_INSTRUCTION.pack(one.code, one.jt, one.jf, value & 0xFFFF_FFFF))
    return Program(len(instructions), b"".join(instructions))


def _no_libpcap() -> CannotCapture:
    return CannotCapture(
        "-f needs libpcap, which is not installed",
        "install it (Debian: apt install libpcap0.8; Fedora: dnf install libpcap), or capture without -f",
    )
