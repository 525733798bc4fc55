"""The benchmark's captures: the same bytes every time, packets that others accept, conversations that are found."""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from itertools import pairwise

import dpkt
import pytest
from bench.certificates import ISSUERS, chain
from bench.make_captures import make
from bench.names import HOSTS
from bench.office import BACKGROUND
from bench.quic import V1, V2, Keys
from bench.revision import file_name
from bench.run import verdict
from bench.talk import SPEECHES
from bench.wire import word_sum
from cryptography import x509

from imsniff.base.records import SessionRecord
from imsniff.capture.pcapfile import open_capture
from imsniff.pipeline import Options, Sensor
from imsniff.rules import loader

needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")


@pytest.fixture(scope="module")
def capture(tmp_path_factory):
    path = tmp_path_factory.mktemp("bench") / "office.pcap"
    return path, make(path, 6_000, 0.3)


@pytest.fixture(scope="module")
def background(tmp_path_factory):
    path = tmp_path_factory.mktemp("bench") / "background.pcap"
    return path, make(path, 40_000, 0)


def sessions(path):
    with open_capture(path) as capture:
        sensor = Sensor(Options(signatures=loader.load(None)), path.name)
        records = [record for batch in capture for record in sensor.read(batch)]
        records += sensor.finish()
    return Counter(record.protocol for record in records if isinstance(record, SessionRecord))


def fields(path, wanted, *names):
    """What tshark reads, a row a packet that has it."""
    command = ["tshark", "-r", str(path), "-Y", wanted, "-T", "fields"]
    command += [word for name in names for word in ("-e", name)]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    return [line.split("\t") for line in told.stdout.splitlines()]


def test_the_same_arguments_give_the_same_bytes(capture, tmp_path):
    again = tmp_path / "again.pcap"
    make(again, 6_000, 0.3)
    assert again.read_bytes() == capture[0].read_bytes()


def test_a_name_holds_what_the_bytes_depend_on():
    assert len({file_name(1, 0.5), file_name(2, 0.5), file_name(1, 0.05), file_name(1, 1, "irc")}) == 4


def checked(ip):
    """What the checksum of the packet's payload covers beside it, or None where there is none."""
    if isinstance(ip, dpkt.ip.IP):
        assert word_sum(bytes(ip)[:20]) == 0
        return b"" if ip.p == dpkt.ip.IP_PROTO_ICMP else ip.src + ip.dst + bytes((0, ip.p))
    return ip.src + ip.dst + bytes((0, ip.nxt))


@pytest.mark.parametrize("which", ["capture", "background"])
def test_times_never_go_back_and_checksums_are_right(which, request):
    path, about = request.getfixturevalue(which)
    last, seen = 0.0, Counter()
    with path.open("rb") as file:
        for number, (ts, frame) in enumerate(dpkt.pcap.Reader(file), 1):
            assert ts >= last
            last = ts
            link = dpkt.ethernet.Ethernet(frame)
            seen["tagged"] += bool(getattr(link, "vlan_tags", None))
            if isinstance(link.data, dpkt.arp.ARP):
                continue
            seen["v6"] += isinstance(link.data, dpkt.ip6.IP6)
            body = bytes(link.data.data)
            covered = checked(link.data)
            length = len(body) if covered else 0
            assert (word_sum(covered + body) + length) % 65535 == 0, number
    assert number == about["packets"]
    assert 0.005 < seen["v6"] / number < 0.2
    assert 0.005 < seen["tagged"] / number < 0.12


def test_what_it_says_it_holds_is_there(capture):
    path, about = capture
    assert about["bytes"] == path.stat().st_size
    assert about["packets"] == sum(about["packets_by_kind"].values()) == 6_000
    assert about["im_packets"] == sum(about["packets_by_kind"].get(name, 0) for name in SPEECHES)
    assert set(SPEECHES) <= set(about["flows"])
    assert 0.2 < about["im_packets"] / 6_000 < 0.35


def test_an_office_is_varied(background):
    _, about = background
    assert set(about["flows"]) > set(BACKGROUND) - {"dhcp", "imap", "kerberos", "ldap", "smb", "snmp", "ssh", "syslog"}
    assert 750 < about["mean_frame"] < 1_000
    assert 40 < about["packets"] / sum(about["flows"].values()) < 120


