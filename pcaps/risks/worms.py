"""A worm of links as Aplore was, which one of those who got it sends on; and a worm of files."""

from __future__ import annotations

from people import Person
from tcpflow import Capture

LURE = "I wanted to show you this http://198.51.100.66:8180/psecure20x-cgi-install.version6.01.bin.scr"
FRIENDS = ("anna", "bert", "cleo", "dirk", "emil", "fred")

capture = Capture(__file__)
eve = Person(capture, "eve", 21)
for friend in FRIENDS:
    eve.writes(friend, LURE)
bert = Person(capture, "bert", 22).hears("eve", LURE)
for friend in ("gina", "hans", "ines"):
    bert.writes(friend, LURE)
karl = Person(capture, "karl", 23)
for friend in FRIENDS:
    karl.offers(friend, "ShootPresidentBUSH.exe", 81_920)
for one in (eve, bert, karl):
    one.flow.close()
