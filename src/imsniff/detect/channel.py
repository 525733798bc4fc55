"""That there is a channel at all: instant messaging in use, on an odd port, or against the policy."""

from __future__ import annotations

from collections.abc import Iterable

from imsniff.base.records import Confidence, SessionRecord
from imsniff.base.risks import Risk
from imsniff.detect.finding import Context, Sighting, sighting
from imsniff.detect.registry import on

_IDENTIFIED = {Confidence.SIGNATURE, Confidence.BOTH_SIDES, Confidence.DISSECTED}
"""Rungs of the ladder on which a port can be called odd; a host name says nothing about what its port carries."""


def _shown(session: SessionRecord) -> str:
    """One line that says what was seen and where."""
    parts = [
        f"{session.service or session.protocol} over {session.transport}",
        f"{session.client_ip}:{session.client_port} to {session.server_ip}:{session.server_port}",
    ]
    if session.carriers:
        parts.append("through " + ", ".join(session.carriers))
    if session.software:
        parts.append("; ".join(session.software))
    return ", ".join(parts)


def _rule(session: SessionRecord) -> str:
    return session.signature or f"{session.protocol}.{session.confidence}"


@on(SessionRecord, Risk.ROGUE_IM)
def rogue_im(context: Context, session: SessionRecord, wire: str) -> Iterable[Sighting]:
    """Every session is one, unless the policy allows it. The subject is who uses it."""
    shown = wire or _shown(session)
    return sighting(context, Risk.ROGUE_IM, session, subject=context.account(), rule=_rule(session), shown=shown)


@on(SessionRecord, Risk.ODD_PORT)
def odd_port(context: Context, session: SessionRecord, wire: str) -> Iterable[Sighting]:
    """A session known by its bytes, on a port that is not its protocol's. The subject is the server's endpoint: that is
    what a firewall rule would name."""
    if not session.odd_port or session.confidence not in _IDENTIFIED:
        return ()
    return sighting(
        context, Risk.ODD_PORT, session, subject=context.server, rule=_rule(session), shown=wire or _shown(session)
    )


@on(SessionRecord, Risk.TUNNELLED_IM)
def tunnelled_im(context: Context, session: SessionRecord, wire: str) -> Iterable[Sighting]:
    """A conversation inside a proxy, a gateway or the web. The subject is who went that way."""
    if not session.carriers:
        return ()
    way = " in ".join(reversed(session.carriers))
    asked = f", asked for {session.destination}" if session.destination else ""
    shown = f"{session.protocol} in {way} at {context.server}{asked}"
    return sighting(
        context,
        Risk.TUNNELLED_IM,
        session,
        subject=context.account(),
        rule=f"carrier.{session.carriers[-1]}",
        shown=f"{shown}, {wire}" if wire else shown,
    )


@on(SessionRecord, Risk.POLICY_VIOLATION)
def policy_violation(context: Context, session: SessionRecord, wire: str) -> Iterable[Sighting]:
    """A session that a denial of the policy fits. The subject is its account, else its client."""
    denied = context.policy.denies(session)
    if denied is None:
        return ()
    who = context.account() if session.account else session.client_ip
    return sighting(
        context,
        Risk.POLICY_VIOLATION,
        session,
        subject=who,
        rule=f"policy.{denied.name}",
        shown=wire or _shown(session),
    )


@on(SessionRecord, Risk.UNRECORDED_CHANNEL)
def unrecorded_channel(context: Context, session: SessionRecord, wire: str) -> Iterable[Sighting]:
    """Somebody of a regulated group on a service that the policy's archive does not cover; encrypted ones, too."""
    group = context.policy.unrecorded(session, context.account())
    if group is None:
        return ()
    return sighting(
        context,
        Risk.UNRECORDED_CHANNEL,
        session,
        subject=context.account(),
        rule=f"policy.{group.name}",
        shown=wire or _shown(session),
    )
