"""Identifiers made of the traffic itself: the same traffic has the same ones in whatever file it is found."""

from __future__ import annotations

import socket
from base64 import b64encode
from hashlib import blake2b, sha1
from ipaddress import ip_address


def identifier(*parts: object) -> str:
    """16 hex digits that depend on nothing but the parts."""
    return hashed(*parts).hexdigest()


def hashed(*parts: object) -> blake2b:
    return blake2b("\x1f".join(map(str, parts)).encode("utf-8", "surrogatepass"), digest_size=8)


def community_id(source: tuple[str, int], target: tuple[str, int], protocol: int) -> str:
    """The flow's Community ID, version 1, seed 0 (github.com/corelight/community-id-spec): joins our sessions with what
    Zeek, Suricata or Arkime say of the same flow."""
    ends = sorted((ip_address(ip).packed, port) for ip, port in (source, target))
    (low, low_port), (high, high_port) = ends
    seed = socket.htons(0).to_bytes(2, "big")
    ports = low_port.to_bytes(2, "big") + high_port.to_bytes(2, "big")
    digest = sha1(seed + low + high + bytes((protocol, 0)) + ports, usedforsecurity=False)
    return "1:" + b64encode(digest.digest()).decode("ascii")
