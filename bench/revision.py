"""Names of captures that are kept and used again."""

from __future__ import annotations

REVISION = 2
"""Of the bytes that the same arguments give: raise it with whatever changes them, so that old ones are left alone."""


def file_name(packets: int, im_share: float, only: str | None = None) -> str:
    """Holds all that a capture's bytes depend on."""
    return f"{only}-r{REVISION}-{packets}.pcap" if only else f"office-r{REVISION}-{packets}-im{im_share:g}.pcap"
