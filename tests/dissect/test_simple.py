"""SIMPLE's documents to events."""

from __future__ import annotations

import pytest

from imsniff.base.events import Contact, Event, Exposure, Presence, Side, Transfer, TransferState
from imsniff.dissect.cursor import Malformed
from imsniff.dissect.sip import simple

CLIENT = Side.CLIENT
ABOUT = simple.About(CLIENT, "alice@example.com", "bob@example.com")
NOTIFY = ABOUT._replace(notify=True)


def read(kind: str, body: str, about: simple.About = ABOUT) -> list[Event]:
    return list(simple.events(f"application/{kind}", body.encode(), about))


def pidf(inside: str, note: str = "") -> str:
    return (
        '<?xml version="1.0"?><presence xmlns="urn:ietf:params:xml:ns:pidf"'
        ' xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid"'
        f' xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" entity="pres:carol@example.com">{inside}{note}</presence>'
    )


OPEN, CLOSED = (f'<tuple id="{b}"><status><basic>{b}</basic></status></tuple>' for b in ("open", "closed"))


@pytest.mark.parametrize(
    ("inside", "status"),
    [
        (OPEN, "online"),
        (CLOSED, "offline"),
        (CLOSED + OPEN, "online"),
        (OPEN + "<dm:person><rpid:activities><rpid:away/></rpid:activities></dm:person>", "away"),
        (OPEN + "<dm:person><rpid:activities><rpid:on-the-phone/></rpid:activities></dm:person>", "busy"),
        (OPEN + "<dm:person><rpid:activities><rpid:unknown/></rpid:activities></dm:person>", "online"),
        (OPEN + "<ep:activities><ep:activity>meeting</ep:activity></ep:activities>", "busy"),
        (CLOSED + "<dm:person><rpid:activities><rpid:away/></rpid:activities></dm:person>", "offline"),
    ],
)
def test_pidf_status(inside, status):
    assert read("pidf+xml", pidf(inside)) == [Presence(side=CLIENT, account="carol@example.com", status=status)]


def test_pidf_note():
    (found,) = read("pidf+xml", pidf(OPEN, '<note xml:lang="de"> Zu Tisch </note>'))
    assert found.note == "Zu Tisch"


def test_pidf_without_a_status_says_nothing():
    assert read("pidf+xml", pidf("<tuple id='x'/>")) == []


def test_xpidf_of_the_windows_messenger():
    body = (
        '<?xml version="1.0"?><presence><presentity uri="sip:carol@example.com;method=SUBSCRIBE"/><atom id="1">'
        '<address uri="sip:carol@192.0.2.1;user=ip"><status status="inuse"/><msnsubstatus substatus="onthephone"/>'
        "</address></atom></presence>"
    )
    assert read("xpidf+xml", body) == [Presence(side=CLIENT, account="carol@example.com", status="busy")]


@pytest.mark.parametrize(("number", "status"), [(3500, "online"), (6500, "busy"), (15500, "away"), (18500, "offline")])
def test_lync_availability(number, status):
    body = (
        '<categories xmlns="x" uri="sip:carol@example.com"><category name="state"><state><availability>'
        f"{number}</availability></state></category></categories>"
    )
    assert read("msrtc-event-categories+xml", body) == [
        Presence(side=CLIENT, account="carol@example.com", status=status)
    ]


def test_watchers_have_the_watched_on_their_list():
    body = (
        '<watcherinfo version="0" state="full"><watcher-list resource="sip:bob@example.com" package="presence">'
        '<watcher status="active" id="1" event="subscribe">sip:dave@example.com</watcher></watcher-list></watcherinfo>'
    )
    assert read("watcherinfo+xml", body, NOTIFY) == [
        Contact(side=CLIENT, owner="dave@example.com", account="bob@example.com")
    ]


