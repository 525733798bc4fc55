import pickle
from contextlib import suppress
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imsniff.net.flow_filter import Ends, Filter, FilterError


def ends(transport="tcp", a="10.0.0.1", b="192.0.2.7", ports=(40000, 5190)):
    return Ends(transport, (ip_address(a).packed, ip_address(b).packed), ports)


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("tcp", True),
        ("udp", False),
        ("host 192.0.2.7", True),
        ("host 192.0.2.8", False),
        ("net 10.0.0.0/8", True),
        ("net 2001:db8::/32", False),
        ("port 5190", True),
        ("tcp port 5190", True),
        ("udp port 5190", False),
        ("portrange 5190-5193", True),
        ("port 1 or 5190", True),
        ("not port 5190", False),
        ("not (udp or port 80)", True),
        ("tcp and not host 10.0.0.1", False),
        ("udp or port 5190 and host 10.0.0.9", False),
        ("!udp && (port 1 || port 5190)", True),
        ("ip", True),
        ("ip6", False),
        ("", None),
        ("port", None),
        ("port 70000", None),
        ("port " + "9" * 500, None),
        ("host nonsense", None),
        ("src port 5190", None),
        ("(tcp", None),
        ("tcp)", None),
        ("tcp and", None),
        ("5190", None),
        ("nonsense", None),
        ("(" * 2000, None),
    ],
)
def test_filters(text, passes):
    if passes is None:
        with pytest.raises(FilterError):
            Filter.parse(text)
    else:
        assert Filter.parse(text).passes(ends()) is passes
        assert pickle.loads(pickle.dumps(Filter.parse(text))).passes(ends()) is passes


def test_both_directions_and_address_families():
    assert Filter.parse("port 5190").passes(ends(ports=(5190, 40000)))
    six = ends(a="2001:db8::1", b="2001:db8::2")
    assert Filter.parse("ip6 and net 2001:db8::/32").passes(six)
    assert not Filter.parse("net 0.0.0.0/0").passes(six)


@given(st.text(alphabet="()!&| tcpudhosn0123456789./:-", max_size=60))
def test_anything_is_a_filter_or_an_error(text):
    with suppress(FilterError):
        Filter.parse(text).passes(ends())
