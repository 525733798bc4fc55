from __future__ import annotations

import pytest

from imsniff.base.records import SessionRecord
from imsniff.detect import Detectors
from imsniff.store.opening import open_for_writing
from imsniff.store.writer import Writer
from made import exposure, login, message, session, transfer

HOSTILE = '<script>document.title="owned"</script>"><img src=x onerror=document.title="owned">\x1b[31m\u202e=1+1'


@pytest.fixture
def stored(tmp_path):
    """Writes records and their findings into a database, a run a call; its path."""
    where = str(tmp_path / "audit.db")

    def run(*records, capture="lab.pcap"):
        detectors = Detectors()
        known = {r.id: r for r in records if isinstance(r, SessionRecord)}
        with open_for_writing(where) as store, Writer(store, program="test", signatures="ab" * 32) as writer:
            writer.read = True
            writer.counters["packets"] += 100
            writer.add_input(capture, path=f"/captures/{capture}", size=12_345, sha256="cd" * 32)
            for record in records:
                writer.add(record)
                placed = not isinstance(record, SessionRecord)
                for finding in (
                    detectors.on_record(known[record.session], record) if placed else detectors.on_session(record)
                ):
                    writer.add(finding)
        return where

    return run


@pytest.fixture
def hostile(stored):
    """A database where every text that a stranger writes is an attack."""
    one = session(account=HOSTILE, software=[HOSTILE], service=HOSTILE, odd_port=True)
    return stored(
        one,
        login(one, account=HOSTILE),
        message(one, sender=HOSTILE, recipient=HOSTILE, text=HOSTILE),
        exposure(one, account=HOSTILE, to=HOSTILE),
        transfer(one, name=HOSTILE, sender=HOSTILE),
        capture=f"{HOSTILE}.pcap",
    )
