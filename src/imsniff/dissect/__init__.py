"""Dissectors: bytes of one flow in, events out. `load()` fills the registry; one file a protocol."""

from __future__ import annotations

from importlib import import_module

PROTOCOLS = (
    "oscar.oscar",
    "oscar.oft",
    "oscar.odc",
    "oscar.toc",
    "oscar.icq_udp",
    "msn.msnp",
    "msn.msnftp",
    "msn.msnp2p",
    "yahoo.ymsg",
    "sip.sip",
    "sip.msrp",
    "xmpp.xmpp",
    "xmpp.bytestream",
    "irc.irc",
    "irc.dcc",
)
"""Modules that hold dissectors."""


def load() -> None:
    """Import every dissector, so that `core.REGISTRY` is full."""
    for name in PROTOCOLS:
        import_module(f"imsniff.dissect.{name}")
