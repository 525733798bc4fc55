"""Lists and presence of the notification server.

    MSNP2-7    LST 5 FL serial 1 12 account name [groups]     LSG 5 serial 1 3 0 group 0   ADD 6 FL [n] account name
    MSNP8-9    LST account name 11 0,2                        LSG 0 group 0
    MSNP10-12  LST N=account F=name C=guid 11 [1] guid,guid   LSG group guid               ADC 6 FL N=account F=name
    MSNP13-    ADL 6 size <ml l="1"><d n="example.net"><c n="alice" l="3" t="1"/></d></ml>   the rest is SOAP

List bits: 1 forward (the contact list), 2 allow, 4 block, 8 reverse (who has *me* on his list), 16 pending.

    CHG 7 NLN 0 [msnobj]   NLN NLN account [network] name 0   ILN 7 NLN account name 0   FLN account
    UUX 8 size <Data><PSM>note</PSM>...                        UBX account [network] size <Data><PSM>note</PSM>...
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from imsniff.base.events import Event, Side
from imsniff.dissect.cursor import Malformed, decimal
from imsniff.dissect.msn.session import MsnpSession
from imsniff.dissect.msn.wire import Command, account, name

STATUSES = {
    "NLN": "online",
    "BSY": "busy",
    "PHN": "busy",
    "AWY": "away",
    "BRB": "away",
    "LUN": "away",
    "IDL": "away",
    "HDN": "invisible",
    "FLN": "offline",
}
LISTS = {"FL": 1, "AL": 2, "BL": 4, "RL": 8, "PL": 16}
MINE = LISTS["FL"] | LISTS["AL"] | LISTS["BL"]

_GUID = re.compile(r"[0-9a-fA-F-]{36}(?:,[0-9a-fA-F-]{36}){0,30}")
_NOTE = re.compile(rb"<PSM>([^<]{0,2048})</PSM>")
_TAG = re.compile(rb"<(d|c|s)((?: {1,4}[a-z]{1,8}=(?:\"[^\"<>]{0,512}\"|'[^'<>]{0,512}')){1,8})")
_ATTRIBUTE = re.compile(rb"([a-z]{1,8})=(?:\"([^\"]{0,512})\"|'([^']{0,512})')")


def note(payload: bytes) -> str | None:
    """The personal message in UUX, UBX and MSNP21's presence; None where it is not told."""
    found = _NOTE.search(payload)
    return found and html.unescape(found[1].decode("utf-8", "replace"))


def _bits(text: str) -> int:
    return decimal(text, 31)


# --- presence ---------------------------------------------------------------------------------------------------------


def chg(msnp: MsnpSession, side: Side, command: Command) -> Iterator[Event]:
    trid = command.arg(0)
    if trid not in msnp.changes:
        msnp.changes[trid] = None
        yield from msnp.present(side, msnp.own, STATUSES.get(command.arg(1)), None, command.shown())


def nln(msnp: MsnpSession, side: Side, command: Command) -> Iterator[Event]:
    yield from msnp.present(side, account(command.arg(1)), STATUSES.get(command.arg(0)), None, command.shown())


def iln(msnp: MsnpSession, side: Side, command: Command) -> Iterator[Event]:
    """As NLN, behind the transaction."""
    words = command.args[1:]
    yield from nln(msnp, side, Command(command.verb, words, " ".join((command.verb, *words))))


def fln(msnp: MsnpSession, side: Side, command: Command) -> Iterator[Event]:
    yield from msnp.present(side, account(command.arg(0)), "offline", None, command.shown())


def uux(msnp: MsnpSession, side: Side, command: Command) -> Iterator[Event]:
    yield from msnp.present(side, msnp.own, None, note(command.payload), command.shown())


def ubx(msnp: MsnpSession, side: Side, command: Command) -> Iterator[Event]:
    yield from msnp.present(side, account(command.arg(0)), None, note(command.payload), command.shown())


# --- lists ------------------------------------------------------------------------------------------------------------


def _entered(
    msnp: MsnpSession, side: Side, who: str | None, bits: int, groups: str | None, command: Command
) -> Iterator[Event]:
    """One entry of a list. Only the reverse list alone turns round who has whom."""
    if bits & MINE:
        named = [msnp.groups[group] for group in (groups or "").split(",")[:30] if group in msnp.groups]
        for group in named or (None,):
            yield from msnp.listed(side, msnp.own, who, group, command.shown())
    elif who and msnp.own:
        yield from msnp.listed(side, who, msnp.own, None, command.shown())


def lst(msnp: MsnpSession, side: Side, command: Command) -> Iterator[Event]:
    match command.args:
        case [_, "FL" | "AL" | "BL" | "RL" | "PL" as which, _, _, _, who, _, *groups]:
            yield from _entered(msnp, side, account(who), LISTS[which], groups[0] if groups else None, command)
        case [first, *rest] if first.startswith("N="):
            plain = [word for word in rest if word[1:2] != "="]
            groups = [word for word in plain[1:] if _GUID.fullmatch(word)]
            bits = _bits(plain[0]) if plain else MINE
            yield from _entered(msnp, side, account(first[2:]), bits, groups[-1] if groups else None, command)
        case [who, _, bits, *groups] if "@" in who:
            yield from _entered(msnp, side, account(who), _bits(bits), groups[0] if groups else None, command)


def lsg(msnp: MsnpSession, _: Side, command: Command) -> Iterator[Event]:
    match command.args:
        case [_, _, _, _, number, group, *_]:
            msnp.groups[number] = name(group)
        case [group, guid, *_] if _GUID.fullmatch(guid):
            msnp.groups[guid] = name(group)
        case [number, group, *_]:
            msnp.groups[number] = name(group)
    yield from ()


def add(msnp: MsnpSession, side: Side, command: Command) -> Iterator[Event]:
    """ADD and ADC, request and answer: the answer has the list's serial before the account."""
    which = LISTS.get(command.arg(1), 0)
    for at, word in enumerate(command.args[2:4], 2):
        if "@" in word:
            groups = command.args[-1] if len(command.args) > at + 2 else None
            yield from _entered(msnp, side, account(word.removeprefix("N=")), which, groups, command)
            return


def adl(msnp: MsnpSession, side: Side, command: Command) -> Iterator[Event]:
    """ADL and FQY: accounts as domain and name, list bits on the name or, in MSNP21, on the service inside it.

    FQY asks which network somebody is on who is about to be added, and tells no list."""
    domain, waiting = "", ""
    for tag in _TAG.finditer(command.payload):
        said = {
            a[1]: html.unescape((a[2] or a[3] or b"").decode("utf-8", "replace")) for a in _ATTRIBUTE.finditer(tag[2])
        }
        if tag[1] == b"d":
            domain = said.get(b"n", "")
            continue
        if tag[1] == b"c" and domain and said.get(b"n"):
            waiting = f"{said[b'n']}@{domain}"
        bits_told = said.get(b"l", "1" if command.verb == "FQY" else "")
        if not waiting or not bits_told:
            continue
        try:
            bits = _bits(bits_told)
        except Malformed:
            continue
        yield from _entered(msnp, side, account(waiting), bits, None, command)
