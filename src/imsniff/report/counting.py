"""Things counted once: a message, a file or an address that the sensor saw on two legs, or twice, is one.

Two inside hosts that talk through an outside server pass the sensor twice with every message, and a file is offered,
accepted and completed, at both ends.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from imsniff.base.events import TransferState
from imsniff.base.records import ExposureRecord, MessageRecord, TransferRecord, nanoseconds
from imsniff.detect.accounts import normalise
from imsniff.report.overview import family

SAME_MESSAGE_NS = 60 * 1_000_000_000
"""Packet time within which the legs of a message pass the sensor: what takes longer was delivered offline."""

MAX_COUNTED = 100_000
"""Messages that are remembered before those are forgotten whose minute is over."""

SAME_FILE_NS = 3_600 * 1_000_000_000
"""Packet time within which what is said of a file is about one transfer of it."""

_STATES = [TransferState.CANCELLED, TransferState.OFFERED, TransferState.ACCEPTED, TransferState.COMPLETED]
"""How far a transfer came, the end state last; one that was cancelled had been offered."""


def messages(records: Iterable[MessageRecord]) -> Iterator[MessageRecord]:
    """Each message once. It leaves once and arrives once, and in a room it comes to every member: each showing in
    another session is the same one, but what leaves twice was said twice. Records are to come in the order of packet
    time."""
    shown: dict[tuple[object, ...], list[_Showing]] = {}
    for record in records:
        now = nanoseconds(record.ts)
        if len(shown) >= MAX_COUNTED:
            shown = {what: since for what, since in shown.items() if now - since[-1].ts <= SAME_MESSAGE_NS}
        sender = normalise(record.protocol, record.sender or "")
        whom = record.room or normalise(record.protocol, record.recipient or "")
        what = (family(record.protocol), sender, whom, record.length, record.text)
        if not (sender and whom) or _is_first(shown.setdefault(what, []), record, now):
            yield record


class _Showing(NamedTuple):
    """One message, and the sessions that showed it."""

    ts: int
    sessions: set[str]
    left: set[str]
    """Those in which it left."""


def _is_first(showings: list[_Showing], record: MessageRecord, now: int) -> bool:
    showings[:] = [one for one in showings if now - one.ts <= SAME_MESSAGE_NS]
    leaves = record.direction == "sent"
    for one in showings:
        if record.session not in one.sessions and not (leaves and one.left):
            one.sessions.add(record.session)
            one.left.update((record.session,) if leaves else ())
            return False
    showings.append(_Showing(now, {record.session}, {record.session} if leaves else set()))
    return True


class File(NamedTuple):
    """One transfer of one file."""

    service: str
    name: str
    sender: str
    state: TransferState
    """How far it came."""


def files(records: Iterable[TransferRecord]) -> list[File]:
    """Every transfer once, with its end state, however often and at whichever end it was told."""
    runs: dict[tuple[str, str, str], list[tuple[int, int]]] = defaultdict(list)
    for record in records:
        sender = normalise(record.protocol, record.sender or "")
        state = _STATES.index(TransferState(record.state))
        key, now = (family(record.protocol), record.name, sender), nanoseconds(record.ts)
        known = runs[key]
        if known and now - known[-1][0] <= SAME_FILE_NS:
            known[-1] = (now, max(state, known[-1][1]))
        else:
            known.append((now, state))
    named = {(service, name) for service, name, sender in runs if sender}
    return [
        File(service, name, sender, _STATES[state])
        for (service, name, sender), known in runs.items()
        if sender or (service, name) not in named  # the bytes' own flow may not say whose they are
        for _, state in known
    ]


class Addresses(NamedTuple):
    """Distinct addresses that were told."""

    ours: int
    """Inside ones, and public ones of accounts here."""
    strangers: int


def addresses(records: Iterable[ExposureRecord], own: Collection[tuple[str, str]]) -> Addresses:
    """own: accounts with a session of theirs, as family and normal name."""
    ours, all_of_them = set(), set()
    for record in records:
        all_of_them.add(record.ip)
        account = family(record.protocol), normalise(record.protocol, record.account or "")
        if record.internal or not record.account or account in own:
            ours.add(record.ip)
    return Addresses(len(ours), len(all_of_them - ours))
