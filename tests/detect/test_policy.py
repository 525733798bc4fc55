import pytest

from imsniff.policy.policy import PolicyError, load
from made import session


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
        (10, "allow[1].protocol", "expected `str | null`, got `int`"),
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
