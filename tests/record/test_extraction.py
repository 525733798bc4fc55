"""Files that went by are saved under safe names, once, and never so that they could run."""

from __future__ import annotations

import hashlib
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imsniff.base.events import Side, Transfer, TransferState
from imsniff.cli.program import run
from imsniff.record.extraction import Extraction, safe_name

PCAPS = Path(__file__).parents[2] / "pcaps"


def sent(name: str, contents: bytes | None) -> Transfer:
    sha256 = None if contents is None else hashlib.sha256(contents).hexdigest()
    return Transfer(side=Side.CLIENT, name=name, state=TransferState.COMPLETED, sha256=sha256, contents=contents)


@given(st.text())
def test_a_name_is_never_a_path_nor_hidden_nor_empty(name):
    safe = safe_name(name)
    assert safe
    assert not set(safe) & set('/\\\0:*?"<>| ')
    assert safe[0] not in ".-_"
    assert safe.isascii()
    assert len(safe) <= 80


def test_what_is_there_is_left_alone(tmp_path):
    to = Extraction(tmp_path / "seen")
    first = to.save(sent("../../etc/passwd", b"root"))
    assert first is not None
    assert first.parent == tmp_path / "seen"
    assert first.name.endswith("-passwd.seen")
    assert stat.S_IMODE(first.stat().st_mode) == 0o600
    first.write_bytes(b"mine now")
    assert to.save(sent("/tmp/passwd", b"root")) is None
    assert first.read_bytes() == b"mine now"
    assert to.save(sent("half", None)) is None


def test_a_link_is_not_followed(tmp_path):
    to = Extraction(tmp_path / "seen")
    digest = hashlib.sha256(b"x").hexdigest()[:16]
    (tmp_path / "seen" / f"{digest}-a.txt.seen").symlink_to(tmp_path / "target")
    assert to.save(sent("a.txt", b"x")) is None
    assert not (tmp_path / "target").exists()


@pytest.mark.parametrize(
    ("capture", "names"),
    [
        ("oft/resumed", ["gr_e.scr"]),
        ("irc/irssi_ngircd_dcc", None),
        ("msnftp/behind_router", ["Autoexec.bat"]),
        ("msnp2p/direct_v1", ["Pl_ne_2010.doc"]),
        ("msnp2p/direct_v2", None),
        ("msrp/file_transfer", ["quarterly_figures.zip"]),
        ("xmpp/slixmpp_prosody_plain_features", None),
        ("ymsg/pidgin200_escargot_ymsg12", None),
    ],
)
def test_every_kind_of_transfer_is_saved_and_its_digest_is_the_records(capture, names, tmp_path, capfd):
    out = tmp_path / "seen"
    code = run(["-q", "analyze", str(PCAPS / f"{capture}.pcap"), "--db", str(tmp_path / "a.db"), "--extract", str(out)])
    assert code == 0
    saved = sorted(out.iterdir())
    assert saved
    for file in saved:
        assert hashlib.sha256(file.read_bytes()).hexdigest().startswith(file.name.partition("-")[0])
    if names is not None:
        assert [file.name.partition("-")[2].removesuffix(".seen") for file in saved] == names


def test_nothing_is_kept_where_nobody_asked(tmp_path):
    run(["-q", "analyze", str(PCAPS / "oft" / "resumed.pcap"), "--db", str(tmp_path / "a.db")])
    assert {one.suffix for one in tmp_path.iterdir()} <= {".db", ".db-wal", ".db-shm", ".key"}
