import pytest

from imsniff.detect import Detectors
from imsniff.policy.effect import sentences
from imsniff.policy.file import PolicyError, load
from imsniff.rules.loader import load as load_signatures
from imsniff.rules.loader import packaged_directory
from made import message, session


def read(tmp_path, text):
    file = tmp_path / "policy.toml"
    file.write_text(text)
    return load(file)


def test_a_good_policy(tmp_path):
    policy = read(
        tmp_path,
        """
        version = 1
        [severity]
        odd-port = "off"
        file-transfer = "high"
        [[allow]]
        name = "company Jabber"
        protocol = "xmpp"
        server = "10.0.0.10"
        until = 2027-01-01
        [ports]
        xmpp = [15222]
        """,
    )
    assert policy.off == {"odd-port"}
    assert policy.allows(session())
    assert not policy.allows(session(server_ip="10.0.0.11"))
    assert not policy.allows(session(first_seen="2027-01-02T00:00:00.000000Z"))
    assert policy.expects(session(server_ip="10.9.9.9", server_port=15222))


def test_every_fault_is_told_at_once(tmp_path):
    with pytest.raises(PolicyError) as caught:
        read(
            tmp_path,
            """
            version = 2
            [severity]
            rouge-im = "high"
            odd-port = "huge"
            [[allow]]
            name = "everything"
            [[allow]]
            name = "typo"
            server = "10.0.0.300"
            [ports]
            sip = [70000]
            """,
        )
    text = str(caught.value)
    for word in ("version", "rouge-im", "huge", "everything", "10.0.0.300", "70000"):
        assert word in text
    places = {(fault.line, fault.key) for fault in caught.value.faults}
    assert places >= {(2, "version"), (4, "severity.rouge-im"), (6, "allow[0]"), (10, "allow[1].server")}


def test_faults_of_form_and_of_meaning_are_told_together(tmp_path):
    with pytest.raises(PolicyError) as caught:
        read(
            tmp_path,
            """
            off = ["odd-port"]
            [severity]
            rogue-im = "hihg"
            file-transfer = 3
            [[allow]]
            name = "ours"
            protocl = "irc"
            [[allow]]
            protocol = 7
            [[deny]]
            name = "theirs"
            protocol = "irc"
            [[allow]]
            name = "ours too"
            protocol = "irc"
            [ports]
            irc = ["6667"]
            """,
        )
    shown = [(fault.line, fault.key, fault.message.partition(";")[0]) for fault in caught.value.faults]
    assert shown == [
        (0, "", "version is missing"),
        (2, "off", "unknown key"),
        (4, "severity.rogue-im", '"hihg" is none of info, low, medium, high, critical, off'),
        (5, "severity.file-transfer", "expected `str`, got `int`"),
        (6, "allow[0]", '"ours" names neither protocol nor server, so it would fit everything'),
        (8, "allow[0].protocl", "unknown key"),
        (9, "allow[1]", "name is missing: say what this is about"),
        (10, "allow[1].protocol", "expected `str | array | null`, got `int`"),
        (11, "deny[0]", '"theirs" contradicts allow[2]: both are about the same'),
        (18, "ports.irc[0]", "expected `int`, got `str`"),
    ]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("version = 1\n[[allow]]\nname='a'\nprotocol='irc'\n[[deny]]\nname='b'\nprotocol='irc'\n", "contradicts"),
        ("version = 1\n[[alow]]\nname='a'\n", "alow"),
        ("version = 1\n[[deny]]\nname='a'\nprotcol='irc'\n", ":4: deny[0].protcol: unknown key"),
        ("version = ", "not TOML"),
    ],
)
def test_a_bad_policy_is_refused_with_its_place(tmp_path, text, word):
    with pytest.raises(PolicyError, match=r"policy\.toml") as caught:
        read(tmp_path, text)
    assert word in str(caught.value)


def test_a_policy_that_is_not_there(tmp_path):
    with pytest.raises(PolicyError, match="No such file"):
        load(tmp_path / "none.toml")


def rules(tmp_path, text, names=frozenset()):
    file = tmp_path / "policy.toml"
    file.write_text("version = 1\n" + text)
    return load(file, names)


