"""No secret and no message text leaves the program by any door unless the operator asked for it.

What is to be kept secret is learned from a run that keeps everything; then every output of runs that keep nothing is
searched for it, in the forms it has on the wire too.
"""

import base64
import json
from pathlib import Path
from urllib.parse import quote

import pytest
from tests.cli.conftest import ROOT

PCAPS = ROOT / "pcaps"
WORDS = {"password"}
"""Secrets of made captures that are also words of ours."""
SHORTEST = 5
"""Shorter ones are found in anything."""

pytestmark = pytest.mark.slow


def run(imsniff, *arguments):
    ran = imsniff(*arguments)
    assert ran.code in (0, 3), ran.err
    return f"{ran.out}\n{ran.err}"


@pytest.fixture
def known(imsniff):
    """Secrets with their accounts, and message texts, of all captures of this project."""
    lines = [json.loads(line) for line in run(imsniff, "-qq", "analyze", PCAPS, "--db", "kept.db", "--jsonl",
             "--keep-secrets", "--content", "all").splitlines() if line]  # fmt: skip
    secrets = {(r["secret"], r.get("account") or "") for r in lines if r["kind"] == "login" and r.get("secret")}
    texts = {r["text"] for r in lines if r["kind"] == "message" and r.get("text")}
    assert len(secrets) > 100
    assert len(texts) > 50
    return secrets, texts


def outputs(imsniff, content):
    """Everything that can be got out of the program, by its door."""
    db = f"{content}.db"
    out = {"analyze": run(imsniff, "-v", "analyze", PCAPS, "--db", db, "--content", content)}
    out["analyze --jsonl"] = run(imsniff, "analyze", PCAPS, "--db", db, "--content", content, "--jsonl")
    for form in ("terminal", "html", "json", "csv"):
        out[f"report {form}"] = run(imsniff, "report", "--db", db, "--format", form)
    out["report"] = run(imsniff, "report", "--db", db)
    for form in ("jsonl", "csv"):
        out[f"export {form}"] = run(imsniff, "export", "--db", db, "--format", form)
    found = [json.loads(line)["id"] for line in out["export jsonl"].splitlines() if '"kind":"finding"' in line]
    out["explain"] = "".join(run(imsniff, "explain", one, "--db", db) for one in found[::7])
    for file in Path().glob(f"{db}*"):
        out[file.name] = file.read_bytes().decode("utf-8", "replace")
    return out


def forms(secret, account):
    """A secret as it is, and as the protocols write it."""
    user = account.partition("@")[0]
    yield from (secret, json.dumps(secret)[1:-1], quote(secret), secret.encode("utf-8", "replace").hex())
    yield base64.b64encode(secret.encode("utf-8", "replace")).decode().rstrip("=")[:-1]
    for name in {user, account}:
        for whole in (f"\0{name}\0{secret}", f"{name}\0{name}\0{secret}", f"{name}:{secret}"):
            yield base64.b64encode(whole.encode("utf-8", "replace")).decode().rstrip("=")[:-1]


def matched(doors):
    """Texts that were kept because something was found in them."""
    lines = [json.loads(line) for line in doors["export jsonl"].splitlines() if line.startswith("{")]
    texts = {line["id"]: line["text"] for line in lines if line["kind"] == "message" and line.get("text")}
    shown = {line["record"] for line in lines if line["kind"] == "sighting"}
    assert 0 < len(texts) < 40
    assert not shown or set(texts) <= shown
    return set(texts.values())


@pytest.mark.parametrize("content", ["none", "matched"])
def test_nothing_leaks(imsniff, known, content):
    secrets, texts = known
    doors = outputs(imsniff, content)
    assert all(doors.values())
    leaks = [
        (door, form)
        for secret, account in secrets
        if secret not in WORDS
        for form in forms(secret, account)
        if len(form) >= SHORTEST
        for door, said in doors.items()
        if form in said
    ]
    leaks += [
        (door, form)
        for text in (texts - matched(doors) if content == "matched" else texts)
        for form in {text, json.dumps(text)[1:-1], text.partition("\n")[0]}
        if len(form) > SHORTEST
        for door, said in doors.items()
        if form in said
    ]
    assert leaks == []


def test_who_asks_for_secrets_gets_them_but_not_in_reports(imsniff, known):
    secrets = {secret for secret, _ in known[0] if len(secret) > 8 and secret.isprintable() and secret.isascii()}
    exported = run(imsniff, "export", "login", "--db", "kept.db")
    assert all(json.dumps(secret)[1:-1] in exported for secret in secrets)
    for form in ("terminal", "html", "json", "csv"):
        said = run(imsniff, "report", "--db", "kept.db", "--format", form)
        assert [secret for secret in secrets if secret in said] == []
