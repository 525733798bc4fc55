"""What SIP's heads and session descriptions announce: addresses of the people, calls, message sessions, files.

An INVITE carries an offer, its 200 the answer; where the INVITE had none, the 200 the offer and the ACK the answer.
The party whose `a=setup` is not `active` listens at its MSRP path: a flow to there is expected.

References: RFC 3264 (offer and answer), RFC 4975 section 8, RFC 5547 (files), RFC 6135 (a=setup for MSRP).
"""

from __future__ import annotations

from collections.abc import Iterator

from imsniff.base.addresses import address
from imsniff.base.events import Event, Expect, Exposure, Presence, Side, Transfer, TransferState, excerpt
from imsniff.base.limits import MAX_NAME, MAX_SDP_FILES
from imsniff.dissect.core import CappedTable
from imsniff.dissect.sip import sdp
from imsniff.dissect.sip.address import address as name_address
from imsniff.dissect.sip.address import parse_via
from imsniff.dissect.sip.context import MessageContext
from imsniff.dissect.sip.message import Head


class Addresses:
    """The addresses told on one flow, each once for what it was told by and for whom."""

    def __init__(self) -> None:
        self._told: CappedTable[tuple[str, str, str | None], None] = CappedTable()
        self._known: CappedTable[tuple[str, str], None] = CappedTable()

    def of_head(self, side: Side, head: Head, msg: MessageContext) -> list[Event]:
        """Via, Contact and Call-ID. The last Via is the caller's own; those before it are proxies'. A NOTIFY comes from
        the presence server, whatever its From says."""
        told: list[Event] = []
        headers = head.headers
        caller = msg.caller if msg.method != "NOTIFY" else None
        vias = head.every("via")
        for number, value in enumerate(vias, 1):
            hop = parse_via(value)
            if hop is not None:
                whose = caller if number == len(vias) else None
                told += self._tell(side, "sip.via", hop.host, hop.port, whose, None)
                if hop.received:
                    told += self._tell(side, "sip.via", hop.received.strip("[]"), hop.rport, whose, None)
        if "contact" in headers:
            registers = msg.method == "REGISTER"
            for value in head.every("contact"):
                uri, _ = name_address(value)
                if uri is not None and uri.host:
                    # without a user it is where a server is; only who registers means themselves all the same
                    whose = msg.contact_of if uri.user or registers else None
                    to = None if registers else msg.recipient
                    told += self._tell(side, "sip.contact", uri.host, uri.port, whose, to)
        _, _, host = headers.get("call-id", "").rpartition("@")
        if host:
            # made by who spoke first, which only the first request of a dialog shows
            first = head.method and "tag=" not in headers.get("to", "")
            told += self._tell(side, "sip.call-id", host, None, caller if first else None, None)
        return told

    def of_description(
        self, side: Side, description: sdp.Description, whose: str | None, to: str | None
    ) -> list[Event]:
        """c=, a=rtcp and MSRP paths first: they have a port where o= has none."""
        told: list[Event] = []
        candidates = list(description.candidates)
        for media in description.media:
            for uri in media.paths:
                told += self._tell(side, "sip.sdp", uri.host, uri.port, whose, to)
            for ip in media.addresses or description.addresses:
                told += self._tell(side, "sip.sdp", ip, media.port or None, whose, to)
            candidates += media.candidates
        for ip in (*description.addresses, description.origin):
            told += self._tell(side, "sip.sdp", ip, None, whose, to)
        for ip, port in candidates:
            told += self._tell(side, "sip.ice", ip, port, whose, to)
        return told

    def _tell(
        self, side: Side, via: str, host: str, port: int | None, whose: str | None, to: str | None
    ) -> tuple[Event, ...]:
        """The event where that is news and an address, else nothing."""
        key = (host, via, whose)
        if key in self._told or not host or len(host) > MAX_NAME or (whose is None and key[:2] in self._known):
            return ()
        self._told[key] = None
        self._known[key[:2]] = None
        ip = address(host)
        if ip is None:
            return ()
        shown = excerpt(f"{via}: {host}" + (f":{port}" if port else ""))
        return (Exposure(side=side, account=whose, ip=ip, port=port, via=via, to=to, wire=shown),)


