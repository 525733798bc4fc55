"""Signature files: what is read, what overrides what, and that every fault is told with its place, all at once."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from imsniff.rules.loader import SignatureSet, load, packaged_directory
from imsniff.rules.located import Lines, SignatureError

RULE = """
[[payload]]
id = "test.hello"
description = "A greeting"
side = "client"
transport = ["tcp"]
pattern = 'HELLO \\d{1,3}\\r\\n'
example = ["HELLO 12\\r\\n"]
not = ["HELLO twelve\\r\\n"]
"""
LOOK_AROUND = "look-around is not in the common language, at character 7 of the pattern"
HEAD = 'version = 1\nprotocol = "test"\n'
PORTS = """
version = 1
known = [80]
[ports]
test = { tcp = [700], tls = [701], udp = [702], http = [703] }
peer = { any = true }
"""
SERVICE = """
[[service]]
id = "acme"
name = "Acme"
category = "consumer-im"
suffix = ["acme.example"]
networks = ["192.0.2.0/24"]
stun_attributes = [0x4001]
since = 2026-11-01
"""


def directory(root: Path, **files: str) -> Path:
    """`payload_x` stands for payload/x.toml."""
    for name, text in files.items():
        path = root / (name.replace("_", "/") + ".toml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def read(tmp_path: Path, extra: Path | None = None, **files: str) -> SignatureSet:
    files.setdefault("ports", PORTS)
    return load(extra, base=directory(tmp_path / "base", **files), user=tmp_path / "nothing")


def faults(tmp_path: Path, **files: str) -> list[str]:
    with pytest.raises(SignatureError) as caught:
        read(tmp_path, **files)
    return [str(fault).replace(f"{tmp_path}/base/", "") for fault in caught.value.faults]


def test_what_is_read(tmp_path):
    found = read(tmp_path, payload_test=HEAD + RULE, services_acme="version = 1\n" + SERVICE)
    (rule,) = found.payload
    assert (rule.id, rule.protocol, rule.side, rule.strong) == ("test.hello", "test", "client", False)
    assert rule.transport == {"tcp"}
    assert found.rule("test.hello") is rule
    assert found.rule("test.other") is None
    assert list(found.of_protocol("test")) == [rule]
    assert str(rule.place).endswith("payload/test.toml:4")
    assert len(found.sha256) == 64
    assert pickle.loads(pickle.dumps(found)).payload == found.payload


def test_every_fault_is_told_at_once(tmp_path):
    bad = RULE.replace("client", "clint").replace("pattern =", "patern =")
    worse = RULE.replace("test.hello", "test.two").replace("HELLO \\d{1,3}", "HELLO (?=x)")
    assert faults(
        tmp_path, payload_test=HEAD + bad + worse, payload_other="version = 1\nprotocol = \n", services_a="version = 2"
    ) == [
        "payload/other.toml:2: not TOML: invalid value",
        "payload/test.toml:7: payload[0].side: invalid enum value 'clint'",
        "payload/test.toml:9: payload[0].patern: object contains unknown field `patern`",
        f"payload/test.toml:18: payload[1].pattern: {LOOK_AROUND}",
        "services/a.toml:1: version: this program reads version 1, the file has 2",
    ]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("HELLO 12\\r", "HELLO\\r", "payload/test.toml:10: payload[0].example: does not match: b'HELLO\\r\\n'"),
        ("HELLO twelve\\r", "HELLO 1\\r", "payload/test.toml:11: payload[0].not: matches: b'HELLO 1\\r\\n'"),
        ('example = ["HELLO 12\\r\\n"]', "", "no `example` and no `example_hex`"),
        ('example = ["HELLO 12\\r\\n"]', 'example_hex = ["48 4"]', "payload[0].example_hex: non-hex"),
        ('["HELLO 12\\r\\n"]', '["HELLO 12\\r\\n€"]', "above U+00FF"),
        ('["tcp"]', "[]", "payload[0].transport"),
        ('["tcp"]', '["tcp", "tcp"]', "the same transport twice"),
        ('["tcp"]', '["sctp"]', "payload[0].transport: invalid enum value 'sctp'"),
        ("'HELLO \\d{1,3}\\r\\n'", "'HELLO \\d{1,3}\\r\\n$'", "`$` needs a datagram"),
        ("'HELLO \\d{1,3}\\r\\n'", "'.*'", "matches the empty string"),
        ("pattern =", "hex =", "payload[0].hex: not a byte"),
        ("pattern =", "hex = '48'\npattern =", "either `pattern` or `hex`"),
        ("side =", "within = 3\nside =", "it can never match"),
        ("side =", "within = 0\nside =", "payload[0].within"),
        ("side =", 'reverse = ["test.nobody"]\nside =', "no rule is called 'test.nobody'"),
        ('"test.hello"', '"Hello"', "payload[0].id"),
        ('description = "A greeting"', "", "missing required field `description`"),
        ("side =", "strong = 1\nside =", "payload[0].strong: expected `bool`"),
        ("side =", 'reference = ["book"]\nside =', "payload[0].reference"),
        ('protocol = "test"', "", "protocol: the dissector to attach is missing"),
        ('protocol = "test"', 'protocol = "test"\nprotocols = 1', "payload/test.toml:3: protocols: unknown key"),
        ("[[payload]]", "[payload]", "payload/test.toml:4: payload: expected an array"),
    ],
)
def test_each_fault_has_its_place(tmp_path, before, after, told):
    text = HEAD + RULE
    assert before in text
    found = faults(tmp_path, payload_test=text.replace(before, after, 1))
    assert any(told in fault for fault in found), found


def test_an_id_stands_once_in_a_directory(tmp_path):
    found = faults(tmp_path, payload_a=HEAD + RULE, payload_b=HEAD + RULE)
    assert len(found) == 1
    assert "payload/b.toml:5: payload[0].id: 'test.hello' is already used at" in found[0]
    assert found[0].endswith("payload/a.toml:4")


def test_a_stronger_directory_adds_and_overrides_by_id(tmp_path):
    own = directory(
        tmp_path / "own",
        payload_mine=HEAD
        + RULE.replace("A greeting", "Mine")
        + RULE.replace("test.hello", "test.more").replace("HELLO", "MORE"),
        ports="version = 1\n[ports]\ntest = { tcp = [7000] }\n",
    )
    second = RULE.replace("test.hello", "test.second")
    found = read(tmp_path, own, payload_test=HEAD + RULE + second)
    assert [rule.id for rule in found.payload] == ["test.hello", "test.second", "test.more"]
    assert found.payload[0].entry.description == "Mine"
    assert found.ports.normal("test", "tcp") == {7000}
    assert found.ports.odd("peer", "tcp", 5) is False
    assert found.directories == (tmp_path / "base", own)
    assert found.sha256 != read(tmp_path).sha256


def test_the_users_own_directory_comes_between(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    own = directory(tmp_path / "imsniff/signatures", payload_mine=HEAD + RULE)
    found = load(base=directory(tmp_path / "base", ports=PORTS))
    assert found.directories == (tmp_path / "base", own)
    assert [rule.id for rule in found.payload] == ["test.hello"]


def test_a_file_in_the_wrong_place_is_told_and_not_ignored(tmp_path):
    assert "belongs nowhere" in faults(tmp_path, mine=HEAD + RULE)[0]
    with pytest.raises(SignatureError, match="no such directory"):
        load(tmp_path / "missing", base=directory(tmp_path / "good", ports=PORTS), user=tmp_path / "nothing")


def test_a_policy_beside_the_signatures_is_not_ours(tmp_path):
    read(tmp_path, **{"policy.example": "x = 1"})


def test_the_hash_is_of_the_meaning(tmp_path):
    plain = read(tmp_path / "a", payload_test=HEAD + RULE)
    commented = read(tmp_path / "b", payload_test="# words\r\n" + (HEAD + RULE).replace("\n", "\r\n"))
    changed = read(tmp_path / "c", payload_test=HEAD + RULE.replace("{1,3}", "{1,4}"))
    assert plain.sha256 == commented.sha256 != changed.sha256


def test_text_is_bytes_one_character_each(tmp_path):
    rule = RULE.replace("'HELLO \\d{1,3}\\r\\n'", "'H\\xc0\\x80'").replace("HELLO 12\\r\\n", "H\\u00c0\\u0080")
    assert read(tmp_path, payload_test=HEAD + rule).payload[0].examples == (b"H\xc0\x80",)


def test_a_broken_file_of_any_kind_is_told(tmp_path):
    (tmp_path / "base" / "payload").mkdir(parents=True)
    (tmp_path / "base" / "payload" / "latin.toml").write_bytes(b"# \xe9\n")
    found = faults(tmp_path, ports="version = 1\n[ports]\ntest = { tcp = [0, 70000] }\n")
    assert "utf-8" in found[0]
    assert found[1].startswith("ports.toml:3: ports.test.tcp: ")


def test_ports_are_checked(tmp_path):
    told = faults(tmp_path, ports="version = 1\nknown = [0]\n[ports]\nirc = 6667\nsip = { tpc = [1] }\n")
    assert [": ".join(fault.split(": ")[:2]) for fault in told] == [
        "ports.toml:2: known",
        "ports.toml:4: ports.irc",
        "ports.toml:5: ports.sip.tpc",
    ]


# --- services and ports -----------------------------------------------------------------------------------------------


def test_a_suffix_fits_label_by_label(tmp_path):
    services = read(tmp_path, services_a="version = 1\n" + SERVICE).services
    for host in ("acme.example", "e1.Acme.Example", "a.b.acme.example."):
        assert services.of_host(host, "sni").entry.id == "acme"
    for host in ("notacme.example", "acme.example.org", "example", "", ".", "a" * 300 + ".acme.example"):
        assert services.of_host(host, "sni") is None
    assert services.of_host("acme.example", "stun-realm") is None


def test_the_longest_suffix_wins(tmp_path):
    inner = SERVICE.replace('"acme"', '"inner"').replace('["acme.example"]', '["chat.acme.example"]')
    services = read(tmp_path, services_a="version = 1\n" + SERVICE + inner).services
    assert services.of_host("x.chat.acme.example", "sni").entry.id == "inner"
    assert services.of_host("x.acme.example", "sni").entry.id == "acme"


def test_addresses_and_stun(tmp_path):
    services = read(tmp_path, services_a="version = 1\n" + SERVICE).services
    assert services.of_address("192.0.2.77").entry.id == "acme"
    assert services.of_address("192.0.3.77") is None
    assert services.of_address("2001:db8::1") is None
    assert services.of_stun(1, [6, 0x4001]).entry.id == "acme"
    assert services.of_stun(0x4001, [6]) is None


def test_two_services_cannot_own_one_suffix(tmp_path):
    twin = SERVICE.replace('"acme"', '"twin"')
    (found,) = faults(tmp_path, services_a="version = 1\n" + SERVICE + twin)
    assert "twin.suffix: acme.example is already acme's" in found


def test_services_are_checked(tmp_path):
    bad = SERVICE.replace("192.0.2.0/24", "192.0.2.1/24").replace("acme.example", "*.acme.example")
    opening = '[[opening]]\nservice = "nobody"\n' + RULE.replace("[[payload]]", "")
    told = faults(tmp_path, services_a="version = 1\n" + bad + opening)
    assert [": ".join(fault.split(": ")[:2]) for fault in told] == [
        "services/a.toml:7: service[0].suffix",
        "services/a.toml:11: test.hello.service",
    ]
    told = faults(tmp_path, services_a="version = 1\n" + SERVICE.replace("192.0.2.0/24", "192.0.2.1/24") + opening)
    assert [": ".join(fault.split(": ")[:2]) for fault in told] == [
        "services/a.toml:8: service[0].networks",
        "services/a.toml:11: test.hello.service",
    ]


def test_an_opening_names_its_service(tmp_path):
    opening = '[[opening]]\nservice = "acme"\n' + RULE.replace("[[payload]]", "")
    (rule,) = read(tmp_path, services_a="version = 1\n" + SERVICE + opening).openings
    assert (rule.protocol, rule.service) == ("encrypted", "acme")


@pytest.mark.parametrize(
    ("arguments", "odd"),
    [
        (("test", "tcp", 700), False),
        (("test", "udp", 700), True),
        (("test", "udp", 702), False),
        (("test", "tcp", 701), True),
        (("nobody", "tcp", 5), False),
        (("peer", "tcp", 5), False),
        (("test", "tcp", 40000, 700), True),
    ],
)
def test_odd_ports(tmp_path, arguments, odd):
    assert read(tmp_path).ports.odd(*arguments) is odd


def test_what_is_odd_depends_on_what_was_seen(tmp_path):
    ports = read(tmp_path).ports
    assert ports.odd("test", "tcp", 40000, 700, sure=False) is False
    assert ports.odd("test", "tcp", 701, encrypted=True) is False
    assert ports.odd("test", "tcp", 703, http=True) is False
    assert ports.servers == {80, 700, 701, 702, 703}


# --- lines ------------------------------------------------------------------------------------------------------------


def test_lines_see_through_multi_line_values():
    lines = Lines(
        'a = """\n[[payload]]\nb = 1\n"""\n[[payload]]\nlist = [\n  "[x]",  # ]\n  \'id = 1\',\n]\n'
        "id = 1\n[[payload]]\nid = 2\n[ports]\n'x-y' = { tcp = [\n1] }\n[payload.sub]\nkey = 1\n"
    )
    assert lines["a"] == 1
    assert lines["payload[0].list"] == 6
    assert lines["payload[0].id"] == 10
    assert lines["payload[1].id"] == 12
    assert lines["payload[1].other"] == 11
    assert lines["ports.x-y.tcp"] == 14
    assert lines["payload.sub.key"] == 17
    assert lines["nowhere"] == 0


# --- what is shipped --------------------------------------------------------------------------------------------------


def test_the_shipped_set_loads():
    found = load(user=Path("/nonexistent"))
    assert found.directories == (packaged_directory(),)
    assert {"oscar", "msnp", "ymsg", "sip", "xmpp", "irc"} <= set(found.ports.entries)
    assert len(found.services.all) > 40
    assert found.services.of_host("mmg.whatsapp.net", "quic").entry.id == "whatsapp"
