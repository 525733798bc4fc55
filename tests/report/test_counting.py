"""Things that the sensor sees on two legs, or in several states, count once."""

from imsniff.base.records import MessageRecord
from imsniff.report import counting
from made import exposure, message, session, transfer


def once(*records: MessageRecord) -> int:
    return len(list(counting.messages(records)))


def test_two_inside_hosts_show_a_message_twice():
    a, b = session(), session(client_ip="10.0.0.22")
    said = {"sender": "alice@example.org", "recipient": "bob@example.org"}
    leaves = message(a, seconds=1, direction="sent", **said)
    arrives = message(b, seconds=2, direction="received", **said)
    assert once(leaves, arrives) == 1
    assert once(leaves, arrives, message(a, seconds=3, direction="sent", **said)) == 2, "said again"
    assert once(leaves, message(b, seconds=300, direction="received", **said)) == 2, "another one, minutes later"


def test_a_room_shows_a_message_to_every_member():
    members = [session(client_ip=f"10.0.0.{n}") for n in range(30, 35)]
    said = {"sender": "alice", "recipient": "#room", "room": "#room"}
    told = [message(one, seconds=1, direction="sent" if one is members[0] else "received", **said) for one in members]
    assert once(*told) == 1


def test_a_file_is_one_with_its_end_state():
    a, b = session(), session(client_ip="10.0.0.22")
    states = ("offered", "accepted", "completed")
    told = [transfer(one, name="plan.pdf", sender="alice@x", state=state) for state in states for one in (a, b)]
    (file,) = counting.files(told)
    assert (file.name, file.state) == ("plan.pdf", "completed")


def test_addresses_are_distinct_and_strangers_apart():
    one = session(account="alice@example.org")
    told = [
        exposure(one, account="alice@example.org", ip="10.0.0.21", internal=True),
        exposure(one, account="alice@example.org", ip="10.0.0.21", internal=True),
        exposure(one, account="mallory@example.net", ip="203.0.113.9", internal=False),
    ]
    assert counting.addresses(told, {("jabber", "alice@example.org")}) == (1, 1)