class Offered:
    """A file on offer in a call."""

    __slots__ = ("file", "place", "recipient", "sender")

    def __init__(self, file: sdp.File, sender: str | None, recipient: str | None, place: int) -> None:
        self.file = file
        self.place = place
        """Which m= section offers it: the answer has the same sections in the same order (RFC 3264 §6)."""
        self.sender = sender
        self.recipient = recipient

    def told(self, side: Side, state: TransferState) -> Transfer:
        return Transfer(
            side=side,
            name=self.file.name,
            size=self.file.size,
            sender=self.sender,
            recipient=self.recipient,
            state=state,
            media=self.file.type or None,
        )


class Sessions:
    """The calls of one flow."""

    def __init__(self) -> None:
        self.description = sdp.Description()
        """The last one read."""
        self._calls: CappedTable[str, None] = CappedTable()
        self._offers: CappedTable[str, list[Offered]] = CappedTable()
        """Call-ID to the files whose fate is open."""

    def call(self, side: Side, call: str, caller: str | None, callee: str | None) -> Iterator[Event]:
        """Who invites whom: once a call, from whichever of its messages is seen first."""
        if call in self._calls:
            return
        self._calls[call] = None
        wire = excerpt(f"INVITE {callee} from {caller}")
        if caller:
            yield Presence(side=side, account=caller, status="inviting", note=callee, wire=wire)
        if callee and callee != caller:
            yield Presence(side=side, account=callee, status="invited", note=caller, wire=wire)

    def described(
        self, side: Side, call: str, head: Head, body: bytes, sender: str | None, recipient: str | None
    ) -> Iterator[Event]:
        """Message sessions and files of a description. Raises Malformed."""
        self.description = sdp.parse(body)
        if head.status >= 300:
            return
        waiting = self._offers.get(call, [])
        is_answer = bool(waiting) and (head.status >= 200 or head.method == "ACK")
        about = waiting[0] if waiting else None
        for place, media in enumerate(self.description.media):
            if media.kind != "message" or "MSRP" not in media.protocol:
                continue
            if is_answer:
                state = TransferState.ACCEPTED if media.port else TransferState.CANCELLED
                about = next((each for each in waiting if each.place == place), about)
                yield from self._answered(side, call, place, state)
            elif media.file is not None and media.file.name not in ("", *(each.file.name for each in waiting)):
                pulled = media.direction == "recvonly"
                about = Offered(media.file, *((recipient, sender) if pulled else (sender, recipient)), place)
                if len(waiting) < MAX_SDP_FILES:
                    waiting.append(about)
                yield about.told(side, TransferState.OFFERED)
            yield from _expected(side, media, about, sender, recipient)
        if waiting and not is_answer:
            self._offers[call] = waiting

    def refused(self, side: Side, call: str, status: int) -> Iterator[Event]:
        """A final response to INVITE that is no 2xx ends its offers; a challenge only asks for a credential."""
        if status >= 300 and status not in (401, 407):
            yield from self._close(side, call, TransferState.CANCELLED)

    def _answered(self, side: Side, call: str, place: int, state: TransferState) -> Iterator[Event]:
        """One section of an answer; a call with one offer has but one, wherever its section stands."""
        waiting = self._offers.get(call, [])
        decided = [each for each in waiting if each.place == place] or (waiting if len(waiting) == 1 else [])
        if decided:
            self._offers[call] = [each for each in waiting if each not in decided]
        for offered in decided:
            yield offered.told(side, state)

    def _close(self, side: Side, call: str, state: TransferState) -> Iterator[Event]:
        for offered in self._offers.pop(call, ()):
            yield offered.told(side, state)


def _expected(
    side: Side, media: sdp.Media, about: Offered | None, sender: str | None, recipient: str | None
) -> Iterator[Event]:
    """The flow to the one who listens. In an `Expect` of ours `sender` is who listens at that address: the MSRP
    dissector tells from it who is at which end."""
    if not media.port or media.setup == "active" or "TLS" in media.protocol or not media.paths:
        return
    here = media.paths[0]  # the hop next to the other party: a relay's, where there is one
    ip = address(here.host)
    if ip is not None and here.port:
        yield Expect(
            side=side,
            protocol="msrp",
            ip=ip,
            port=here.port,
            name=about.file.name if about else None,
            size=about.file.size if about else None,
            sender=sender,
            recipient=recipient,
        )
