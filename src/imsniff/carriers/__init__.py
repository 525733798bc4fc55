"""Carriers: flows in which other conversations travel. `load()` fills the registry; one file a carrier."""

from __future__ import annotations

from importlib import import_module

CARRIERS = ("bosh", "http_connect", "msn_gateway", "proxy_protocol", "socks", "websocket")
"""Modules that hold carriers."""


def load() -> None:
    """Import every carrier, so that `dissect.core.REGISTRY` has them."""
    for name in CARRIERS:
        import_module(f"imsniff.carriers.{name}")
