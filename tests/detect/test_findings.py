import pytest

from imsniff.base.limits import MAX_EVIDENCE
from imsniff.base.records import Severity
from imsniff.base.risks import RISKS, Risk
from imsniff.detect import Aggregate, Detectors
from imsniff.detect.finding import finding_id, key_of
from imsniff.policy.policy import Policy
from imsniff.policy.rule import Rule
from made import exposure, login, message, session, transfer

CONTRACT = """
rogue-im odd-port tunnelled-im cleartext-credential token-exposed cleartext-messages peer-address-exposed file-transfer
risky-file malicious-link worm-propagation account-shared many-accounts impersonation social-engineering
sensitive-content inappropriate-language copyright-media unrecorded-channel policy-violation
"""


def found(record, of=None, policy=None, wire=""):
    return list(Detectors(policy).on_record(of or session(), record, wire))


def test_the_risks_are_those_of_the_contract_and_each_is_described():
    assert [*Risk] == CONTRACT.split()
    assert set(RISKS) == set(Risk)
    for about in RISKS.values():
        assert about.title
        assert about.remedy.endswith(".")
        assert about.fear.endswith("?")


def test_every_session_is_rogue_unless_allowed():
    detectors = Detectors()
    (seen,) = detectors.on_session(session(account="Alice@example.org/home"))
    finding = seen.finding
    assert (finding.risk, finding.subject, finding.host) == ("rogue-im", "alice@example.org", "10.0.0.21")
    assert finding.key == "rogue-im|alice@example.org|jabber|10.0.0.10:5222"
    assert seen.id == finding.id == finding_id(finding.key)
    assert seen.rule == "xmpp.stream"
    (unnamed,) = detectors.on_session(session())
    assert unnamed.finding.subject == "10.0.0.21"


def test_a_session_reported_early_and_again_at_its_end_counts_once():
    detectors, one = Detectors(), session(account="alice@example.org")
    assert len(list(detectors.on_session(one))) == 1
    assert not list(detectors.on_session(one))


def test_the_host_is_the_inside_one():
    (seen,) = Detectors().on_session(session(client_ip="198.51.100.7", server_ip="10.0.0.10"))
    assert seen.finding.host == "10.0.0.10"
    (seen,) = Detectors().on_session(session(client_ip="198.51.100.7", server_ip="203.0.113.1"))
    assert seen.finding.host == "198.51.100.7"


def test_an_odd_port_needs_an_identification():
    risks = {
        seen.finding.risk: seen.finding for seen in Detectors().on_session(session(odd_port=True, server_port=443))
    }
    assert risks["odd-port"].subject == "10.0.0.10:443"
    risks = {seen.finding.risk for seen in Detectors().on_session(session(odd_port=True, confidence="host"))}
    assert risks == {"rogue-im"}


@pytest.mark.parametrize(
    ("grade", "risk", "severity"),
    [
        ("cleartext", "cleartext-credential", "high"),
        ("reversible", "cleartext-credential", "high"),
        ("crackable", "cleartext-credential", "medium"),
        ("token", "token-exposed", "medium"),
    ],
)
def test_what_a_login_gives_away(grade, risk, severity):
    (seen,) = found(login(grade=grade, secret="Wond3rland!"), wire="PASS <11 characters masked>")
    finding, shown = seen.finding, seen.excerpt
    assert (finding.risk, finding.severity, finding.subject) == (risk, severity, "alice@example.org")
    assert "Wond3rland" not in shown
    assert "11 characters" in shown
    assert "masked" in shown


def test_a_protected_login_is_no_finding():
    assert not found(login(grade="protected"))


def test_a_conversation_is_one_finding_both_ways():
    aggregate, detectors, one = Aggregate(), Detectors(), session()
    for number in range(1000):
        ends = ("alice@example.org/work", "Bob@example.org")
        sender, recipient = ends if number % 2 else reversed(ends)
        for seen in detectors.on_record(one, message(one, sender=sender, recipient=recipient)):
            aggregate.add(seen)
    (finding,) = aggregate.findings()
    assert finding.count == 1000
    assert finding.subject == "alice@example.org ↔ bob@example.org"
    assert len(finding.evidence) == MAX_EVIDENCE


