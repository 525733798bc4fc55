"""What is inside: asked of packed addresses at the gate, and of texts everywhere else."""

from ipaddress import ip_address

from hypothesis import given
from hypothesis import strategies as st

from imsniff.base.addresses import at_port, is_inside, is_internal

EDGES = ("10.0.0.0", "100.63.0.0", "100.64.0.0", "100.127.0.0", "100.128.0.0", "169.254.0.0", "172.15.0.0")
MORE = ("172.16.0.0", "172.31.0.0", "172.32.0.0", "192.168.0.0", "192.169.0.0", "fbff::", "fc00::", "fdff::", "fec0::")


@given(st.ip_addresses() | st.sampled_from([ip_address(one) for one in (*EDGES, *MORE, "fe80::1", "febf::1")]))
def test_packed_and_written_addresses_are_judged_alike(ip):
    assert is_inside(ip.packed) is is_internal(str(ip))


def test_an_address_with_its_port():
    assert at_port("10.0.0.1", 5222) == "10.0.0.1:5222"
    assert at_port("2001:db8::1", 5222) == "[2001:db8::1]:5222"
