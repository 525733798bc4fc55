"""Detectors that remember people: worms, impersonation, many accounts, one who is never answered."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path

import pytest

from imsniff.base.records import ContactRecord, Severity
from imsniff.detect import CrossFlowDetectors, Detectors, Sighting
from imsniff.policy.policy import Conduct, Policy
from imsniff.rules.lexicon import lexicon_of
from imsniff.rules.loader import load
from made import login, message, moment, session, transfer

LURE = "look at this http://evil.example/cool.html now"


@cache
def lexicon():
    return lexicon_of(load(user=Path("/nonexistent")).phrases)


class Network:
    """Sessions of people, each read by one of several workers; what they observe meets in any order."""

    def __init__(self, *, workers=1, seed=None, policy=None, service="xmpp"):
        self.policy = policy
        self.workers = [Detectors(policy, lexicon()) for _ in range(workers)]
        self.sessions = {}
        self.observed = []
        self.chance = random.Random(seed)
        self.service = service

    def session_of(self, account):
        if account not in self.sessions:
            number = len(self.sessions)
            self.sessions[account] = session(
                account=account, client_ip=f"10.0.1.{number + 1}", client_port=40000 + number, protocol=self.service
            )
        return self.sessions[account]

    def _observe(self, owner, record, text=""):
        of = self.session_of(owner)
        worker = self.workers[list(self.sessions).index(owner) % len(self.workers)]
        self.observed += worker.observations(of, record, "", worker.read(text))

    def says(self, sender, recipient, text, at, *, seen_by=None, room=None):
        owner = seen_by or sender
        of = self.session_of(owner)
        direction = "sent" if owner == sender else "received"
        fields = {"sender": sender, "recipient": recipient, "room": room, "direction": direction, "length": len(text)}
        self._observe(owner, message(of, at, **fields), text)

    def has(self, owner, account, at=0):
        base = login(self.session_of(owner), at)
        record = ContactRecord(
            id=base.id, ts=moment(at), capture=base.capture, frame=base.frame,
            session=base.session, protocol=base.protocol, owner=owner, account=account,
        )  # fmt: skip
        self._observe(owner, record)

    def logs_in(self, account, host, at):
        of = session(at, client_ip=host, account=account, protocol=self.service)
        self.observed += self.workers[0].observations(of, login(of, at, account=account))

    def offers(self, sender, recipient, name, at, **fields):
        of = self.session_of(sender)
        self._observe(sender, transfer(of, at, name=name, sender=sender, recipient=recipient, **fields))

    def found(self, risk):
        across = CrossFlowDetectors(self.policy)
        passed = [one for seen in self.observed for one in across.take(seen)]
        everything = [one for one in [*passed, *across.finish()] if isinstance(one, Sighting)]
        return [(one.finding.subject, one.rule, one.finding.severity) for one in everything if one.finding.risk == risk]


def people(count):
    return [f"user{chr(97 + number)}@corp.example" for number in range(count)]


def test_a_worm_writes_to_everybody():
    net = Network()
    for at, friend in enumerate(people(6)):
        net.says("eve@corp.example", friend, LURE, at)
    assert net.found("worm-propagation") == [("eve@corp.example", "worm.link", Severity.CRITICAL)] * 2


def test_a_worm_goes_from_one_to_the_next():
    net = Network()
    net.says("eve@corp.example", "userx@corp.example", LURE, 0)
    for at, friend in enumerate(people(3)):
        net.says("userx@corp.example", friend, LURE.replace("now", "quick"), 10 + at)
    assert net.found("worm-propagation") == [("userx@corp.example", "worm.chain", Severity.CRITICAL)]


def test_a_worm_offers_files():
    net = Network()
    for at, friend in enumerate(people(5)):
        net.offers("eve@corp.example", friend, "AnnaKournikova.jpg.vbs", at)
    assert net.found("worm-propagation") == [("eve@corp.example", "worm.file", Severity.CRITICAL)]


def test_the_same_words_to_many_weigh_less():
    net = Network()
    for at, friend in enumerate(people(8)):
        net.says("eve@corp.example", friend, "Buy my used car, it is nearly new and cheap", at)
    assert net.found("worm-propagation") == [("eve@corp.example", "worm.text", Severity.MEDIUM)]


@pytest.mark.parametrize(
    "script",
    [
        lambda net: [net.says("eve@x.y", "room@muc.x.y", LURE, at, room="room@muc.x.y") for at in range(20)],
        lambda net: [net.says("eve@x.y", friend, LURE, at * 200) for at, friend in enumerate(people(12))],
        lambda net: [net.says("eve@x.y", people(1)[0], LURE, at) for at in range(20)],
        lambda net: [net.says("bot@corp.example", friend, LURE, at) for at, friend in enumerate(people(20))],
        lambda net: [net.says("eve@x.y", friend, "good morning!", at) for at, friend in enumerate(people(20))],
        lambda net: [net.says("eve@x.y", f, "see http://wiki/page for it", at) for at, f in enumerate(people(20))],
        lambda net: [net.says("x.y", friend, LURE, at, seen_by=friend) for at, friend in enumerate(people(20))],
    ],
    ids=["room", "slowly", "one contact", "announcer", "greeting", "inside link", "server"],
)
def test_no_worm(script):
    net = Network(policy=Policy(conduct=Conduct(announcers=["bot@*"])))
    script(net)
    assert net.found("worm-propagation") == []


def test_one_link_from_many():
    net = Network()
    for at, sender in enumerate(people(6)):
        net.says(sender, "carl@corp.example", LURE, at)
    assert [rule for _, rule, _ in net.found("malicious-link")] == ["link.many-senders"]


@pytest.mark.parametrize(
    ("known", "writes", "rule"),
    [
        ("alice@corp.example", "аlice@corp.example", "name.confusable"),
        ("paul@corp.example", "pau1@corp.example", "name.confusable"),
        ("alice@corp.example", "alice@c0rp.example", "name.confusable"),
        ("catherine@corp.example", "cathrine@corp.example", "name.near"),
        ("someone@corp.example", "supp0rt@corp.example", "name.role"),
        ("someone@corp.example", "аdmin@corp.example", "name.role"),
    ],
)
def test_a_name_like_that_of_a_contact(known, writes, rule):
    net = Network()
    net.has("bob@corp.example", known)
    net.says(writes, "bob@corp.example", "hello, can you help me?", 10, seen_by="bob@corp.example")
    assert net.found("impersonation")[0][:2] == (writes.lower(), rule)


@pytest.mark.parametrize(
    ("known", "writes"),
    [
        ("anna1@corp.example", "anna2@corp.example"),
        ("anna@corp.example", "hanna@corp.example"),
        ("alice@gmail.com", "alice@ymail.com"),
        ("catherine@corp.example", "catherine2@corp.example"),
        ("bob.support@corp.example", "support@corp.example"),
        ("user10@corp.example", "user11@corp.example"),
        ("martin.schmidt@corp.example", "martina.weber@corp.example"),
    ],
)
def test_names_of_their_own(known, writes):
    net = Network()
    net.has("bob@corp.example", known)
    net.says(writes, "bob@corp.example", "hello", 10, seen_by="bob@corp.example")
    assert net.found("impersonation") == []


def test_two_contacts_may_look_alike():
    net = Network()
    net.has("bob@corp.example", "paul@corp.example")
    net.has("bob@corp.example", "pau1@corp.example", 1)
    net.says("pau1@corp.example", "bob@corp.example", "hello", 10, seen_by="bob@corp.example")
    assert net.found("impersonation") == []


@pytest.mark.parametrize(
    ("name", "fires"), [("MSN_Support", 1), ("AOL Billing Team", 1), ("supportive1", 0), ("mike", 0)]
)
def test_a_name_as_if_it_were_the_service(name, fires):
    net = Network(service="oscar")
    net.says(name, "bob", "hello", 10, seen_by="bob")
    assert [rule for _, rule, _ in net.found("impersonation")] == ["name.office"] * fires


def test_many_accounts_on_a_host():
    net = Network()
    for at, account in enumerate(people(5)):
        net.logs_in(account, "10.0.0.77", at)
        net.logs_in(account, "10.0.0.77", at + 0.5)
        net.logs_in(account, f"10.0.2.{at}", at)
    assert net.found("many-accounts") == [("10.0.0.77", "host.accounts", Severity.LOW)] * 2
    net.policy = Policy(conduct=Conduct(shared_hosts=["10.0.0.64/26"]))
    assert net.found("many-accounts") == []
    net.policy = Policy(conduct=Conduct(accounts_per_host=5))
    assert net.found("many-accounts") == []


def stalk(net, hours=4, answer=None):
    for number in range(40):
        at = number * hours * 90
        net.says("creep@corp.example", "victim@corp.example", f"where are you {number}", at)
        net.says(
            "creep@corp.example", "victim@corp.example", f"where are you {number}", at, seen_by="victim@corp.example"
        )
        if number == answer:
            net.says("victim@corp.example", "creep@corp.example", "busy", at + 1)
            net.says("victim@corp.example", "creep@corp.example", "busy", at + 1, seen_by="victim@corp.example")


def test_one_who_is_never_answered():
    net = Network()
    stalk(net)
    assert net.found("policy-violation") == [("creep@corp.example", "conduct.unanswered", Severity.MEDIUM)]


@pytest.mark.parametrize("how", [{"hours": 1}, {"answer": 20}])
def test_who_is_answered_or_writes_at_once_is_no_stalker(how):
    net = Network()
    stalk(net, **how)
    assert net.found("policy-violation") == []


def test_a_secret_that_was_asked_for_and_given():
    net = Network()
    net.says("eve@corp.example", "bob@corp.example", "this is IT, send me your password", 0)
    net.says("bob@corp.example", "eve@corp.example", "my password is hunter22", 60)
    assert net.found("social-engineering") == [("eve@corp.example", "talk.given", Severity.CRITICAL)]
    net = Network()
    net.says("bob@corp.example", "eve@corp.example", "my password is hunter22", 60)
    assert net.found("social-engineering") == []


@pytest.mark.parametrize("seed", range(3))
def test_any_number_of_workers_in_any_order_finds_the_same(seed):
    def run(workers, shuffled):
        net = Network(workers=workers)
        stalk(net)
        for at, friend in enumerate(people(6)):
            net.says("eve@corp.example", friend, LURE, at * 3)
            net.says("eve@corp.example", friend, LURE, at * 3, seen_by=friend)
            net.has("bob@corp.example", friend, at)
        net.says("userа@corp.example", "bob@corp.example", "hi there", 100, seen_by="bob@corp.example")
        if shuffled:
            random.Random(seed).shuffle(net.observed)
        across = CrossFlowDetectors()
        early = [] if shuffled else [one for seen in net.observed for one in across.take(seen)]
        for seen in net.observed if shuffled else ():
            across._waiting.append(
                (seen.ts, seen.capture, seen.frame, seen.id, seen.detector, len(across._waiting), seen)
            )
        across._waiting.sort()
        return sorted((one.finding.key, one.rule, one.ts) for one in [*early, *across.finish()])

    one = run(1, False)
    assert {rule for _, rule, _ in one} >= {"worm.link", "name.confusable"}
    assert sorted(run(3, True)) == sorted(run(1, True))
