"""SIMPLE: presence, buddy lists and typing notices, the XML bodies of SIP (and MSRP) to events.

    application/pidf+xml             <presence entity="pres:bob@x"><tuple><status><basic>open</basic></status><note/>
                                     with <activities><away/></activities> of RPID, inside a <person> or the tuple
    application/xpidf+xml            <presence><presentity uri=""/><atom><address><status status="open"/><msnsubstatus/>
    application/watcherinfo+xml      <watcher-list resource="sip:bob@x"><watcher status="active">sip:alice@x</watcher>
    application/resource-lists+xml   <list name="friends"><entry uri="sip:bob@x"/></list>
    application/rlmi+xml             <list uri="sip:alice-buddies@x"><resource uri="sip:bob@x"/></list>
    application/reginfo+xml          <registration aor="sip:bob@x" state="active"><contact><uri>sip:bob@192.0.2.1</uri>
    application/dialog-info+xml      <dialog-info entity="sip:bob@x"><dialog><state>confirmed</state>
    application/im-iscomposing+xml   <isComposing><state>active</state></isComposing>
    and Live Communications Server's to Lync's own: roaming contacts, categories, ad-hoc lists, msrtc.pidf

Elements are found by local name wherever they stand: drafts and products moved them about.

References: RFC 3863 (PIDF), RFC 4480 (RPID), RFC 3858, RFC 4826 section 3, RFC 4662, RFC 3680, RFC 4235, RFC 3994;
[MS-SIP] and [MS-PRES] for availability; GSMA RCC.07 for HTTP file transfer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from imsniff.base.addresses import address
from imsniff.base.events import Contact, Event, Exposure, Presence, Side, Transfer, TransferState
from imsniff.base.limits import MAX_CONTACT_GROUPS, MAX_CONTACTS, MAX_NAME
from imsniff.dissect.cursor import Malformed, decimal
from imsniff.dissect.sip import xml
from imsniff.dissect.sip.address import parse_uri


class About(NamedTuple):
    """The message that carries the document."""

    side: Side
    sender: str | None
    recipient: str | None
    notify: bool = False
    """Whether a server tells the recipient about others (NOTIFY), rather than the sender about itself."""
    wire: str = ""

    @property
    def user(self) -> str | None:
        """Whose lists these are."""
        return self.recipient if self.notify else self.sender


Reader = Callable[[About, xml.Element], Iterator[Event]]


def events(kind: str, body: bytes, about: About) -> Iterator[Event]:
    """What a document of that media type says; nothing for types not known. Raises Malformed for broken XML."""
    reader = READERS.get(kind)
    if reader is not None and body.strip():
        yield from reader(about, xml.parse(body))


def _account(uri: str) -> str:
    """`pres:bob@x` as `bob@x`; text that is no URI as it is."""
    found = parse_uri(uri.strip())
    return uri.strip()[:MAX_NAME] if found is None else found.account


# --- presence ---------------------------------------------------------------------------------------------------------

_AWAY = "away vacation holiday travel in-transit permanent-absence sleeping meal dinner breakfast steering worship idle"
_BUSY = "busy on-the-phone meeting appointment conference presentation performance do-not-disturb dnd working"
ACTIVITIES = dict.fromkeys(_AWAY.split(), "away") | dict.fromkeys(_BUSY.split(), "busy")
"""RPID activities (and drafts' and products') to a status; all others leave a person online."""


def _pidf(about: About, root: xml.Element) -> Iterator[Event]:
    """Several tuples are several devices: a person is offline when all of them are."""
    entity = _account(root.get("entity")) or about.sender
    basics = [word for each in root.all("basic") if (word := each.text.strip().lower()) in ("open", "closed")]
    if not entity or root.name != "presence":
        return
    words: list[str] = []
    for group in root.all("activities", "activity"):
        words += [group.text, *(child.name if child.name != "activity" else child.text for child in group.children)]
    known = [ACTIVITIES[word] for each in words if (word := each.strip().lower()) in ACTIVITIES]
    if basics and "open" not in basics:
        status = "offline"
    elif known:
        status = known[0]
    elif basics:
        status = "online"
    else:
        return
    yield Presence(
        side=about.side, account=entity, status=status, note=root.text_of("note")[:MAX_NAME] or None, wire=about.wire
    )


_SUBSTATUS = {"away": "away", "brb": "away", "idle": "away", "outtolunch": "away", "busy": "busy", "onthephone": "busy"}


def _xpidf(about: About, root: xml.Element) -> Iterator[Event]:
    presentity, status, sub = root.first("presentity"), root.first("status"), root.first("msnsubstatus")
    if presentity is None or status is None:
        return
    word = status.get("status").lower()
    shown = "offline" if word == "closed" else _SUBSTATUS.get("" if sub is None else sub.get("substatus"), "online")
    yield Presence(side=about.side, account=_account(presentity.get("uri")), status=shown, wire=about.wire)


AVAILABILITY = ((18_000, "offline"), (12_000, "away"), (6_000, "busy"), (3_000, "online"))
"""Lync's availability numbers: the lowest of each status. Below 3000 nothing is known."""


