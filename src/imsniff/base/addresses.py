"""Values that several floors of the house share: addresses, names, and the records of the contract."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

_INTERNAL = [
    ip_network(n)
    for n in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "169.254.0.0/16",
        "fc00::/7",
        "fe80::/10",
    )
]
"""RFC 1918, RFC 6598, link-local, and unique local IPv6: addresses that mean something only inside.
(`is_private` would also take in documentation and benchmark ranges.)"""


def address(value: str | bytes | int) -> str | None:
    """The canonical text of an address from text, 4 or 16 network-order bytes, or an IPv4 number.

    None where it names no host: malformed, unspecified, loopback, multicast, broadcast. An IPv4-mapped IPv6 address is
    given as IPv4; a zone (`fe80::1%eth0`) is dropped."""
    if isinstance(value, str):
        if len(value) > 64:
            return None
        value = value.strip("[] ").partition("%")[0]
    try:
        ip: IPv4Address | IPv6Address = ip_address(value)
    except ValueError:
        return None
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    if ip.is_unspecified or ip.is_loopback or ip.is_multicast or int(ip) == 0xFFFF_FFFF:
        return None
    return str(ip)


def at_port(ip: str, port: int) -> str:
    """`10.0.0.1:5222`, `[2001:db8::1]:5222`."""
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"


def _first_bytes(size: int) -> frozenset[bytes]:
    """The first two bytes of every address of `size` bytes in `_INTERNAL`: no prefix there is longer than 16 bits."""
    networks = [network for network in _INTERNAL if network.max_prefixlen == 8 * size]
    starts = (int.from_bytes(network.network_address.packed[:2], "big") for network in networks)
    return frozenset(
        (start + more).to_bytes(2, "big")
        for start, network in zip(starts, networks, strict=True)
        for more in range(1 << (16 - network.prefixlen))
    )


_INSIDE = {size: _first_bytes(size) for size in (4, 16)}


def is_inside(packed: bytes) -> bool:
    """The same as `is_internal` of 4 or 16 network-order bytes, for where it is asked of every flow."""
    return packed[:2] in _INSIDE[len(packed)]


def is_internal(text: str) -> bool:
    """Whether an address (as `address` gives it) belongs inside a company."""
    ip = ip_address(text)
    return any(ip in network for network in _INTERNAL if network.version == ip.version)
