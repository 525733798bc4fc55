"""From records to findings. Importing this package registers every family of detectors."""

import imsniff.detect.addresses
import imsniff.detect.channel
import imsniff.detect.content
import imsniff.detect.credentials
import imsniff.detect.transfers  # noqa: F401
from imsniff.detect.core import Aggregate, Detectors, Finding, Risk, Sighting

__all__ = ["Aggregate", "Detectors", "Finding", "Risk", "Sighting"]
