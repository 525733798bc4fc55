"""Confidential data in a message: numbers that prove themselves by a check digit, keys, tokens, document markings.

    kind       how it is known                                            without a word of context
    card       issuer's prefix, length, Luhn                              MEDIUM where it is not written as cards are
    iban       length by country, remainder 1 by 97                       MEDIUM
    national   the country's form and check digit                         the table says which need a word
    key        the armour's first line, the token's prefix and length     HIGH
    marking    words in capitals that documents carry                     MEDIUM

What is shown of a number are its last digits; of a key and a password nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from imsniff.base.records import Severity
from imsniff.base.risks import Risk
from imsniff.detect.checksums import (
    card_issuer,
    codice_fiscale,
    cpf,
    dni,
    ean13,
    eleven_proof,
    iban,
    nif,
    nir,
    pesel,
    ssn,
    steuer_id,
)
from imsniff.detect.reading import Matcher, Talk, reads
from imsniff.rules.said import Match

_CARD = re.compile(
    r"(?<![\w.,:/+=#-])[2-6](?:[0-9]{11,18}|[0-9]{3}(?P<by>[ -])[0-9]{4}(?P=by)[0-9]{4}(?P=by)[0-9]{1,7}|"
    r"[0-9]{3}(?P<of>[ -])[0-9]{6}(?P=of)[0-9]{4,5})(?![\w/=-])"
)
_GROUPS = re.compile(r"[0-9]{4}(?:[ -][0-9]{4}){4,}(?![0-9])")
"""More groups of four than a card has: cards in a row, or a longer number, as parcels have."""
_CARD_WORDS = re.compile(
    r"\b(?:card|visa|master ?card|amex|american express|cvv|cvc|credit|debit|expir\w{0,6}|exp|karte|kreditkarte|"
    r"kartennummer|carte|carte bleue|cb|tarjeta|cartao|cartão|carta di credito|carta)\b",
    re.IGNORECASE,
)
_NUMBERING = re.compile(
    r"(?:order|tracking|track|invoice|parcel|shipment|ref|reference|ticket|case|serial|imei|isbn|id|no|nr|number|"
    r"serien\w{1,10}|s[eé]rie|model|modell?o|"
    r"bestellung|bestellnummer|auftrag|auftragsnummer|sendung|sendungsnummer|rechnung|rechnungsnummer|paket|"
    r"commande|facture|suivi|colis|dossier|pedido|factura|seguimiento|envio|envío|encomenda|fatura|rastreio|"
    r"ordine|fattura|spedizione|pacco|processo|pratica|expediente|vertrag\w{0,12}|kunden\w{0,8}|client|cliente|contract|"
    r"contrato|contratto|contrat|member\w{0,8}|policy)\W{0,4}(?:\w{1,12}\W{1,3}){0,2}$",
    re.IGNORECASE,
)
"""What stands before a number that only looks like a card's."""
_IBAN = re.compile(
    r"(?<![A-Za-z0-9])[A-Za-z]{2}[0-9]{2}(?:[ -]?[A-Za-z0-9]{4}){2,7}(?:[ -]?[A-Za-z0-9]{1,3})?(?![A-Za-z0-9])"
)


def _last(number: str) -> str:
    return f"…{number[-4:]}"


def _found(severity: Severity, rule: str, says: str, shown: str, at: tuple[int, int]) -> Match:
    return Match(Risk.SENSITIVE_CONTENT, severity, f"content.{rule}", says, shown, at)


@reads(Risk.SENSITIVE_CONTENT, hint="[2-6][0-9]{3}[ -]?[0-9]{4}")
def payment_card(talk: Talk) -> Iterator[Match]:
    """A number with an issuer's prefix, its length and Luhn's digit that nothing in the text says is another."""
    text = talk.text
    longer = [run.span() for run in _GROUPS.finditer(text) if len(run[0]) % 20 != 19]
    for found in _CARD.finditer(text):
        digits = re.sub("[ -]", "", found[0])
        issuer = card_issuer(digits)
        if issuer is None:
            continue
        numbered = _NUMBERING.search(text[max(0, found.start() - 48) : found.start()]) is not None
        named = _CARD_WORDS.search(text) is not None
        within = any(begin <= found.start() < end for begin, end in longer)
        if (numbered or within) and not named:
            continue
        written_so = found["by"] or found["of"]
        severity = Severity.HIGH if named or written_so else Severity.MEDIUM
        yield _found(severity, "card", f"{issuer} card number", _last(digits), found.span())


@reads(Risk.SENSITIVE_CONTENT, hint="[A-Za-z]{2}[0-9]{2}[ -]?[A-Za-z0-9]{4}")
def bank_account(talk: Talk) -> Iterator[Match]:
    """An IBAN whose length and checksum are right."""
    for found in _IBAN.finditer(talk.text):
        number = re.sub("[ -]", "", found[0]).upper()
        if iban(number):
            yield _found(Severity.MEDIUM, "iban", f"IBAN of {number[:2]}", _last(number), found.span())


