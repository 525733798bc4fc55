"""What a policy has nothing against: asked when something is found, and by an audit of what was found before."""

from __future__ import annotations

from imsniff.base.records import SessionRecord
from imsniff.base.risks import Risk
from imsniff.policy.policy import Policy

OF_POLICY = "policy."
"""How the rule of a finding begins that names one of the policy."""


def allowed(policy: Policy, risk: str, rule: str, session: SessionRecord) -> bool:
    """Whether no finding of this risk is made of such a session under this policy. rule: which the detector tells; a
    violation is of a rule of the policy, or of conduct that no session shows."""
    if risk in policy.off:
        return True
    if risk in (Risk.ROGUE_IM, Risk.TUNNELLED_IM):
        return policy.allows(session)
    if risk == Risk.ODD_PORT:
        return policy.expects(session)
    if risk == Risk.UNRECORDED_CHANNEL:
        return all(group.name != rule.removeprefix(OF_POLICY) or group.covers(session) for group in policy.regulated)
    return risk == Risk.POLICY_VIOLATION and rule.startswith(OF_POLICY) and policy.denies(session) is None
