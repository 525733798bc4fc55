"""What an eavesdropper could log in with."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from imsniff.base.events import Grade, Outcome
from imsniff.base.records import LoginRecord, Severity
from imsniff.base.risks import Risk
from imsniff.detect.finding import Context, Sighting, sighting
from imsniff.detect.registry import on


class _Verdict(NamedTuple):
    risk: Risk
    severity: Severity | None
    means: str
    case: str = ""


_VERDICTS: dict[str, _Verdict] = {
    Grade.CLEARTEXT: _Verdict(Risk.CLEARTEXT_CREDENTIAL, Severity.HIGH, "readable as it is"),
    Grade.REVERSIBLE: _Verdict(Risk.CLEARTEXT_CREDENTIAL, Severity.HIGH, "disguised without a key"),
    Grade.CRACKABLE: _Verdict(Risk.CLEARTEXT_CREDENTIAL, Severity.MEDIUM, "can be guessed offline", "guessable"),
    Grade.TOKEN: _Verdict(Risk.TOKEN_EXPOSED, None, "works when replayed"),
}
"""A protected login gives an eavesdropper nothing, and no finding."""


@on(LoginRecord, Risk.CLEARTEXT_CREDENTIAL, Risk.TOKEN_EXPOSED)
def exposed_credential(context: Context, login: LoginRecord, wire: str) -> Iterable[Sighting]:
    """A log-in that is worth something to who heard it. The subject is the account.

    `wire` is masked and tells the secret's length and character classes; a kept secret itself never comes here."""
    verdict = _VERDICTS.get(login.grade)
    if verdict is None:
        return ()
    seen = [f"{login.scheme} log-in", verdict.means]
    if login.outcome != "unknown":
        seen.append(f"outcome {login.outcome}")
    if wire:
        seen.append(wire)
    severity, case, subject = verdict.severity, verdict.case, context.account(login.account)
    if login.outcome == Outcome.FAILED and login.grade != Grade.TOKEN:
        severity, case = Severity.LOW, "failed-login"
    if login.room:
        case, subject = "room-key", context.account(login.room)
    return sighting(
        context,
        verdict.risk,
        login,
        subject=subject,
        rule=f"{login.protocol}.login.{login.scheme}",
        shown=", ".join(seen),
        severity=severity,
        case=case,
    )
