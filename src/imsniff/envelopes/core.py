"""The contract of an envelope: a flow whose content is encrypted and whose outside names a service.

An envelope reads a flow as a dissector does (`dissect.core`) and yields `ServiceSeen`; exposures (`Exposure`) where the
outside tells addresses. It proves the format, not a messenger: a flow whose envelope names no service is foreign.
"""

from __future__ import annotations

from imsniff.dissect.core import Dissector, Frame


class Envelope(Dissector[Frame]):
    """Base of all envelopes; one instance a flow."""

    def __init__(self, *, midstream: bool = False) -> None:
        super().__init__(midstream=midstream)
        self.done = False
        """Set once nothing more can be learned: the flow is then counted, or ignored where nothing was named."""
