"""The record of a session: made when its flow is identified, brought up to date while the flow goes on."""

from __future__ import annotations

from typing import Any

from imsniff.base.addresses import address
from imsniff.base.events import Encryption
from imsniff.base.identity import community_id, identifier
from imsniff.base.records import SILENT, Confidence, SessionRecord, timestamp
from imsniff.classify.conversation import EXPECTED, Conversation
from imsniff.classify.inner import AnyFlow, InnerFlow
from imsniff.net.segment import TCP, endpoint
from imsniff.record.one_sided import one_sided
from imsniff.record.recorder import Recorder
from imsniff.rules.schema import Ports


def begin_session(flow: AnyFlow[Any], conversation: Conversation, capture: str) -> SessionRecord:
    """The first record of an identified flow. Identifiers depend on the traffic alone."""
    chosen = conversation.chosen
    assert chosen is not None, "only an identified flow has a session"
    client, server = endpoint(flow.client), endpoint(flow.server)
    protocol, transport = chosen.dissector.protocol, "tcp" if flow.protocol == TCP else "udp"
    began = timestamp(flow.first.ts)
    parts: tuple[object, ...] = (transport, client, server, flow.first.ts, protocol)
    inner = flow if isinstance(flow, InnerFlow) else None
    if inner is not None:
        parts += (*inner.carriers, inner.stream)
    return SessionRecord(
        id=identifier(*parts),
        ts=began,
        capture=capture,
        frame=flow.first.frame,
        protocol=protocol,
        transport=transport,
        client_ip=client[0],
        client_port=client[1],
        server_ip=server[0],
        server_port=server[1],
        first_seen=began,
        last_seen=began,
        packets=0,
        bytes=0,
        confidence=conversation.confidence,
        signature=conversation.signature,
        encryption=Encryption.NONE.value,
        odd_port=False,
        first_frame=flow.first.frame,
        last_frame=flow.first.frame,
        community_id=community_id(client, server, flow.protocol),
        carriers=list(inner.carriers) if inner is not None else [],
        destination=inner.destination if inner is not None else None,
        server_name=_name_of(inner.destination) if inner is not None else None,
    )


def _name_of(destination: str | None) -> str | None:
    """The host asked of a proxy, where it is a name."""
    host = (destination or "").rpartition(":")[0]
    return host if host and address(host) is None else None


def update_session(flow: AnyFlow[Any], recorder: Recorder, conversation: Conversation, ports: Ports) -> SessionRecord:
    """The record as of now: counts, times, confidence, and whether the port is odd."""
    session = face(flow, recorder, conversation)
    session.packets, session.bytes = flow.packets, flow.octets
    session.last_frame, session.last_seen = flow.last_frame, timestamp(flow.last_ts)
    session.confidence = conversation.confidence
    session.one_sided = one_sided(flow, conversation)
    if session.one_sided == SILENT and session.confidence is not Confidence.HOST:
        session.confidence = Confidence.SIGNATURE
    session.odd_port = session.confidence is not Confidence.HOST and _is_odd(flow, session, ports)
    return session


def face(flow: AnyFlow[Any], recorder: Recorder, conversation: Conversation) -> SessionRecord:
    """The session's record with client and server as they are known now; its counts as of the last update."""
    session, flipped = recorder.session, conversation.flipped
    if flipped is not recorder.flipped:
        recorder.flipped = flipped
        ends = (flow.server, flow.client) if flipped else (flow.client, flow.server)
        (session.client_ip, session.client_port), (session.server_ip, session.server_port) = map(endpoint, ends)
    return session


def _is_odd(flow: AnyFlow[Any], session: SessionRecord, ports: Ports) -> bool:
    """Inside a carrier the port that counts is that of the destination; without one no port is odd. Nor is that of a
    flow that signalling announced: its two ends agreed on it."""
    if (session.signature or "").startswith(EXPECTED):
        return False
    port = session.server_port
    if session.carriers:
        _, colon, asked = (session.destination or "").rpartition(":")
        if not (colon and asked.isdecimal() and len(asked) < 6):
            return False
        port = int(asked)
    return ports.odd(session.protocol, session.transport, port, session.client_port, sure=flow.opened)