def test_resource_lists_are_the_buddy_list():
    body = (
        '<resource-lists><list name="friends"><entry uri="sip:bill@example.com"/>'
        "<list><display-name>Close</display-name>"
        '<entry uri="sip:joe@example.com"/></list></list></resource-lists>'
    )
    assert read("resource-lists+xml", body) == [
        Contact(side=CLIENT, owner="alice@example.com", account="bill@example.com", group="friends"),
        Contact(side=CLIENT, owner="alice@example.com", account="joe@example.com", group="Close"),
    ]


def test_rlmi_is_told_to_the_lists_owner():
    body = '<list uri="sip:my@example.com" version="1" fullState="true"><resource uri="sip:joe@example.com"/></list>'
    assert read("rlmi+xml", body, NOTIFY) == [Contact(side=CLIENT, owner="bob@example.com", account="joe@example.com")]


def test_roaming_contacts_of_live_communications_server():
    body = (
        '<contactList deltaNum="1"><group id="1" name="~"/><group id="2" name="Work"/>'
        '<contact uri="joe@example.com" name="Joe" groups="2 "/>'
        '<contact uri="ann@example.com" groups="1"/></contactList>'
    )
    assert read("vnd-microsoft-roaming-contacts+xml", body, NOTIFY) == [
        Contact(side=CLIENT, owner="bob@example.com", account="joe@example.com", group="Work"),
        Contact(side=CLIENT, owner="bob@example.com", account="ann@example.com"),
    ]


def test_reginfo_tells_where_people_are():
    body = (
        '<reginfo version="0" state="full"><registration aor="sip:joe@example.com" id="1" state="active"><contact>'
        "<uri>sip:joe@192.0.2.5:5070</uri></contact></registration></reginfo>"
    )
    presence, exposure = read("reginfo+xml", body)
    assert presence == Presence(side=CLIENT, account="joe@example.com", status="registered")
    assert isinstance(exposure, Exposure)
    assert (exposure.ip, exposure.port, exposure.account) == ("192.0.2.5", 5070, "joe@example.com")


@pytest.mark.parametrize(("state", "status"), [("confirmed", "busy"), ("terminated", "online")])
def test_dialog_info(state, status):
    body = f'<dialog-info entity="sip:joe@example.com"><dialog id="1"><state>{state}</state></dialog></dialog-info>'
    assert read("dialog-info+xml", body) == [Presence(side=CLIENT, account="joe@example.com", status=status)]


@pytest.mark.parametrize(("state", "expected"), [("active", ["composing"]), ("idle", [])])
def test_is_composing(state, expected):
    body = f"<isComposing xmlns='urn:ietf:params:xml:ns:im-iscomposing'><state>{state}</state></isComposing>"
    assert [e.status for e in read("im-iscomposing+xml", body)] == expected


def test_a_file_on_a_web_server():
    body = (
        '<file><file-info type="thumbnail"><file-size>10</file-size><data url="https://x/t"/></file-info>'
        '<file-info type="file"><file-size>81</file-size><file-name>a.jpg</file-name>'
        '<content-type>image/jpeg</content-type><data url="https://x/a"/></file-info></file>'
    )
    assert read("vnd.gsma.rcs-ft-http+xml", body) == [
        Transfer(
            side=CLIENT,
            name="a.jpg",
            size=81,
            sender="alice@example.com",
            recipient="bob@example.com",
            state=TransferState.OFFERED,
            media="image/jpeg",
        )
    ]


@pytest.mark.parametrize("kind", sorted(kind.removeprefix("application/") for kind in simple.READERS))
@pytest.mark.parametrize(
    "body", ["<x/>", "<list><entry/></list>", "<presence entity=''><basic/></presence>", "<a uri=':' aor=''><uri/></a>"]
)
def test_documents_without_the_wanted_say_nothing_and_do_not_raise(kind, body):
    assert read(kind, body) == []


def test_unknown_types_and_empty_bodies_say_nothing():
    assert read("octet-stream", "<presence/>") == read("pidf+xml", " \r\n") == []


def test_broken_xml_is_malformed():
    with pytest.raises(Malformed):
        read("pidf+xml", "<presence><tuple></presence>")
