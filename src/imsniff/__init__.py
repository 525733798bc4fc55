"""Instant messaging on a network, seen from the bytes alone."""

__version__ = "0.1.0"
PROGRAM = f"imsniff {__version__}"
"""As runs and reports name what made them."""
