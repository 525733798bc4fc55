"""libpcap through scapy, as it is used elsewhere than on Linux."""

from __future__ import annotations

import pytest
from tests.capture.test_ring import Reader, chatter, ours
from tests.netns import needs

from imsniff.capture.errors import BadFilter, CannotCapture
from imsniff.capture.portable import Portable


def opened(name="lo", **how):
    needs()
    try:
        return Portable(name, **how)
    except CannotCapture as why:
        if "not installed" in str(why):
            pytest.skip(str(why))
        raise


def test_packets_are_seen():
    source = opened(expression="udp port 47003")
    try:
        chatter(20, port=47_003)
        reader = Reader(source)
        assert ours(reader.read(), 47_003) == [b"hello there"] * 20
        assert source.frames == source.losses().received == 20
        assert all(row[3] > 1_700_000_000 * 10**9 for _, row in reader.rows)
    finally:
        source.close()


def test_a_bad_filter_is_told():
    with pytest.raises(BadFilter, match="syntax error"):
        opened(expression="tcp porto 1")


def test_no_such_interface():
    with pytest.raises(CannotCapture, match="nothere9"):
        opened("nothere9")
