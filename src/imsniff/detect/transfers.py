"""Files that go round the mail filter."""

from __future__ import annotations

from collections.abc import Iterable

from imsniff.base.events import TransferState
from imsniff.base.records import TransferRecord
from imsniff.base.risks import Risk
from imsniff.detect.finding import Context, Sighting, sighting
from imsniff.detect.registry import on


@on(TransferRecord, Risk.FILE_TRANSFER)
def file_transfer(context: Context, transfer: TransferRecord, wire: str) -> Iterable[Sighting]:
    """One finding a file name and sender, however far the transfer came. A cancelled one had been offered."""
    if transfer.state == TransferState.CANCELLED:
        return ()
    shown = [f"{transfer.state} {transfer.name}"]
    if transfer.size is not None:
        shown.append(f"{transfer.size} bytes")
    if transfer.sha256:
        shown.append(f"SHA-256 {transfer.sha256}")
    if wire:
        shown.append(wire)
    return sighting(
        context,
        Risk.FILE_TRANSFER,
        transfer,
        subject=file_subject(context, transfer),
        rule=f"{transfer.protocol}.transfer.{transfer.state}",
        shown=", ".join(shown),
    )


def file_subject(context: Context, transfer: TransferRecord) -> str:
    """The file, as all findings of it name it."""
    sender = context.account(transfer.sender) if transfer.sender else "somebody"
    return f"{transfer.name or 'a file without a name'} from {sender}"