def test_words_are_shown_only_where_they_are_kept():
    (seen,) = found(message(), wire="the words")
    assert "words" not in seen.excerpt
    (seen,) = found(message(text="the words"), wire="the words")
    assert "the words" in seen.excerpt


def test_an_encrypted_conversation_is_no_finding():
    assert not found(message(), of=session(encryption="tls"))


def test_addresses_inside_weigh_more_and_nothing_is_skipped():
    (inside,) = (seen.finding for seen in found(exposure(ip="10.9.9.9")))
    assert (inside.severity, inside.host) == ("medium", "10.9.9.9")
    (outside,) = (seen.finding for seen in found(exposure(ip="198.51.100.7", internal=False, account=None)))
    assert (outside.severity, outside.subject, outside.host) == ("low", "198.51.100.7", "10.0.0.21")


def test_a_file_is_one_finding_however_far_it_comes():
    aggregate, one = Aggregate(), session(protocol="oscar")
    other = session(protocol="oft")
    for of, state in ((one, "offered"), (one, "accepted"), (other, "completed")):
        for seen in found(transfer(of, state=state, sender="Alice A"), of=of):
            aggregate.add(seen)
    (finding,) = aggregate.findings()
    assert (finding.count, finding.subject) == (3, "holiday.txt from alicea")
    assert not found(transfer(state="cancelled"))


def test_a_merged_finding_keeps_the_worst_severity_and_the_first_evidence():
    aggregate = Aggregate()
    late = found(login(seconds=9, grade="cleartext"))[0]
    early = found(login(seconds=1, grade="crackable"))[0]
    for seen in (late, early):
        aggregate.add(seen)
    (finding,) = aggregate.findings()
    assert finding.severity is Severity.HIGH
    assert (finding.ts, finding.frame, finding.first_seen, finding.last_seen) == (
        early.ts,
        early.frame,
        early.ts,
        late.ts,
    )


def test_the_same_record_counts_once_and_a_flood_is_capped(monkeypatch):
    aggregate, seen = Aggregate(), found(login())[0]
    assert aggregate.add(seen)
    assert aggregate.add(seen) is None
    monkeypatch.setattr("imsniff.detect.merge.MAX_FINDINGS", 2)
    for number in range(5):
        aggregate.add(found(login(account=f"user{number}"))[0])
    assert len(aggregate.findings()) == 2
    assert aggregate.suppressed == 4


def test_keys_are_one_to_one():
    assert key_of("a", "b|c", "d", "e") != key_of("a", "b", "c|d", "e")
    assert key_of("a", "%7C", "d", "e") != key_of("a", "|", "d", "e")
    assert key_of("rogue-im", "Jürgen ↔ x", "h", "s").isascii()


def test_the_policy_rules_severity_and_allowance():
    policy = Policy(
        severity={"rogue-im": Severity.CRITICAL},
        off=frozenset({"file-transfer"}),
        allow=(Rule(name="ours", protocol="xmpp", server="10.0.0.0/24"),),
        deny=(Rule(name="no irc", protocol="irc"),),
        ports={"sip": frozenset({5999})},
    )
    detectors = Detectors(policy)
    assert not list(detectors.on_session(session(odd_port=True)))
    assert not list(detectors.on_record(session(), transfer()))
    risks = {seen.finding.risk: seen for seen in detectors.on_session(session(protocol="irc", service="irc"))}
    assert risks["rogue-im"].finding.severity == "critical"
    assert risks["policy-violation"].rule == "policy.no irc"
    seen = detectors.on_session(session(protocol="sip", odd_port=True, server_port=5999))
    risks = {one.finding.risk for one in seen}
    assert risks == {"rogue-im"}
