"""The names an office's machines ask for and call themselves. All of them are reserved by RFC 2606 or RFC 6762."""

from __future__ import annotations

from random import Random

WORDS = ("amber", "basil", "cedar", "delta", "ember", "fjord", "grove", "haven", "inlet", "jetty", "knoll", "lagoon")
WORDS += ("maple", "nickel", "orchid", "poplar", "quartz", "raven", "sable", "tundra", "umber", "violet", "willow")
TRADES = ("media", "bank", "press", "cloud", "travel", "works", "parts", "health", "labs", "news")
_SITES = [f"{word}-{trade}.example" for word in WORDS for trade in TRADES]
_PARTS = ("www", "api", "static", "login", "img-cache.eu-west-1", "telemetry.svc")
HOSTS = [f"{part}.{site}" for site in _SITES for part in _PARTS]
HOSTS += [f"d{number * 2_654_435_761 % (1 << 40):010x}.edge.example.net" for number in range(400)]
HOSTS += [f"rr{number % 6}---sn-{number * 40_503 % 65_536:04x}n7.video.example.com" for number in range(200)]
Random(20_260_001).shuffle(HOSTS)
"""Some 2,000 servers on the Internet."""

DOMAIN = "corp.example"
"""The office's own."""
MACHINES = [f"{kind}-{word}{number}" for kind in ("pc", "nb", "prn") for word in WORDS for number in (1, 2)]


def host(dice: Random) -> str:
    """A few are asked for very often, most now and then."""
    return HOSTS[int(len(HOSTS) * dice.random() ** 3)]
