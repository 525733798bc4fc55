"""What peers learn of the network: addresses told inside conversations."""

from __future__ import annotations

from collections.abc import Iterable

from imsniff.base.addresses import at_port
from imsniff.base.records import ExposureRecord, Severity
from imsniff.base.risks import Risk
from imsniff.detect.finding import Context, Sighting, sighting
from imsniff.detect.registry import on


@on(ExposureRecord, Risk.PEER_ADDRESS_EXPOSED)
def peer_address_exposed(context: Context, told: ExposureRecord, wire: str) -> Iterable[Sighting]:
    """An inside address helps an attacker map the network; a public one only says where somebody is,
    and that of somebody else is no fault of ours: host masks of strangers in public rooms are by the hundred.

    The subject is whose address it is. The host to visit is the one told of, where that is inside."""
    endpoint = told.ip if told.port is None else at_port(told.ip, told.port)
    own = context.session.account
    stranger = (
        not told.internal and bool(told.account) and (own is None or context.account(told.account) != context.account())
    )
    shown = f"{endpoint} by {told.via}" + (f" to {told.to}" if told.to else "")
    return sighting(
        context,
        Risk.PEER_ADDRESS_EXPOSED,
        told,
        subject=context.account(told.account) if told.account else told.ip,
        host=told.ip if told.internal else None,
        rule=told.via,
        shown=f"{shown}, {wire}" if wire else shown,
        severity=Severity.INFO if stranger else Severity.MEDIUM if told.internal else Severity.LOW,
        case="stranger" if stranger else "",
    )
