"""Networks made for a test: two hosts, and a sensor on a span port that mirrors what they say. Needs root and Linux.

client ── veth ── server          everything that passes the server's end is mirrored by tc to ── veth ── sensor
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

_numbers = itertools.count()
_MIRROR = ("protocol", "all", "u32", "match", "u32", "0", "0", "action", "mirred", "egress", "mirror", "dev", "m0")
CLIENT, SERVER = "10.211.0.1", "10.211.0.2"


def needs(*tools):
    """Skips with a reason where a network cannot be made here."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        pytest.skip("needs root on Linux, to make network namespaces")
    if missing := [tool for tool in ("ip", *tools) if shutil.which(tool) is None]:
        pytest.skip(f"needs {', '.join(missing)}: apt install iproute2 tcpreplay libpcap0.8")


class Network:
    def __init__(self, name):
        self.client, self.server, self.sensor = (f"{name}{letter}" for letter in "abs")

    @staticmethod
    def within(namespace, *command, **how):
        """Runs a command in a namespace."""
        how = {"check": True, "capture_output": True, "timeout": 60, **how}
        return subprocess.run(["ip", "netns", "exec", namespace, *map(str, command)], **how)

    def replay(self, *captures, rate="-t"):
        """Sends captures out of the client's interface; how many packets went out."""
        self.within(self.client, "tcpreplay", "-q", *rate.split(), "-i", "c0", *captures)
        told = self.within(self.client, "cat", "/sys/class/net/c0/statistics/tx_packets")
        return int(told.stdout)


def _ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True)


@contextmanager
def network() -> Iterator[Network]:
    needs("tc")
    name = f"im{os.getpid()}n{next(_numbers)}"
    net = Network(name)
    made = []
    try:
        for namespace in (net.client, net.server, net.sensor):
            try:
                _ip("netns", "add", namespace)
            except subprocess.CalledProcessError as why:
                pytest.skip(f"network namespaces are not allowed here: {why.stderr.decode().strip()}")
            made.append(namespace)
            # no IPv6: its router solicitations would be packets nobody sent
            net.within(namespace, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1", check=False)
            net.within(namespace, "sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1", check=False)
            _ip("-n", namespace, "link", "set", "lo", "up")
        big = ("mtu", "65000")
        for namespace, here, there, other in (
            (net.client, "c0", "v0", net.server),
            (net.server, "m0", "span0", net.sensor),
        ):
            peer = ("peer", "name", there, *big, "netns", other)
            _ip("-n", namespace, "link", "add", here, *big, "type", "veth", *peer)
        _ip("-n", net.client, "addr", "add", f"{CLIENT}/24", "dev", "c0")
        _ip("-n", net.server, "addr", "add", f"{SERVER}/24", "dev", "v0")
        for namespace, interface in ((net.client, "c0"), (net.server, "v0"), (net.server, "m0"), (net.sensor, "span0")):
            _ip("-n", namespace, "link", "set", interface, "arp", "off" if interface in ("m0", "span0") else "on")
            _ip("-n", namespace, "link", "set", interface, "up")
        net.within(net.server, "tc", "qdisc", "add", "dev", "v0", "clsact")
        for way in "ingress", "egress":
            net.within(net.server, "tc", "filter", "add", "dev", "v0", way, *_MIRROR)
        yield net
    finally:
        for namespace in made:
            subprocess.run(["ip", "netns", "del", namespace], check=False, capture_output=True)
