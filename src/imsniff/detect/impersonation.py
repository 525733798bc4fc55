"""Names made to look like somebody else's: like a contact seen before, or like somebody who may ask for things."""

from __future__ import annotations

import re
from collections.abc import Iterable

from imsniff.base.confusable import mixed_scripts, one_apart, skeleton
from imsniff.base.limits import ACCOUNT_MEMORY_NS, MAX_CONTACTS, MAX_REMEMBERED_ACCOUNTS
from imsniff.base.records import ContactRecord, MessageRecord, Record, Severity, nanoseconds
from imsniff.base.risks import Risk
from imsniff.detect.finding import Context, Sighting, sighting
from imsniff.detect.memory import AgingTable
from imsniff.detect.observation import Observation, observation, observed
from imsniff.detect.people import both_ends
from imsniff.detect.registry import CrossFlowDetector, Observer, SeenKeys, across_flows
from imsniff.policy.policy import Policy

_BRANDS = r"(?:aol|aim|icq|msn|microsoft|hotmail|passport|messenger|yahoo|ymessenger|windowslive|skype|google|gtalk)"
_ROLES = (
    r"(?:admin|administrator|support|security|helpdesk|billing|staff|team|service|services|verification|customercare)"
)
_OFFICE = re.compile(rf"(?:{_BRANDS}[-_.]?)+(?:{_ROLES}[-_.]?)+[0-9]{{0,4}}")
"""What people take for the service itself, which has other ways to speak to them."""
_PUBLIC = frozenset({"oscar", "toc", "icq", "msnp", "ymsg"})
"""Where anybody registers a name."""
_ROLE_WORDS = frozenset(
    ["admin", "administrator", "support", "helpdesk", "security", "itsupport", "sysadmin", "root", "ceo", "hr", "it"]
)
MIN_NEAR = 7
"""Characters of the name before the `@` from which one letter is a small difference: of shorter names many are near."""


class _FirstOfSession:
    """The observer of one shard: of each session every contact, and the first message of each sender."""

    def __init__(self) -> None:
        self._known = SeenKeys()

    def __call__(self, context: Context, record: Record, _: str) -> Iterable[Observation]:
        match record:
            case ContactRecord() if record.owner or context.session.account:
                person, other, kind = context.account(record.owner), context.account(record.account), "contact"
            case MessageRecord(sender=str() as sender) if not self._known.again(record.session, sender):
                ends = both_ends(context, record)
                if ends is None:
                    return ()
                person, other, kind = ends.recipient, ends.sender, "message"
            case _:
                return ()
        return (observation(context, Impersonation.name, record, subject=person, peer=other, rule=kind),)


@across_flows(ContactRecord, MessageRecord, risks=(Risk.IMPERSONATION,))
class Impersonation(CrossFlowDetector):
    """Who writes to somebody under a name that looks like one of that person's contacts, and is none of them. The
    subject is the account that imitates."""

    name = "impersonation"

    def __init__(self) -> None:
        self._circles: AgingTable[dict[str, str]] = AgingTable(
            dict, limit=MAX_REMEMBERED_ACCOUNTS, lifetime=ACCOUNT_MEMORY_NS
        )
        """By person, the accounts that they know and their skeletons."""

    @classmethod
    def observer(cls) -> Observer:
        return _FirstOfSession()

    def judge(self, policy: Policy, seen: Observation) -> Iterable[Sighting]:
        context, now = observed(policy, seen), nanoseconds(seen.ts)
        circle = self._circles.touch((context.service, seen.subject), now)
        name = seen.peer
        if name in circle or name == seen.subject:
            return ()
        look = skeleton(name)
        says = None
        if seen.rule == "message":
            says = _alike(name, look, circle) or _office(name, seen.session.protocol)
        if len(circle) < MAX_CONTACTS:
            circle[name] = look
        if says is None:
            return ()
        rule, severity, shown = says
        shown = f"{name} writes to {seen.subject}, {shown}"
        return sighting(context, Risk.IMPERSONATION, seen, subject=name, rule=rule, shown=shown, severity=severity)


def _alike(name: str, look: str, circle: dict[str, str]) -> tuple[str, Severity, str] | None:
    """HIGH where a reader cannot see the difference, MEDIUM where a hurried one may not. Numbered accounts of one
    owner (`anna1`, `anna2`) differ in what a skeleton takes for letters: digits against digits are a difference."""
    local, at, domain = name.partition("@")
    for known, other in circle.items():
        their_local, _, their_domain = known.partition("@")
        if _numbered(name) == _numbered(known):
            continue
        if look == other and (not name.isascii() or _in_disguise(name, known)):
            return "name.confusable", Severity.HIGH, f"whose name looks like that of {known}"
        same_place = domain == their_domain if at else not their_domain
        if (
            same_place
            and len(local) >= MIN_NEAR
            and one_apart(local, their_local)
            and not _digits_apart(local, their_local)
        ):
            return "name.near", Severity.MEDIUM, f"one letter from {known}"
    return None


def _numbered(name: str) -> str:
    return re.sub("[0-9]+", "0", name)


def _in_disguise(name: str, known: str) -> bool:
    """Whether the two differ in more than digits that both have: `paul` and `pau1` do, `room11` and `roomll` too."""
    return re.sub("[^a-z]", "", name) != re.sub("[^a-z]", "", known) or bool(set("0135|!$") & (set(name) ^ set(known)))


def _digits_apart(one: str, other: str) -> bool:
    """Whether they are the same but for digits: people number their second accounts."""
    return re.sub("[0-9._-]", "", one) == re.sub("[0-9._-]", "", other)


def _office(name: str, protocol: str) -> tuple[str, Severity, str] | None:
    local = name.partition("@")[0]
    if protocol in _PUBLIC and _OFFICE.fullmatch(local):
        return "name.office", Severity.HIGH, "under a name as if it were the service"
    word = re.sub("[^a-z]", "", skeleton(local))
    if (not local.isascii() and mixed_scripts(local)) or (
        local not in _ROLE_WORDS and any(c in local for c in "0134$|")
    ):
        plain = re.sub("[-_. ]", "", local)
        for role in _ROLE_WORDS:
            if len(role) > 4 and word == skeleton(role) and plain != role:
                return "name.role", Severity.HIGH, f"under a name that looks like {role}"
    return None
