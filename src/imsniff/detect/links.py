"""Links of a known bad kind: a table of what is looked for in a link's scheme, host and path."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from imsniff.base.addresses import address
from imsniff.base.confusable import mixed_scripts, one_apart
from imsniff.base.file_types import RUNS, SORTS, Sort, extension
from imsniff.base.limits import MAX_CACHED
from imsniff.base.records import MessageRecord, Severity
from imsniff.base.risks import Risk
from imsniff.detect.content import speaker
from imsniff.detect.finding import Context, Sighting, sighting
from imsniff.detect.reading import Talk, reads
from imsniff.detect.registry import on
from imsniff.detect.urls import WELL_KNOWN, Link, imitated, links, unicode_host
from imsniff.rules.said import Match

_RUNS_CODE = re.compile(
    r"\b(?:javascript:[^\s]{0,200}[(=;]|vbscript:[^\s]{0,200}[(=;]|data:(?:text/html|application/[a-z.+-]{1,60}|image/svg\+xml)[;,][^\s]{4})",
    re.IGNORECASE,
)
_SHORTENING = """bit.ly tinyurl.com t.co goo.gl is.gd v.gd ow.ly buff.ly rb.gy cutt.ly shorturl.at t.ly tiny.cc
    rebrand.ly bl.ink s.id adf.ly bc.vc ouo.io lnkd.in shrtco.de clck.ru u.to qr.ae tr.im snipurl.com"""
SHORTENERS = frozenset(_SHORTENING.split())
_BAIT_WORDS = """login signin secure security verify verification account update support billing password confirm unlock
    recovery wallet bonus gift prize refund helpdesk service auth confirm confirmation validate renew webmail signon"""
_BAIT = frozenset(_BAIT_WORDS.split())
"""What phishers write beside a well-known name."""


def _program(link: Link) -> str | None:
    """It is the path's end that counts: a page that shows a file has a longer path, a host called `.com` has none."""
    name = re.split("[?#]", link.path, maxsplit=1)[0]
    end = extension(name)
    sort = SORTS.get(end)
    if link.path in ("", "/") or sort not in RUNS or end in _OF_THE_WEB:
        return None
    return f"leads to a {sort} (.{end})"


_OF_THE_WEB = frozenset(["com", "js", "url", "website", "command"])
"""Ends that a path of an ordinary page may have, too."""
_PACKAGES = "msi msp apk ipa jar deb rpm run pkg appimage crx xpi msix appx msixbundle appxbundle"
_SOFTWARE = frozenset(_PACKAGES.split())
"""Ends of software that people tell each other of; a worm's are the others."""


def _package(link: Link) -> str | None:
    said = _program(link)
    return said if said and SORTS.get(end := extension(link.path.partition("?")[0])) and end in _SOFTWARE else None


def _dangerous(link: Link) -> str | None:
    return None if _package(link) or link.well_known else _program(link)


def _disk_image(link: Link) -> str | None:
    end = extension(link.path.partition("?")[0])
    return f"leads to a disk image (.{end})" if end in ("vhd", "vhdx") and SORTS[end] is Sort.DISK_IMAGE else None


def _hidden_address(link: Link) -> str | None:
    """A number in place of a name, written so that no reader sees the address in it."""
    host = link.host
    if re.fullmatch(
        r"[0-9]{8,10}|0x[0-9a-f]{6,8}|(?:0x[0-9a-f]{1,2}\.){3}0x[0-9a-f]{1,2}|(?:0[0-7]{3}\.){3}0[0-7]{3}", host
    ):
        return "host is an address in disguise"
    return None


def _raw_address(link: Link) -> str | None:
    return "host is a bare address" if link.numeric and address(link.host) is not None else None


def _look_alike(link: Link) -> str | None:
    shown = unicode_host(link.host)
    label = shown.split(".")[-len(link.labels) :][link.labels.index(link.label)] if shown != link.host else link.label
    if any(map(mixed_scripts, shown.split("."))):
        return "host mixes letters of several scripts"
    name = imitated(label)
    if name is not None:
        return f"host looks like {name}"
    return None


