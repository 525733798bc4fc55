"""An event, placed: packet time, capture, frame and session are added, secrets and text kept as the operator said.

Identifiers come from the traffic itself (endpoints, time of the first packet, order within the session), so that the
same traffic has the same ids in whatever file it is found and however often it is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from imsniff.base.addresses import is_internal
from imsniff.base.events import (
    Anomaly,
    Contact,
    Event,
    Exposure,
    Grade,
    Login,
    Message,
    Presence,
    Side,
    Trait,
    Transfer,
)
from imsniff.base.identity import hashed
from imsniff.base.limits import MAX_ANOMALIES, MAX_NAME, MAX_SOFTWARE, MAX_TEXT
from imsniff.base.records import (
    AnomalyRecord,
    ContactRecord,
    ExposureRecord,
    LoginRecord,
    MessageRecord,
    Placed,
    PresenceRecord,
    SessionRecord,
    TransferRecord,
    timestamp,
)
from imsniff.record.flood import MinuteCap
from imsniff.record.one_sided import Unanswered
from imsniff.record.privacy import Content, fingerprint, strength


def _clip(text: str | None, limit: int = MAX_NAME) -> str | None:
    if text is None or (len(text) <= limit and text.isascii()):
        return text
    return text[:limit].encode("utf-8", "replace").decode("utf-8")  # lone surrogates are not text


def _name(text: str) -> str:
    return _clip(text) or ""


At = dict[str, Any]
"""The keys of a record that do not depend on its kind."""


class Recorder:
    """Turns the events of one session into records."""

    __slots__ = (
        "_anomalies",
        "_count",
        "_ids",
        "_keep",
        "_key",
        "_texts",
        "answered",
        "cap",
        "flipped",
        "session",
        "unanswered",
    )

    def __init__(self, session: SessionRecord, content: Content, key: bytes, *, keep_secrets: bool) -> None:
        self.session = session
        self.flipped = False
        """Whether the session's ends are the flow's the other way round."""
        self._texts = content is Content.ALL
        self._key = key
        self._keep = keep_secrets
        self._ids = hashed(session.id, "")
        """What `identifier` makes of the session's id and a number, before the number."""
        self._count = 0
        self._anomalies = 0
        self.answered = False
        """Whether both sides are known to speak the protocol."""
        self.unanswered = Unanswered()
        """Records whose findings wait for that."""
        self.cap = MinuteCap()

    def record(self, event: Event, frame: int, ts: int, speaker: Side) -> Placed | None:
        """The record of an event; None where the event only tells of the session itself, or there are too many."""
        make = MAKERS.get(type(event))
        if make is None:
            return None
        if isinstance(event, Anomaly):
            self._anomalies += 1
            if self._anomalies > MAX_ANOMALIES + 1:
                return None
            if self._anomalies > MAX_ANOMALIES:
                event = Anomaly(side=event.side, code="anomaly.suppressed", detail="further anomalies are not reported")
        self._count += 1
        return make(self, event, speaker, self._at(frame, ts))

    def _at(self, frame: int, ts: int) -> At:
        """The keys that every record has; its id comes from the session's and its number in it."""
        session = self.session
        ids = self._ids.copy()
        ids.update(b"%d" % self._count)
        return {
            "id": ids.hexdigest(),
            "ts": timestamp(ts),
            "capture": session.capture,
            "frame": frame,
            "session": session.id,
            "protocol": session.protocol,
        }

    def keep(self, record: Placed, text: str) -> None:
        """A rule matched a message: this much of its text is kept."""
        if isinstance(record, MessageRecord):
            record.text = _clip(text, MAX_TEXT)

    def within_cap(self, record: Placed, ts: int) -> Iterator[Placed]:
        """The record, where its minute has room; before it, how many the last minute left out."""
        if self.cap.over(ts):
            yield from self.finish(*self.cap.last)
        if self.cap.admits(record, ts):
            yield record

    def finish(self, frame: int, ts: int) -> Iterator[Placed]:
        """How many records were left out and not told yet, as an anomaly."""
        if self.cap.left_out:
            event = Anomaly(
                side=Side.CLIENT,
                code="records.suppressed",
                detail=f"{self.cap.left_out} records of one minute left out",
            )
            self.cap.left_out = 0
            self._count += 1
            yield self.anomaly(event, Side.CLIENT, self._at(frame, ts))

    def learn(self, trait: Trait) -> None:
        """A fact about the whole session."""
        session = self.session
        session.service = _clip(trait.service) or session.service
        session.account = _clip(trait.account) or session.account
        session.server_name = _clip(trait.server_name) or session.server_name
        if trait.encryption is not None:
            session.encryption = trait.encryption.value
        software = _clip(trait.software)
        if software and software not in session.software and len(session.software) < MAX_SOFTWARE:
            session.software = [*session.software, software]

    # --- one maker a kind ---------------------------------------------------------------------------------------------

    def login(self, event: Login, _: Side, at: At) -> LoginRecord:
        if event.account and not self.session.account and event.grade is not Grade.TOKEN:
            self.session.account = _clip(event.account)
        return LoginRecord(
            **at,
            account=_clip(event.account),
            room=_clip(event.room),
            scheme=_name(event.scheme),
            grade=event.grade.value,
            outcome=event.outcome.value,
            secret_fingerprint=fingerprint(event.secret, self._key) if event.secret else None,
            secret=_clip(event.secret, MAX_TEXT) if self._keep else None,
        )

    def message(self, event: Message, speaker: Side, at: At) -> MessageRecord:
        return MessageRecord(  # most records are messages, and each key spelled out is five times as fast as `**at`
            id=at["id"],
            ts=at["ts"],
            capture=at["capture"],
            frame=at["frame"],
            session=at["session"],
            protocol=at["protocol"],
            sender=_clip(event.sender),
            recipient=_clip(event.recipient),
            room=_clip(event.room),
            text=_clip(event.text, MAX_TEXT) if self._texts else None,
            length=len(event.text),
            direction="sent" if speaker is Side.CLIENT else "received",
            offline=event.offline,
        )

    def presence(self, event: Presence, _: Side, at: At) -> PresenceRecord:
        return PresenceRecord(**at, account=_name(event.account), status=_name(event.status), note=_clip(event.note))

    def contact(self, event: Contact, _: Side, at: At) -> ContactRecord:
        return ContactRecord(**at, owner=_clip(event.owner), account=_name(event.account), group=_clip(event.group))

    def transfer(self, event: Transfer, _: Side, at: At) -> TransferRecord:
        return TransferRecord(
            **at,
            name=_name(event.name),
            size=event.size,
            sender=_clip(event.sender),
            recipient=_clip(event.recipient),
            state=event.state.value,
            sha256=event.sha256,
            media=_clip(event.media),
        )

    def exposure(self, event: Exposure, _: Side, at: At) -> ExposureRecord:
        return ExposureRecord(
            **at,
            account=_clip(event.account),
            ip=event.ip,
            port=event.port,
            internal=is_internal(event.ip),
            via=event.via,
            to=_clip(event.to),
        )

    def anomaly(self, event: Anomaly, _: Side, at: At) -> AnomalyRecord:
        return AnomalyRecord(**at, code=event.code, detail=_clip(event.detail))


MAKERS: dict[type[Event], Callable[..., Placed]] = {
    Login: Recorder.login,
    Message: Recorder.message,
    Presence: Recorder.presence,
    Contact: Recorder.contact,
    Transfer: Recorder.transfer,
    Exposure: Recorder.exposure,
    Anomaly: Recorder.anomaly,
}


def evidence_of(event: Event) -> str:
    """What evidence shows of an event: the wire excerpt, and of a secret only what may be said of it."""
    if isinstance(event, Login) and event.secret:
        said = f"secret of {strength(event.secret)}"
        return f"{event.wire} [{said}]" if event.wire else said
    return event.wire