def test_every_conversation_is_found(capture):
    made = {name: count for name, count in capture[1]["flows"].items() if name in SPEECHES}
    assert verdict(made, sessions(capture[0])) == "found == made"


def test_nothing_is_found_where_nothing_is(background):
    assert not sessions(background[0])


def test_a_difference_is_told():
    assert verdict({"irc": 3, "sip": 1}, {"irc": 2, "sip": 1, "xmpp": 1}) == "WRONG: irc -1, xmpp +1"


@pytest.mark.parametrize("host", HOSTS[:20])
def test_certificates_can_be_read(host):
    shown = [x509.load_der_x509_certificate(one) for one in chain(host).certificates]
    assert len(shown) in (2, 3)
    names = shown[0].extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert host in names.get_values_for_type(x509.DNSName)
    assert all(one.issuer == issuer.subject for one, issuer in pairwise(shown))
    assert chain(host) is chain(host)


@pytest.mark.parametrize(
    ("version", "packet"),
    [
        # The server's Initial as RFC 9001 A.3 and RFC 9369 A.3 list it.
        (V1, "cf000000010008f067a5502a4262b5004075c0d95a482cd0991cd25b0aac406a5816b6394100f37a1c69797554780bb3"),
        (V2, "dc6b3343cf0008f067a5502a4262b5004075d92faaf16f05d8a4398c47089698baeea26b91eb761d9b89237bbf872630"),
    ],
)
def test_initials_are_protected_as_the_standards_show(version, packet):
    frames = bytes.fromhex(
        "02000000000600405a020000560303eefce7f7b37ba1d1632e96677825ddf739"
        "88cfc79825df566dc5430b9a045a1200130100002e00330024001d00209d3c94"
        "0d89690b84d08a60993c144eca684d1081287c834d5311bcf32bb9da1a002b00"
        "020304"
    )
    head = bytes((version.initial,)) + version.wire.to_bytes(4, "big") + bytes.fromhex("0008f067a5502a4262b500")
    keys = Keys(version, bytes.fromhex("8394c8f03e515708"), 1)
    assert keys.protected(head, 1, frames)[:48].hex() == packet


@needs_tshark
def test_tshark_finds_no_fault(background):
    assert fields(background[0], "_ws.malformed", "frame.number") == []
    assert fields(background[0], "icmp.checksum.status == 0", "frame.number") == []


@needs_tshark
def test_tshark_reads_certificates_and_both_kinds_of_hello(background):
    path, _ = background
    chains = fields(path, "tls.handshake.type == 11", "x509sat.uTF8String")
    assert len(chains) > 20
    assert all(any(issuer in names for issuer in ISSUERS) for (names,) in chains)
    hellos = fields(path, "tcp && tls.handshake.type == 1", "tls.handshake.extensions_server_name", "tcp.len")
    assert all(name for name, _ in hellos)
    assert len({name for name, _ in hellos}) > 50
    assert fields(path, "tls.handshake.type == 12", "frame.number")


@needs_tshark
def test_tshark_decrypts_quic(background):
    path, _ = background
    hellos = fields(path, "quic && tls.handshake.type == 1", "tls.handshake.extensions_server_name", "udp.stream")
    assert {name for name, _ in hellos} <= set(HOSTS)
    flows = {stream for (stream,) in fields(path, "udp.port == 443", "udp.stream")}
    assert len(flows) > 50
    assert {stream for _, stream in hellos} == flows
    assert fields(path, "quic && tls.handshake.type == 2", "frame.number")


@needs_tshark
def test_tshark_reads_dns(background):
    path, _ = background
    asked = fields(path, "udp.port == 53 && dns.flags.response == 0", "dns.qry.type")
    assert {"1", "28", "65", "12", "33"} <= {kind for (kind,) in asked}
    answers = fields(path, "dns.flags.response == 1", "dns.cname", "dns.flags.rcode", "tcp.port")
    assert any(alias for alias, _, _ in answers)
    assert {"0", "3"} <= {code for _, code, _ in answers}
    assert any(port for _, _, port in answers)