class National(NamedTuple):
    rule: str
    says: str
    form: re.Pattern[str]
    proved: Callable[[str], bool]
    """Of the number's letters and digits alone."""
    severity: Severity
    words: re.Pattern[str] | None
    """One of them must stand in the text; None: the form is proof enough."""
    hint: str


def _national(
    rule: str, says: str, form: str, proved: Callable[[str], bool], severity: Severity, words: str
) -> National:
    near = re.compile(rf"\b(?:{words})\b", re.IGNORECASE) if words else None
    whole = re.compile(rf"(?<![\w.-])(?:{form})(?![\w-])", re.IGNORECASE)
    return National(rule, says, whole, proved, severity, near, f"(?i){words or form}")


NATIONAL: tuple[National, ...] = (
    _national(
        "ssn",
        "US social security number",
        r"[0-9]{3}([- ]?)[0-9]{2}\1[0-9]{4}",
        ssn,
        Severity.HIGH,
        r"ssn|social security|social sec|soc sec|social",
    ),
    _national(
        "nino",
        "UK national insurance number",
        r"[a-ceghj-prtw-z][a-ceghj-nprtw-z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[a-d]",
        lambda _: True,
        Severity.HIGH,
        r"nino|ni number|national insurance|insurance number",
    ),
    _national(
        "nir",
        "French social security number",
        r"[12] ?[0-9]{2} ?(?:0[1-9]|1[0-2]|[23][0-9]|4[0-2]) ?(?:[0-9]{2}|2[ab]) ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}",
        nir,
        Severity.HIGH,
        "",
    ),
    _national(
        "codice-fiscale",
        "Italian tax code",
        r"[a-z]{6}[0-9]{2}[abcdehlmprst][0-9]{2}[a-z][0-9]{3}[a-z]",
        codice_fiscale,
        Severity.HIGH,
        "",
    ),
    _national(
        "dni",
        "Spanish identity number",
        r"(?:[0-9]{2}\.?[0-9]{3}\.?[0-9]{3}|[xyz]-?[0-9]{7})[- ]?[a-z]",
        dni,
        Severity.HIGH,
        r"dni|nif|nie|documento|identidad|carnet",
    ),
    _national(
        "nif",
        "Portuguese tax number",
        r"[1-35689][0-9]{2} ?[0-9]{3} ?[0-9]{3}",
        nif,
        Severity.MEDIUM,
        r"nif|contribuinte|fiscal",
    ),
    _national("cpf", "Brazilian CPF", r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}", cpf, Severity.HIGH, ""),
    _national("cpf", "Brazilian CPF", r"[0-9]{11}", cpf, Severity.HIGH, r"cpf"),
    _national(
        "steuer-id",
        "German tax number",
        r"[1-9][0-9] ?[0-9]{3} ?[0-9]{3} ?[0-9]{3}",
        steuer_id,
        Severity.HIGH,
        r"steuer\w{0,20}|idnr|tin",
    ),
    _national(
        "bsn", "Dutch citizen number", r"[0-9]{9}", eleven_proof, Severity.HIGH, r"bsn|burgerservicenummer|sofinummer"
    ),
    _national("pesel", "Polish PESEL", r"[0-9]{11}", pesel, Severity.HIGH, r"pesel"),
    _national("ahv", "Swiss social security number", r"756\.[0-9]{4}\.[0-9]{4}\.[0-9]{2}", ean13, Severity.HIGH, ""),
)


def _reader(kind: National) -> Matcher:
    def national_number(talk: Talk) -> Iterator[Match]:
        """A number of a country's form whose check digit is right; where the form is common, beside its name."""
        if kind.words is not None and not kind.words.search(talk.text):
            return
        for found in kind.form.finditer(talk.text):
            number = re.sub(r"[\s.-]", "", found[0]).upper()
            if kind.proved(number):
                yield _found(kind.severity, kind.rule, kind.says, _last(number), found.span())

    return national_number


for _kind in NATIONAL:
    reads(Risk.SENSITIVE_CONTENT, hint=_kind.hint)(_reader(_kind))


_KEY = re.compile(r"-----BEGIN (?P<kind>(?:[A-Z0-9]{2,12} ){0,3}PRIVATE KEY(?: BLOCK)?)-----")
_TOKENS: dict[str, str] = {
    "AWS access key": r"(?:AKIA|ASIA)[0-9A-Z]{16}",
    "GitHub token": r"gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{60,255}",
    "GitLab token": r"glpat-[A-Za-z0-9_-]{20,64}",
    "Slack token": r"xox[abeoprs]-[0-9A-Za-z-]{20,255}",
    "Google API key": r"AIza[0-9A-Za-z_-]{35}",
    "Stripe key": r"[sr]k_live_[0-9A-Za-z]{20,128}",
    "SendGrid key": r"SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{32,64}",
    "npm token": r"npm_[A-Za-z0-9]{36}",
    "PyPI token": r"pypi-[A-Za-z0-9_-]{50,255}",
    "Telegram bot token": r"[0-9]{8,10}:AA[A-Za-z0-9_-]{33}",
    "JSON web token": r"eyJ[A-Za-z0-9_-]{10,2048}\.eyJ[A-Za-z0-9_-]{10,2048}\.[A-Za-z0-9_-]{16,1024}",
}
_TOKEN = re.compile(
    "(?<![A-Za-z0-9_-])(?:" + "|".join(f"({shape})" for shape in _TOKENS.values()) + ")(?![A-Za-z0-9_-])"
)
_TOKEN_NAMES = tuple(_TOKENS)