@pytest.mark.parametrize(
    ("scope", "fits", "misses"),
    [
        ('server = "10.0.0.10"', {}, {"server_ip": "10.0.0.11"}),
        ('server = ["192.0.2.1", "10.0.0.0/24"]', {}, {"server_ip": "10.0.1.1"}),
        ('server = "corp.example"', {"server_name": "im.corp.example"}, {"server_name": "evilcorp.example"}),
        ('client = "desk"', {"client_ip": "10.9.0.7"}, {"client_ip": "10.9.1.7"}),
        ('account = "*@corp.example"', {"account": "Ann@corp.example/home"}, {"account": "ann@other.example"}),
        ('account = "*@corp.example"', {"account": "ann@corp.example"}, {"account": None}),
        ('days = "sat-mon"', {"first_seen": "2026-11-22T10:00:00Z"}, {"first_seen": "2026-11-24T10:00:00Z"}),
        ('hours = "22:00-06:00"', {"first_seen": "2026-11-22T21:30:00Z"}, {"first_seen": "2026-11-22T20:30:00Z"}),
    ],
)
@pytest.mark.parametrize("kind", ["allow", "deny"])
def test_the_more_specific_rule_wins_whichever_it_is(tmp_path, kind, scope, fits, misses):
    wide, narrow = ("deny", "allow") if kind == "allow" else ("allow", "deny")
    policy = rules(
        tmp_path,
        f"""
        timezone = "Europe/Zurich"
        [groups]
        desk = ["10.9.0.0/24"]
        [[{wide}]]
        name = "wide"
        protocol = "xmpp"
        [[{narrow}]]
        name = "narrow"
        protocol = "xmpp"
        {scope}
        """,
    )
    assert policy.allows(session(**fits)) == (narrow == "allow")
    assert policy.allows(session(**misses)) == (wide == "allow")
    assert (policy.denies(session(**fits)) is not None) == (narrow == "deny")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('server = "10.0.0.0/24"', 'client = "10.9.0.0/24"'),
        ('server = "10.0.0.0/24"', 'server = "corp.example"'),
        ('account = "a*"', 'account = "*z"'),
        ('hours = "08:00-12:00"', 'hours = "10:00-14:00"'),
        ('days = "mon-wed"', 'hours = "10:00-14:00"'),
    ],
)
def test_rules_that_cross_are_refused_with_both_places(tmp_path, one, other):
    text = f'[[allow]]\nname = "a"\nprotocol = "xmpp"\n{one}\n[[deny]]\nname = "b"\nprotocol = "xmpp"\n{other}\n'
    with pytest.raises(PolicyError, match=r"6: deny\[0\].*contradicts allow\[0\].*narrow one"):
        rules(tmp_path, text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('server = "10.0.0.0/24"', 'server = "10.0.1.0/24"'),
        ('server = "a.example"', 'server = "b.example"'),
        ('account = "*@a.example"', 'account = "*@b.example"'),
        ('account = "ann"', 'account = "bob"'),
        ('hours = "08:00-12:00"', 'hours = "12:00-14:00"'),
        ('days = "mon"', 'days = "tue-fri"'),
    ],
)
def test_rules_with_nothing_in_common_stand_side_by_side(tmp_path, one, other):
    text = f'[[allow]]\nname = "a"\nprotocol = "xmpp"\n{one}\n[[deny]]\nname = "b"\nprotocol = "xmpp"\n{other}\n'
    assert len(rules(tmp_path, text).in_order) == 2


def test_a_service_is_wider_than_its_protocols(tmp_path):
    text = '[[deny]]\nname = "AIM"\nprotocol = "aim"\n[[allow]]\nname = "TOC"\nprotocol = "toc"\n'
    policy = rules(tmp_path, text)
    assert policy.allows(session(protocol="toc", service="aim"))
    assert policy.denies(session(protocol="oscar", service="aim"))


def test_what_nobody_knows_is_refused(tmp_path):
    text = """
        timezone = "Mars/Phobos"
        [groups]
        desk = ["10.9.0.0/33"]
        [[allow]]
        name = "typo"
        protocol = ["xmmp", "irc"]
        client = "desks"
        [[allow]]
        name = "never"
        protocol = "irc"
        hours = "8-18"
        [[allow]]
        name = "no day"
        protocol = "irc"
        days = "monday"
        [ports]
        jaber = [1]
        """
    with pytest.raises(PolicyError) as caught:
        rules(tmp_path, text, load_signatures().names)
    told = {fault.key: fault.message for fault in caught.value.faults}
    assert set(told) == {
        *("timezone", "groups.desk", "allow[0].protocol", "allow[0].client", "allow[1].hours", "allow[2].days"),
        "ports.jaber",
    }
    assert 'did you mean "xmpp"?' in told["allow[0].protocol"]
    assert "[groups]" in told["allow[0].client"]


def test_the_example_is_a_good_policy():
    policy = load(packaged_directory() / "policy.example.toml", load_signatures().names)
    assert [rule.name for rule, _ in policy.in_order][-1] != "support may use IRC"
    assert policy.allows(session(protocol="irc", client_ip="10.1.9.7", first_seen="2026-11-23T10:00:00Z"))
    assert policy.denies(session(protocol="irc", client_ip="10.1.9.7", first_seen="2026-11-22T10:00:00Z"))
    assert any(said.startswith("Forbidden: irc (no IRC)") for said in sentences(policy))


def test_files_that_are_bad_here(tmp_path):
    digest = "Ab" * 32
    policy = read(tmp_path, f'version = 1\n[files]\nbad_sha256 = ["{digest}"]\nlargest = 1000\n')
    assert policy.files.bad(digest.lower())
    assert not policy.files.bad(None)
    with pytest.raises(PolicyError) as caught:
        read(tmp_path, 'version = 1\n[files]\nbad_sha256 = ["abc"]\nlargest = 0\nlargset = 2\n')
    assert "largset" in str(caught.value)
    with pytest.raises(PolicyError) as caught:
        read(tmp_path, 'version = 1\n[files]\nbad_sha256 = ["abc"]\nlargest = 0\n')
    assert "bad_sha256[0]" in str(caught.value)
    assert "largest" in str(caught.value)


def test_links_that_lead_nowhere_good(tmp_path):
    (tmp_path / "bad.txt").write_text("# ours\nworse.example  # since May\n\nhttp://files.example/shared/\n")
    policy = read(tmp_path, 'version = 1\n[links]\nblocked = ["Evil.example"]\nlists = ["bad.txt"]\n')
    for host, path in (("evil.example", "/"), ("www.worse.example", ""), ("files.example", "/shared/x")):
        assert policy.blocked.entry(host, path)
    for host, path in (("notevil.example", "/"), ("example", "/"), ("files.example", "/other")):
        assert not policy.blocked.entry(host, path)
    detectors, of = Detectors(policy), session()
    said = detectors.read("see http://www.evil.example/x")
    found = detectors.on_record(of, message(of), "", said)
    assert [one.excerpt for one in found if one.rule == "link.blocked"] == [
        "leads to evil.example, which the policy blocks"
    ]
    with pytest.raises(PolicyError) as caught:
        read(tmp_path, 'version = 1\n[links]\nlists = ["none.txt"]\n')
    assert "none.txt" in str(caught.value)
