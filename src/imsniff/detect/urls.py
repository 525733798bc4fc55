"""Links in a text, taken apart."""

from __future__ import annotations

import contextlib
import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote

from imsniff.base.addresses import address, is_internal
from imsniff.base.confusable import skeleton
from imsniff.base.limits import MAX_CACHED, MAX_LINK, MAX_LINKS

_LINK = re.compile(rf"(?:(?:https?|ftps?)://|www\.)[^\s<>\"'`{{}}\\^]{{3,{MAX_LINK}}}", re.IGNORECASE)
_BARE = re.compile(r"(?<![\w@./-])(?:[a-z0-9-]{1,63}\.){1,5}[a-z]{2,18}/[^\s<>\"']{1,256}", re.IGNORECASE)
"""A link without scheme has a path: a name alone may be a file's or a sentence without a blank."""
_ENDS = ".,;:!?)]}>'\"*_"

_TRUSTED_NAMES = """
    google youtube microsoft apple amazon facebook instagram whatsapp telegram linkedin twitter paypal netflix ebay
    dropbox github gitlab outlook hotmail icloud office365 onedrive sharepoint yahoo spotify adobe wikipedia
    reddit coinbase binance blockchain steamcommunity steampowered docusign salesforce zoom slack discord tiktok
    booking airbnb fedex paypalobjects visa mastercard americanexpress wellsfargo bankofamerica citibank
    santander sparkasse commerzbank postbank volksbank raiffeisen unicredit intesasanpaolo bbva caixabank
    bnpparibas labanquepostale creditagricole societegenerale deutsche-bank hsbc barclays lloydsbank natwest
    revolut wise klarna stackoverflow postepay poste laposte correos
"""
WELL_KNOWN = frozenset(_TRUSTED_NAMES.split())
"""Second labels of domains that people trust, and that others therefore imitate."""
_PUBLIC_SECOND = frozenset(["co", "com", "net", "org", "gov", "edu", "ac", "or", "ne", "gob", "gouv"])
"""Second labels under which countries register names (`co.uk`)."""


class Link(NamedTuple):
    url: str
    scheme: str
    user: str
    """What stands before the `@` of the authority."""
    host: str
    """Small letters; without port."""
    path: str
    labels: list[str]
    numeric: bool
    """Whether its host can be an address."""

    @property
    def label(self) -> str:
        """The label that somebody registered: `example` of `www.example.co.uk`."""
        labels = self.labels
        if len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _PUBLIC_SECOND:
            return labels[-3]
        return labels[-2] if len(labels) > 1 else labels[0]

    @property
    def well_known(self) -> bool:
        return self.label in WELL_KNOWN

    @property
    def internal(self) -> bool:
        """Whether its host is an inside address, a name without dot, or one that never leaves the house."""
        if self.numeric and (known := address(self.host)) is not None:
            return is_internal(known)
        return (
            self.host.startswith("127.")
            or ("." not in self.host and not self.host[0].isdigit())
            or self.labels[-1] in _INSIDE
        )


_INSIDE = frozenset(["local", "localhost", "localdomain", "internal", "intranet", "lan", "corp", "home"])


def links(text: str) -> tuple[Link, ...]:
    """The links of a text, at most MAX_LINKS."""
    if "://" not in text and "/" not in text and "www." not in text and "WWW." not in text:
        return ()
    return _links(text) if len(text) < MAX_LINK else _links.__wrapped__(text)


@lru_cache(maxsize=MAX_CACHED // 16)
def _links(text: str) -> tuple[Link, ...]:
    found = [match[0] for match, _ in zip(_LINK.finditer(text), range(MAX_LINKS), strict=False)]
    if not found:
        found = [match[0] for match, _ in zip(_BARE.finditer(text), range(MAX_LINKS), strict=False)]
    return tuple(parts for url in found if (parts := _apart(url.rstrip(_ENDS))) is not None)


def _apart(url: str) -> Link | None:
    scheme, slashes, rest = url.partition("://")
    if not slashes:
        scheme, rest = "http", url
    at = next((at for at, char in enumerate(rest) if char in "/?#"), len(rest))
    authority, path = rest[:at], rest[at:]
    user, _, hostport = authority.rpartition("@")
    host = hostport.partition("]")[0].strip("[") if hostport.startswith("[") else hostport.partition(":")[0]
    host = host.rstrip(".").lower()
    if not host:
        return None
    return Link(url, scheme.lower(), user, host, unquote(path), host.split("."), host[-1].isdigit() or ":" in host)


@lru_cache(maxsize=MAX_CACHED)
def unicode_host(host: str) -> str:
    """A host's name as a browser may show it."""
    labels = []
    for label in host.split("."):
        if label.startswith("xn--"):
            with contextlib.suppress(UnicodeError, ValueError, OverflowError):
                label = label[4:].encode("ascii").decode("punycode")
        labels.append(label)
    return ".".join(labels)


_SKELETONS = {skeleton(name): name for name in sorted(WELL_KNOWN)}


def imitated(label: str) -> str | None:
    """The well-known name that a label looks like, and is not."""
    name = _SKELETONS.get(skeleton(label))
    return name if name is not None and name != label else None
