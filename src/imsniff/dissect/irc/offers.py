"""DCC, direct connections between IRC clients, as they are announced in a CTCP request.

    \\x01DCC SEND <file> <address> <port> [size [token]]\\x01      the sender listens
    \\x01DCC SEND <file> <address> 0 <size> <token>\\x01           the sender cannot listen: the receiver does, and
                                                  answers with the same line, its own address, and the token
    \\x01DCC CHAT chat <address> <port> [token]\\x01
    \\x01DCC RESUME|ACCEPT <file> <port> <position> [token]\\x01   the receiver has so much already; agreed

A file name with blanks is quoted, or not. An address is an unsigned decimal (network order), or IPv6 as text, and from
some bouncers IPv4 as text. S before a type is TLS; TSEND means that the receiver need not acknowledge.

References: the CTCP/DCC document of the IRC clients' authors (1994), WeeChat's and irssi's additions.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from imsniff.base.addresses import address
from imsniff.base.events import Event, Exposure, Side, TransferState, excerpt
from imsniff.base.limits import MAX_NAME
from imsniff.dissect.cursor import Malformed, decimal
from imsniff.dissect.irc.session import IrcSession, Offer

FILES = frozenset({"SEND", "SSEND", "TSEND", "STSEND", "XMIT"})
CHATS = frozenset({"CHAT", "SCHAT"})
RESUMES = frozenset({"RESUME", "ACCEPT"})
MAX_SIZE = (1 << 63) - 1
OLDEST_NETWORK = 1 << 24
"""Below this a decimal is no address: clients behind a firewall write small numbers there."""


def dcc(irc: IrcSession, side: Side, sender: str | None, recipient: str, text: str) -> Iterator[Event]:
    """What a DCC request says; `text` is what follows the word DCC. Raises Malformed."""
    kind, _, rest = text.strip().partition(" ")
    kind = kind.upper()
    name, words = _name_and_words(kind, rest.strip())
    if kind in RESUMES:
        yield from _resumed(irc, side, words)
    elif kind in FILES | CHATS:
        yield from _offered(irc, side, Offer(name, None, sender, recipient), words, text)


def _name_and_words(kind: str, rest: str) -> tuple[str | None, list[str]]:
    """The file's name and the words behind it. An unquoted name may hold blanks, digits, dots and colons, so the words
    are read from the end, where the grammar is fixed: `ip port [size [token]]`, of RESUME `port position [token]`."""
    if rest.startswith('"') and (end := rest.find('"', 1)) > 0:
        name, words = rest[1:end], rest[end + 1 :].split()
    else:
        words = rest.split(" ")
        fits = _is_position if kind in RESUMES else _is_endpoint
        longest = 3 if kind in RESUMES else 4
        behind = next((n for n in range(min(longest, len(words) - 1), 1, -1) if fits(words[-n:])), 2)
        first = max(1, len(words) - behind)
        name, words = " ".join(words[:first]), [word for word in words[first:] if word]
    return (None if kind in CHATS else name[:MAX_NAME]), words


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdigit() and len(word) < 20


def _is_port(word: str) -> bool:
    return _is_number(word) and len(word) < 6 and int(word) <= 0xFFFF


def _is_endpoint(words: list[str]) -> bool:
    """`ip port [size [token]]`. Behind firewalls clients write small numbers for the address: with a size and a token
    they are believed where the port is 0 (the receiver is asked to listen), else they could be the end of the name."""
    if not (_is_address(words[0]) and _is_port(words[1]) and all(map(_is_number, words[2:]))):
        return False
    small = _is_number(words[0]) and int(words[0]) < OLDEST_NETWORK
    return not small or len(words) < 4 or int(words[1]) == 0


def _is_position(words: list[str]) -> bool:
    """`port position [token]`; a token only where the port is 0."""
    return _is_port(words[0]) and all(map(_is_number, words[1:])) and (len(words) == 2 or int(words[0]) == 0)


def _is_address(word: str) -> bool:
    """A decimal number of 32 bits, IPv4 with dots, or IPv6."""
    if _is_number(word):
        return int(word) < 1 << 32
    try:
        ip_address(word)
    except ValueError:
        return False
    return True


def _address(word: str) -> str | None:
    if word.isascii() and word.isdigit():
        number = decimal(word)
        return address(number) if number >= OLDEST_NETWORK else None
    if not _is_address(word):
        raise Malformed(f"DCC address {word[:40]!r}")
    return address(word)


def _offered(irc: IrcSession, side: Side, offer: Offer, words: list[str], text: str) -> Iterator[Event]:
    if len(words) < 2:
        raise Malformed(f"DCC without address and port: {text[:80]!r}")
    ip, port = _address(words[0]), decimal(words[1], 0xFFFF)
    behind = [decimal(word, MAX_SIZE) for word in words[2:4]]
    is_file = offer.name is not None
    size = behind[0] if is_file and behind else None
    token = behind[-1] if len(behind) > (1 if is_file else 0) else None
    if ip is not None:
        wire = excerpt(f"DCC {text}")
        yield Exposure(
            side=side, account=offer.sender, ip=ip, port=port or None, via="irc.dcc", to=offer.recipient, wire=wire
        )
    offer = offer._replace(size=size, ip=ip, port=port)
    asked = irc.offers.get(f"token {token}") if token is not None and port else None
    if asked is not None:
        # The receiver listens: who sends what to whom is what was first said. In a chat `sender` means who listens.
        offer = asked._replace(ip=ip, port=port) if is_file else offer
        yield from offer.transfer(side, TransferState.ACCEPTED)
    else:
        yield from offer.transfer(side, TransferState.OFFERED)
    irc.offers[f"token {token}" if token is not None and not port else f"port {port}"] = offer
    yield from offer.expected(side)


def _resumed(irc: IrcSession, side: Side, words: list[str]) -> Iterator[Event]:
    if len(words) < 2:
        raise Malformed("DCC RESUME without port and position")
    port, position = decimal(words[0], 0xFFFF), decimal(words[1], MAX_SIZE)
    offer = irc.offers.get(f"port {port}" if port else f"token {decimal(words[2], MAX_SIZE) if words[2:] else None}")
    if offer is not None and irc.resumed.get(offer) != position:
        irc.resumed[offer] = position  # ACCEPT repeats what RESUME said
        yield from offer.transfer(side, TransferState.ACCEPTED)
        yield from offer.expected(side, position)
