"""The readers of a flow: every dissector, carrier and envelope, registered by the name that signatures say."""

from __future__ import annotations

from imsniff import carriers, dissect


def load() -> None:
    """Import all of them, so that `dissect.core.REGISTRY` is complete."""
    dissect.load()
    carriers.load()
