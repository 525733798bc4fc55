"""Observations: what one record contributes to the detectors that keep memory across flows.

They leave the process that reads a flow beside its records and end where all flows meet (`detect.across`); they are
never stored and never printed.
"""

from __future__ import annotations

from copy import copy

from imsniff.base.records import Record, SessionRecord
from imsniff.detect.finding import Context
from imsniff.policy.policy import Policy


class Observation(Record, kw_only=True):
    """One fact for one detector. `ts` is the packet time at which it is known; `id` is the record's."""

    detector: str
    """The name of the detector it is for."""
    session: SessionRecord
    """The session as it was known then."""
    subject: str
    """Whom the memory is about: an account, a host."""
    value: str = ""
    """What is compared: a digest of a text, a link, a fingerprint. Never a secret or a text itself."""
    peer: str = ""
    """The other party, where there is one."""
    rule: str = ""
    excerpt: str = ""
    """The evidence, masked."""


def observation(
    context: Context,
    detector: str,
    record: Record,
    *,
    subject: str,
    value: str = "",
    peer: str = "",
    rule: str = "",
    excerpt: str = "",
) -> Observation:
    """A session is observed as of its last packet, everything else when it was sent."""
    return Observation(
        id=record.id,
        ts=record.last_seen if isinstance(record, SessionRecord) else record.ts,
        capture=record.capture,
        frame=record.frame,
        detector=detector,
        session=copy(context.session),
        subject=subject,
        value=value,
        peer=peer,
        rule=rule,
        excerpt=excerpt,
    )


def observed(policy: Policy, seen: Observation) -> Context:
    """The context in which an observation was made, under the policy of now."""
    return Context(seen.session, policy)
