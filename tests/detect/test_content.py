"""What matchers see in a text: what fires, what stays silent, what is shown and what is kept of it."""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path

import pytest

from imsniff.base.records import Severity
from imsniff.detect import Detectors
from imsniff.detect.reading import Reader
from imsniff.policy.policy import Policy
from imsniff.rules.lexicon import Lexicon
from imsniff.rules.loader import load
from made import message, session


@cache
def lexicon() -> Lexicon:
    return Lexicon(load(user=Path("/nonexistent")).phrases)


def rules(text):
    return {match.rule: match.severity for match in Reader(lexicon()).read(text).matches}


FIRES = [
    ("take http://evil.example/photo.scr now", "link.program", "high"),
    ("www.evil.example/a/funny.pif", "link.program", "high"),
    ("evil.example/x/love.vbs", "link.program", "high"),
    ("http://example.org/tool-1.2.msi", "link.package", "low"),
    ("http://203.0.113.9/x", "link.raw-address", "medium"),
    ("http://[2001:db8::7]:8080/x", "link.raw-address", "medium"),
    ("http://3405803785/x", "link.disguised-address", "high"),
    ("https://www.paypal.com@evil.example/login", "link.user-as-host", "high"),
    ("https://paypa1.com/x", "link.look-alike", "high"),
    ("https://xn--pypal-4ve.com/x", "link.look-alike", "high"),
    ("https://pаypal.com/", "link.look-alike", "high"),
    ("https://www.rnicrosoft.com/x", "link.look-alike", "high"),
    ("https://paypal.com.evil.example/x", "link.dressed", "high"),
    ("https://paypal-login.example/x", "link.dressed", "high"),
    ("https://www.amazom.com/x", "link.misspelt", "medium"),
    ("ftp://bob:s3cret@files.example.org/", "link.password", "medium"),
    ("https://bit.ly/3xYz", "link.shortener", "low"),
    ("click javascript:fetch('//x')", "link.code", "high"),
    ("data:text/html;base64,PHNjcmlwdD4=", "link.code", "high"),
    ("my visa is 4111 1111 1111 1111", "content.card", "high"),
    ("3782 822463 10005", "content.card", "high"),
    ("5555555555554444", "content.card", "medium"),
    ("IBAN DE89 3704 0044 0532 0130 00", "content.iban", "medium"),
    ("GB82WEST12345698765432", "content.iban", "medium"),
    ("her SSN is 536-90-4399", "content.ssn", "high"),
    ("NIR 2 55 08 14 168 025 38", "content.nir", "high"),
    ("CF: RSSMRA85T10A562S", "content.codice-fiscale", "high"),
    ("mi DNI es 12345678Z", "content.dni", "high"),
    ("o meu NIF é 123456789", "content.nif", "medium"),
    ("CPF 529.982.247-25", "content.cpf", "high"),
    ("meine Steuer-ID 86095742719", "content.steuer-id", "high"),
    ("BSN 111222333", "content.bsn", "high"),
    ("PESEL 44051401359", "content.pesel", "high"),
    ("AHV 756.9217.0769.85", "content.ahv", "high"),
    ("NI number AB 12 34 56 C", "content.nino", "high"),
    ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----", "content.private-key", "high"),
    ("AKIAIOSFODNN7EXAMPLE", "content.token", "high"),
    ("use ghp_" + "a1B2" * 9, "content.token", "high"),
    ("password: Tr0ub4dor", "content.password", "medium"),
    ("das Passwort lautet Sommer2026", "content.password", "medium"),
    ("the slide says STRICTLY CONFIDENTIAL", "content.marking", "medium"),
    ("STRENG VERTRAULICH: Plan B", "content.marking", "medium"),
    ("Please send me your p\u200bassword", "lexicon.en.asks-secret.your", "medium"),
    ("This is IT support, send me your password immediately", "lexicon.en.asks-secret.your", "high"),
    ("is this you?? http://evil.example/p", "lexicon.en.lure.you", "medium"),
    ("Hier ist die IT-Abteilung, schicken Sie mir Ihr Passwort", "lexicon.de.asks-secret.your", "high"),
    ("YOU ARE A PATHETIC LOSER", "lexicon.en.harassment.aimed", "low"),
    ("I will kill you", "lexicon.en.threat", "high"),
]