def _dressed(link: Link) -> str | None:
    """A well-known name where it does not count: in front of the domain, or beside a word that asks for a log-in."""
    if link.well_known:
        return None
    front = link.labels[: link.labels.index(link.label)]
    for at, one in enumerate(front):
        begins = _TRUSTED.intersection(one.split("-"))
        if begins and at + 1 < len(front) and front[at + 1] in _TOP:
            return f"host begins as {min(begins)} and belongs to {link.label}"
    parts = link.label.split("-")
    names = [part for part in parts if part.removesuffix("id") in _TRUSTED or part in _TRUSTED or imitated(part)]
    if len(parts) > 1 and names and _BAIT.intersection(parts):
        return f"host claims to be {names[0]}"
    return None


_TOP = frozenset({"com", "net", "org", "de", "fr", "es", "it", "pt", "uk"})
_TRUSTED = frozenset(name for name in WELL_KNOWN if len(name) > 3)


def _misspelt(link: Link) -> str | None:
    label = link.label
    if len(label) < 6 or link.well_known or not label.isascii():
        return None
    near = _neighbour(label)
    return f"host is one letter from {near}" if near else None


@lru_cache(maxsize=MAX_CACHED)
def _neighbour(label: str) -> str | None:
    return next((name for name in _LONG if one_apart(label, name)), None)


_LONG = sorted(name for name in WELL_KNOWN if len(name) >= 6)


def _credentials(link: Link) -> str | None:
    """`https://www.bank.example@evil.example/`: what looks like the host is a user's name."""
    if "." in link.user.partition(":")[0] and re.fullmatch(
        r"[a-z0-9-]+(?:\.[a-z0-9-]+)+", link.user.partition(":")[0].lower()
    ):
        return "what looks like its host is a user name"
    return None


def _password(link: Link) -> str | None:
    user, colon, password = link.user.partition(":")
    return "holds a user's name and password" if user and colon and password else None


def _shortener(link: Link) -> str | None:
    host = link.host.removeprefix("www.")
    return "a shortener hides where it leads" if host in SHORTENERS and len(link.path) > 1 else None


class Kind(NamedTuple):
    name: str
    severity: Severity
    says: Callable[[Link], str | None]


KINDS: tuple[Kind, ...] = (
    Kind("program", Severity.HIGH, _dangerous),
    Kind("package", Severity.LOW, _package),
    Kind("disk-image", Severity.MEDIUM, _disk_image),
    Kind("disguised-address", Severity.HIGH, _hidden_address),
    Kind("user-as-host", Severity.HIGH, _credentials),
    Kind("look-alike", Severity.HIGH, _look_alike),
    Kind("dressed", Severity.HIGH, _dressed),
    Kind("misspelt", Severity.MEDIUM, _misspelt),
    Kind("raw-address", Severity.MEDIUM, _raw_address),
    Kind("password", Severity.MEDIUM, _password),
    Kind("shortener", Severity.LOW, _shortener),
)
"""What a link can be, the worst first. A link to an inside host is nobody's lure."""


@reads(Risk.MALICIOUS_LINK, hint=r"(?i)://|www\.|\.[a-z]{2,18}/|script:|data:")
def malicious_link(talk: Talk) -> Iterator[Match]:
    """Of a link the first kind that fits; and addresses that are code themselves."""
    for link in links(talk.text):
        if link.internal:
            continue
        for kind in KINDS:
            if (says := kind.says(link)) is not None:
                yield Match(Risk.MALICIOUS_LINK, kind.severity, f"link.{kind.name}", says, _masked(link))
                break
    if ":" in talk.text and (found := _RUNS_CODE.search(talk.text)) is not None:
        shown = found[0][:60]
        yield Match(Risk.MALICIOUS_LINK, Severity.HIGH, "link.code", "an address that is code itself", shown)


@on(MessageRecord, Risk.MALICIOUS_LINK)
def blocked_link(context: Context, message: MessageRecord, wire: str) -> Iterable[Sighting]:  # noqa: ARG001
    """A link that the policy's own lists name. What is shown is their entry, and not the message's words."""
    blocked = context.policy.blocked
    if not blocked or not context.said.text:
        return ()
    for link in links(context.said.text):
        if (entry := blocked.entry(link.host, link.path)) is not None:
            return sighting(
                context,
                Risk.MALICIOUS_LINK,
                message,
                subject=speaker(context, message),
                rule="link.blocked",
                shown=f"leads to {entry}, which the policy blocks",
                severity=Severity.HIGH,
            )
    return ()


def _masked(link: Link) -> str:
    """The link as it may be shown: without the password in it."""
    user, colon, _ = link.user.partition(":")
    return link.url.replace(f"{link.user}@", f"{user}:***@", 1) if colon else link.url
