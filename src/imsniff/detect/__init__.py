"""From records to findings. Importing this package registers every family of detectors."""

import imsniff.detect.addresses
import imsniff.detect.channel
import imsniff.detect.content
import imsniff.detect.credentials
import imsniff.detect.deception
import imsniff.detect.files
import imsniff.detect.identity
import imsniff.detect.impersonation
import imsniff.detect.language
import imsniff.detect.links
import imsniff.detect.sensitive
import imsniff.detect.talks
import imsniff.detect.transfers
import imsniff.detect.worms  # noqa: F401
from imsniff.base.risks import Risk
from imsniff.detect.across import CrossFlowDetectors
from imsniff.detect.finding import Finding, Sighting
from imsniff.detect.merge import Aggregate
from imsniff.detect.observation import Observation
from imsniff.detect.registry import Detectors

__all__ = ["Aggregate", "CrossFlowDetectors", "Detectors", "Finding", "Observation", "Risk", "Sighting"]