def _availability(text: str) -> str | None:
    try:
        number = decimal(text.strip())
    except Malformed:
        return None
    return next((status for lowest, status in AVAILABILITY if number >= lowest), None)


def _categories(about: About, root: xml.Element) -> Iterator[Event]:
    """Lync: <categories uri=""><category name="state"><state><availability>3500</availability>..., also in a list."""
    for person in root.all("categories"):
        account = _account(person.get("uri")) or about.sender
        for state in person.all("availability"):
            status = _availability(state.text)
            if account and status:
                yield Presence(
                    side=about.side, account=account, status=status, note=_category_note(person), wire=about.wire
                )
                break


def _category_note(person: xml.Element) -> str | None:
    return next((text for note in person.all("body") if (text := note.text.strip()[:MAX_NAME])), None)


def _msrtc(about: About, root: xml.Element) -> Iterator[Event]:
    """Live Communications Server: <presentity uri=""><availability aggregate="300"/><activity aggregate="400"/>."""
    available, active = root.first("availability"), root.first("activity")
    account = _account(root.get("uri")) or about.sender
    if not account or available is None:
        return
    there = available.get("aggregate") not in ("", "0")
    status = "offline" if not there else _LCS_ACTIVITY.get("" if active is None else active.get("aggregate"), "online")
    yield Presence(side=about.side, account=account, status=status, wire=about.wire)


_LCS_ACTIVITY = {"100": "away", "150": "away", "200": "away", "300": "away", "500": "busy", "600": "busy"}


def _reginfo(about: About, root: xml.Element) -> Iterator[Event]:
    for registration in root.all("registration"):
        account = _account(registration.get("aor"))
        if not account:
            continue
        status = {"active": "registered", "terminated": "offline"}.get(registration.get("state"))
        if status:
            yield Presence(side=about.side, account=account, status=status, wire=about.wire)
        for contact in registration.all("uri"):
            uri = parse_uri(contact.text.strip())
            ip = None if uri is None else address(uri.host)
            if uri is not None and ip is not None:
                yield Exposure(
                    side=about.side, account=account, ip=ip, port=uri.port, via="sip.contact", to=about.recipient
                )


def _dialogs(about: About, root: xml.Element) -> Iterator[Event]:
    """Busy lamps: a call is under way, or is over."""
    entity = _account(root.get("entity"))
    states = {state.text.strip().lower() for state in root.all("state")}
    if entity and states:
        busy = not states.isdisjoint(("trying", "proceeding", "early", "confirmed"))
        yield Presence(side=about.side, account=entity, status="busy" if busy else "online", wire=about.wire)


def _composing(about: About, root: xml.Element) -> Iterator[Event]:
    if about.sender and root.text_of("state").lower() == "active":
        yield Presence(side=about.side, account=about.sender, status="composing", wire=about.wire)


