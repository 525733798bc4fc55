"""What a policy has nothing against: asked when something is found, and by an audit of what was found before."""

from __future__ import annotations

from imsniff.base.records import SessionRecord
from imsniff.base.risks import Risk
from imsniff.policy.policy import Policy


def allowed(policy: Policy, risk: str, session: SessionRecord) -> bool:
    """Whether no finding of this risk is made of such a session under this policy."""
    if risk in policy.off:
        return True
    if risk in (Risk.ROGUE_IM, Risk.TUNNELLED_IM):
        return policy.allows(session)
    if risk == Risk.ODD_PORT:
        return policy.expects(session)
    return risk == Risk.POLICY_VIOLATION and policy.denies(session) is None