@reads(Risk.SENSITIVE_CONTENT, hint="-----BEGIN ")
def private_key(talk: Talk) -> Iterator[Match]:
    """The armour of a private key."""
    end = 0
    for found in _KEY.finditer(talk.text):
        if found.start() >= end:  # what stands inside another is part of it
            end = talk.text.find("-----END ", found.end())
            end = len(talk.text) if end < 0 else end
            kind = found["kind"].lower().removesuffix(" block")
            yield _found(Severity.HIGH, "private-key", kind, "", (found.end(), end))


@reads(Risk.SENSITIVE_CONTENT, hint="AKIA|ASIA|gh[pousr]_|github_pat_|glpat-|xox|AIza|k_live_|SG\\.|npm_|pypi-|:AA|eyJ")
def token(talk: Talk) -> Iterator[Match]:
    """A token of a well-known shape."""
    for found in _TOKEN.finditer(talk.text):
        name = _TOKEN_NAMES[(found.lastindex or 1) - 1]
        shown = f"{found[0][:4]}… ({len(found[0])} characters)"
        yield _found(Severity.HIGH, "token", name, shown, found.span())


_PASSWORD = re.compile(
    r"(?<![\w?&/])(?:password|passwort|kennwort|mot de passe|mdp|contrasena|contraseña|senha|palavra-passe|"
    r"passwd|pwd|pw)"
    r"(?: (?:is|ist|lautet|est|es|é|è|e)\b|(?: [a-z]{1,12}){0,3} ?[:=]) ?[\"'`]?(?P<secret>[^\s\"'`,;]{6,64})",
    re.IGNORECASE,
)


@reads(
    Risk.SENSITIVE_CONTENT,
    hint="(?i)passw|kennwort|mot de passe|mdp|contrase|senha|palavra-passe|pwd|pw(?: ist| is|:| =|=)",
)
def password_told(talk: Talk) -> Iterator[Match]:
    """A password that somebody tells: it looks like one, with a letter and a digit, and is no link and no name."""
    for found in _PASSWORD.finditer(talk.text):
        said = found["secret"].rstrip(".!?)")
        if len(said) >= 6 and re.search("[A-Za-z]", said) and re.search("[0-9]", said) and "/" not in said:
            says = f"a password of {len(said)} characters"
            yield _found(Severity.MEDIUM, "password", says, "", found.span("secret"))


_MARKING = re.compile(
    r"\b(?:(?:STRICTLY|COMPANY|HIGHLY|COMMERCIAL IN|STRENG|PRIVATE AND|PRIVATE &) CONFIDEN\w{2,6}|"
    r"CONFIDENTIAL|TOP SECRET|"
    r"INTERNAL USE ONLY|FOR INTERNAL USE|NOT FOR DISTRIBUTION|DO NOT DISTRIBUTE|ATTORNEY[- ]CLIENT PRIVILEGED?|"
    r"STRENG VERTRAULICH|VERTRAULICH|STRENG GEHEIM|NUR F(?:Ü|UE)R DEN (?:INTERNEN|DIENST)GEBRAUCH|VS-NFD|VS-NfD|"
    r"NUR F(?:Ü|UE)R DEN INTERNEN GEBRAUCH|"
    r"STRICTEMENT CONFIDENTIEL|CONFIDENTIEL(?:LE)?|DIFFUSION RESTREINTE|USAGE INTERNE|SECRET D[EÉ]FENSE|"
    r"ESTRICTAMENTE CONFIDENCIAL|CONFIDENCIAL|USO INTERNO|ALTO SECRETO|DIFUSI[OÓ]N LIMITADA|"
    r"ESTRITAMENTE CONFIDENCIAL|STRETTAMENTE (?:RISERVATO|CONFIDENZIALE)|RISERVATO|CONFIDENZIALE|"
    r"TLP:(?:RED|AMBER(?:\+STRICT)?))(?!\w)"
)


@reads(Risk.SENSITIVE_CONTENT, hint="[A-Z]{6}|TLP:|VS-N")
def document_marking(talk: Talk) -> Iterator[Match]:
    """In capitals, as documents carry it; in small letters, or where everything is shouted, it is only a word."""
    found = _MARKING.search(talk.text)
    if found is not None and (not talk.text.isupper() or found[0] == talk.text.strip(" .:!*[]()-=_#\n")):
        yield Match(Risk.SENSITIVE_CONTENT, Severity.MEDIUM, "content.marking", "a document marking", found[0])