# --- lists ------------------------------------------------------------------------------------------------------------


def _contact(about: About, uri: str, group: str = "", owner: str | None = None) -> Iterator[Event]:
    account, owner = _account(uri), owner or about.user
    if account and account != owner:
        yield Contact(side=about.side, owner=owner, account=account, group=group[:MAX_NAME] or None, wire=about.wire)


def _watchers(about: About, root: xml.Element) -> Iterator[Event]:
    """Who watches somebody has them on a list."""
    for watched in root.all("watcher-list"):
        for watcher in watched.children[:MAX_CONTACTS]:
            if watcher.name == "watcher":
                yield from _contact(about, watched.get("resource"), owner=_account(watcher.text) or None)


def _resource_lists(about: About, root: xml.Element) -> Iterator[Event]:
    count = 0
    for group in root.all("list"):
        name = next((child.text.strip() for child in group.children if child.name == "display-name"), "")
        for entry in group.children:
            if entry.name == "entry" and count < MAX_CONTACTS:
                count += 1
                yield from _contact(about, entry.get("uri"), name or group.get("name"))


def _resources(about: About, root: xml.Element) -> Iterator[Event]:
    """RLMI, and Lync's ad-hoc lists: <resource uri=""/>."""
    for count, entry in enumerate(root.all("resource")):
        if count >= MAX_CONTACTS:
            return
        yield from _contact(about, entry.get("uri"))


def _roaming_contacts(about: About, root: xml.Element) -> Iterator[Event]:
    """<contactList><group id="1" name="Friends"/><contact uri="bob@x" groups="1 2"/>, or a later <contactDelta>."""
    names = {group.get("id"): group.get("name").strip("~ ") for group in root.all("group", "addedGroup")}
    for count, entry in enumerate(root.all("contact", "addedContact")):
        if count >= MAX_CONTACTS:
            return
        for group in entry.get("groups").split()[:MAX_CONTACT_GROUPS] or [""]:
            yield from _contact(about, entry.get("uri"), names.get(group, ""))


def _http_file(about: About, root: xml.Element) -> Iterator[Event]:
    """A file put on a web server, RCS: <file-info type="file"><file-size/><file-name/><content-type/><data url=""/>."""
    for file in root.all("file-info"):
        if file.get("type") == "thumbnail":
            continue
        try:
            size = decimal(file.text_of("file-size"), 1 << 50)
        except Malformed:
            size = None
        data = file.first("data")
        name = file.text_of("file-name") or ("" if data is None else data.get("url"))
        if name:
            yield Transfer(
                side=about.side,
                name=name[:MAX_NAME],
                size=size,
                sender=about.sender,
                recipient=about.recipient,
                state=TransferState.OFFERED,
                media=file.text_of("content-type")[:MAX_NAME] or None,
            )


READERS: dict[str, Reader] = {
    "application/pidf+xml": _pidf,
    "application/cpim-pidf+xml": _pidf,
    "application/xpidf+xml": _xpidf,
    "text/xml+msrtc.pidf": _msrtc,
    "application/msrtc-event-categories+xml": _categories,
    "application/vnd-microsoft-roaming-self+xml": _categories,
    "application/vnd-microsoft-roaming-contacts+xml": _roaming_contacts,
    "application/msrtc-adrl-categorylist+xml": _resources,
    "application/adrl+xml": _resources,
    "application/watcherinfo+xml": _watchers,
    "application/resource-lists+xml": _resource_lists,
    "application/rlmi+xml": _resources,
    "application/reginfo+xml": _reginfo,
    "application/dialog-info+xml": _dialogs,
    "application/im-iscomposing+xml": _composing,
    "application/vnd.gsma.rcs-ft-http+xml": _http_file,
}
"""IMDN (message/imdn+xml) is not among them: that a message was delivered is no fact about its sender."""
