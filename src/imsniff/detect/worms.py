"""Worms: the same lure to many people in a short time, and lures that those who get them send on.

    seen by                      who counts                       from        within    severity
    link or file, one sender     its recipients                   CONTACTS    SPAN_NS   CRITICAL
    link or file, a chain        recipients of who received it    CHAIN       SPAN_NS   CRITICAL
    text, one sender             its recipients                   READERS     SPAN_NS   MEDIUM
    link, many senders           those who send it                SENDERS     SPAN_NS   MEDIUM, `malicious-link`

Worms of 2001 and 2002 (Aplore, CoolNow, Choke, NewPic) wrote to everybody on the contact list within a minute. A
message to a room is one message to many, and no worm's; who announces is named by the policy.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import blake2b
from itertools import islice

from imsniff.base.events import TransferState
from imsniff.base.limits import LURE_MEMORY_NS, MAX_REMEMBERED_HOSTS, MAX_REMEMBERED_LURES, MAX_REMEMBERED_PAIRS
from imsniff.base.records import MessageRecord, Record, Severity, TransferRecord, nanoseconds
from imsniff.base.risks import Risk
from imsniff.detect.finding import Context, Sighting, sighting
from imsniff.detect.memory import AgingTable
from imsniff.detect.observation import Observation, observation, observed
from imsniff.detect.people import both_ends
from imsniff.detect.registry import CrossFlowDetector, Observer, across_flows
from imsniff.detect.urls import links
from imsniff.policy.policy import Policy

CONTACTS = 5
CHAIN = 3
READERS = 8
SENDERS = 5
SPAN_NS = 300_000_000_000
"""Five minutes."""
MIN_TEXT = 20
"""Characters of a text that nobody sends twice by chance: greetings are shorter."""
_LINK, _FILE, _TEXT = "link", "file", "text"


def _digest(*parts: str) -> str:
    return blake2b("\0".join(parts).encode("utf-8", "replace"), digest_size=8).hexdigest()


class _Lures:
    """The observer of one shard: messages with a link, offered files, and of a session's texts the ones it repeats."""

    def __init__(self) -> None:
        self._texts: dict[tuple[str, int], str | None] = {}

    def __call__(self, context: Context, record: Record, _: str) -> Iterable[Observation]:
        if isinstance(record, TransferRecord):
            return self._file(context, record)
        assert isinstance(record, MessageRecord)
        text = context.said.text
        if record.room or len(text) < MIN_TEXT // 2:
            return ()
        if found := links(text):
            link = found[0]
            if link.internal:
                return ()
            return self._observed(context, record, _LINK, _digest(link.host, link.path.partition("?")[0]))
        if record.direction != "sent" or len(text) < MIN_TEXT or not self._repeated(record, text):
            return ()
        return self._observed(context, record, _TEXT, _digest(re.sub(r"[\W\d_]+", " ", text[:1024].lower())))

    def _repeated(self, record: MessageRecord, text: str) -> bool:
        """Whether the session's owner has said it before, to somebody else."""
        key = (record.session, hash(text))
        before = self._texts.setdefault(key, record.recipient)
        if len(self._texts) > MAX_REMEMBERED_PAIRS:
            for old in list(islice(self._texts, MAX_REMEMBERED_PAIRS // 4)):
                del self._texts[old]
        return before != record.recipient

    @staticmethod
    def _observed(context: Context, record: MessageRecord, kind: str, value: str) -> Iterable[Observation]:
        ends = both_ends(context, record)
        if ends is None:
            return ()
        lure = context.said.text if record.text is not None else f"{record.length} characters"
        return (
            observation(
                context,
                WormPropagation.name,
                record,
                subject=ends.sender,
                peer=ends.recipient,
                value=value,
                rule=kind,
                excerpt=_shown(lure) if kind == _LINK else "",
            ),
        )

    @staticmethod
    def _file(context: Context, file: TransferRecord) -> Iterable[Observation]:
        if file.state != TransferState.OFFERED or not file.sender or not file.recipient:
            return ()
        sender, recipient = context.account(file.sender), context.account(file.recipient)
        name = file.name.lower()
        return (
            observation(
                context,
                WormPropagation.name,
                file,
                subject=sender,
                peer=recipient,
                value=_digest(name, str(file.size)),
                rule=_FILE,
                excerpt=_shown(file.name),
            ),
        )


def _shown(lure: str) -> str:
    return lure if len(lure) <= 120 else f"{lure[:120]}…"


class _Lure:
    """Who got a lure of whom, and when last."""

    __slots__ = ("many", "reach")

    def __init__(self) -> None:
        self.reach: dict[str, dict[str, int]] = {}
        self.many = False
        """Whether its many senders were told of."""


@across_flows(MessageRecord, TransferRecord, risks=(Risk.WORM_PROPAGATION, Risk.MALICIOUS_LINK))
class WormPropagation(CrossFlowDetector):
    """One link, file or text to many contacts within five minutes, or sent on by who got it. The subject is the account
    that sends; every further contact is a sighting."""

    name = "worm-propagation"

    def __init__(self) -> None:
        self._lures: AgingTable[_Lure] = AgingTable(_Lure, limit=MAX_REMEMBERED_LURES, lifetime=LURE_MEMORY_NS)

    @classmethod
    def observer(cls) -> Observer:
        return _Lures()

    def judge(self, policy: Policy, seen: Observation) -> Iterable[Sighting]:
        context, now = observed(policy, seen), nanoseconds(seen.ts)
        if policy.announces(seen.subject):
            return
        lure = self._lures.touch((context.service, seen.rule, seen.value), now)
        for sender, recipients in list(lure.reach.items()):
            for one in [one for one, at in recipients.items() if now - at > SPAN_NS]:
                del recipients[one]
            if not recipients:
                del lure.reach[sender]
        if seen.subject not in lure.reach and len(lure.reach) >= MAX_REMEMBERED_HOSTS:
            return
        reached = lure.reach.setdefault(seen.subject, {})
        new = seen.peer not in reached and len(reached) < MAX_REMEMBERED_HOSTS
        if new:
            reached[seen.peer] = now
            yield from self._spread(context, seen, lure, len(reached))
        if seen.rule == _LINK and len(lure.reach) >= SENDERS and not lure.many:
            lure.many = True
            yield from sighting(
                context,
                Risk.MALICIOUS_LINK,
                seen,
                subject=seen.subject,
                rule="link.many-senders",
                shown=f"one link from {len(lure.reach)} accounts within five minutes: {seen.excerpt}",
                severity=Severity.MEDIUM,
            )

    @staticmethod
    def _spread(context: Context, seen: Observation, lure: _Lure, count: int) -> Iterable[Sighting]:
        if seen.rule == _TEXT:
            count += 1  # the first recipient was not observed
            enough, severity, chain = READERS, Severity.MEDIUM, []
        else:
            chain = sorted(
                sender for sender, got in lure.reach.items() if seen.subject in got and sender != seen.subject
            )
            enough, severity = CHAIN if chain else CONTACTS, Severity.CRITICAL
        if count < enough:
            return ()
        after = f", after it came from {chain[0]}" if chain else ""
        shown = f"the same {seen.rule} to {count} contacts within five minutes{after}"
        return sighting(
            context,
            Risk.WORM_PROPAGATION,
            seen,
            subject=seen.subject,
            rule=f"worm.{'chain' if chain else seen.rule}",
            shown=f"{shown}: {seen.excerpt}" if seen.excerpt else shown,
            severity=severity,
        )
