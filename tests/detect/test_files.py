"""Files by name, size, first bytes and digest."""

from __future__ import annotations

import pytest

from imsniff.base.file_types import media_of
from imsniff.detect import Detectors
from imsniff.policy.policy import Files, Policy
from made import session, transfer

SHA256 = "ab" * 32


def found(policy=None, **file):
    of = session()
    seen = Detectors(policy).on_record(of, transfer(of, **file))
    return {(one.finding.risk, one.rule) for one in seen if one.finding.risk != "file-transfer"}


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("setup.exe", "file.runs"),
        ("invoice.pdf.exe", "file.double-extension"),
        ("photo\u202egpj.scr", "file.turned"),
        ("photo.jpg            .scr", "file.double-extension"),
        ("song.\u0435x\u0435", "file.look-alike"),
        ("macro.docm", "file.macros"),
        ("disc.iso", "file.disk-image"),
    ],
)
def test_names(name, rule):
    assert found(name=name) == {("risky-file", rule)}


@pytest.mark.parametrize("name", ["report.pdf", "holiday.jpg", "notes.v2.txt", "archive.tar.gz", "v1.2.3", "", "exe"])
def test_ordinary_names(name):
    assert found(name=name) == set()


@pytest.mark.parametrize(
    ("name", "media", "risky"),
    [
        ("holiday.jpg", "application/x-msdownload", True),
        ("backup.zip", "application/x-executable", True),
        ("holiday.jpg", "application/zip", True),
        ("song.mp3", "text/x-shellscript", True),
        ("report.docx", "application/zip", False),
        ("holiday.jpg", "image/png", False),
        ("backup.zip", "application/zip", False),
        ("notes", "application/x-msdownload", False),
        ("holiday.jpg", "application/octet-stream", False),
    ],
)
def test_bytes_of_another_type_than_the_name(name, media, risky):
    assert found(name=name, media=media) == ({("risky-file", "file.other-type")} if risky else set())


def test_the_policys_digests_and_largest_size():
    policy = Policy(files=Files(bad_sha256=[SHA256.upper()], largest=1000))
    assert found(policy, name="notes.txt", size=10, sha256=SHA256) == {("risky-file", "file.known-bad")}
    assert found(policy, name="notes.txt", size=10, sha256="cd" * 32) == set()
    assert found(policy, name="notes.txt", size=1001) == {("risky-file", "file.large")}
    assert found(policy, name="setup.exe", size=1001) == {("risky-file", "file.runs")}


@pytest.mark.parametrize(
    ("head", "media"),
    [
        (b"MZ\x90\0" + bytes(60), "application/x-msdownload"),
        (b"MZ is how some text begins", None),
        (b"PK\x03\x04rest", "application/zip"),
        (bytes(257) + b"ustar", "application/x-tar"),
        (b"\0\0\0\x20ftypisom", "video/mp4"),
        (b"hello", None),
        (b"", None),
    ],
)
def test_media_of_first_bytes(head, media):
    assert media_of(head) == media