@pytest.mark.parametrize(("text", "rule", "severity"), FIRES)
def test_it_fires(text, rule, severity):
    assert rules(text).get(rule) == severity, rules(text)


SILENT = [
    "http://10.1.2.3:8080/admin and http://wiki/setup.exe are ours",
    "https://www.google.com/maps and https://github.com/a/b/releases/download/v1/setup.exe",
    "see https://example.com and www.example.com.",
    "https://xn--mnchen-3ya.de/ is the city",
    "javascript: the good parts",
    "data:image/png;base64,iVBORw0KGgo=",
    "order 4111111111111111 shipped",
    "4111 1111 1111 1112",
    "call +49 170 1234567 or 0044 20 7946 0958",
    "DE89 3704 0044 0532 0130 01",
    "ticket 536-90-4399",
    "SSN 000-12-3456, 666-12-3456, 987-65-4321, 536-00-4399, 078-05-1120",
    "12345678Z",
    "123456789",
    "the password is wrong, password: see mail",
    "this is confidential, I think",
    "https://example.org/a#4111111111111111",
    "2026-11-27 15:40:08 192.168.1.1 v10.4.1111.1111",
    "is this you? https://www.youtube.com/watch?v=x",
    "is this you?",
    "",
    "\x00\ud800\u202e",
]


@pytest.mark.parametrize("text", SILENT)
def test_it_stays_silent(text):
    assert rules(text) == {}


def found(text, kept=None, policy=None):
    one = session()
    detectors = Detectors(policy, lexicon())
    return detectors.on_record(one, message(one, text=kept), said=detectors.read(text))


def test_what_is_shown_follows_what_is_kept():
    text = "my visa is 4111 1111 1111 1111, you are a pathetic loser"
    for seen in found(text):
        assert "1111" not in seen.excerpt
        assert "loser" not in seen.excerpt
    shown = {seen.finding.risk: seen for seen in found(text, kept=text)}
    assert shown["sensitive-content"].excerpt == "Visa card number: …1111"
    assert "pathetic loser" in shown["inappropriate-language"].excerpt
    assert shown["sensitive-content"].finding.subject == "alice@example.org"


def test_one_finding_a_risk_and_message_with_the_gravest_rule():
    seen = [one for one in found("https://bit.ly/x http://evil.example/a.scr") if one.finding.risk == "malicious-link"]
    assert [(one.rule, one.finding.severity) for one in seen] == [("link.program", Severity.HIGH)]


def test_what_the_policy_switched_off_is_not_read():
    off = Policy(off=frozenset({"sensitive-content", "cleartext-messages"}))
    assert found("4111 1111 1111 1111", policy=off) == []
    assert Detectors(off, lexicon()).read("4111 1111 1111 1111").matches == ()


def test_a_kept_text_is_masked_however_many_secrets_stand_in_it():
    said = Reader(lexicon()).read("4111 1111 1111 1111 " * 40)
    assert len(said.matches) == 16
    assert "1111" not in said.masked
    assert len(said.masked) == len(said.text)
    key = "-----BEGIN PRIVATE KEY-----\nMIIEvQ\n-----END PRIVATE KEY-----"
    assert "MIIEvQ" not in Reader(lexicon()).read(key).masked


@pytest.mark.parametrize(
    "text",
    ["4111 " * 8_000, "a." * 20_000, "www." * 10_000, "http://" * 6_000, "-----BEGIN " * 4_000, "eyJ" + "a" * 40_000,
     "ﷺ" * 40_000, "password " * 5_000, "AB12 " * 8_000, "1" * 40_000, "send me your " * 4_000, "order " * 8_000],
    ids=lambda text: text[:8],
)  # fmt: skip
def test_hostile_texts_take_no_time(text):
    reader = Reader(Lexicon(lexicon().phrases))
    reader.read("compile")
    began = time.perf_counter()
    reader.read(text)
    assert time.perf_counter() - began < 0.5
