"""From records to findings."""

from imsniff.detect import addresses, channel, content, credentials, transfers
from imsniff.detect.core import Aggregate, Detectors, Risk, Sighting

__all__ = ["Aggregate", "Detectors", "Risk", "Sighting", "addresses", "channel", "content", "credentials", "transfers"]
