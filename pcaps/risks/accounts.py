"""An account on three hosts, a host with five accounts, and one whose name is a contact's but for a Cyrillic letter."""

from __future__ import annotations

from people import Person
from tcpflow import Capture

capture = Capture(__file__)
people = [Person(capture, "hotline", host) for host in (31, 32, 33)]
people += [Person(capture, f"mask{name}", 34, 40001 + number) for number, name in enumerate("abcde")]
anna = Person(capture, "anna", 35).knows("paula.stein", "karl")
anna.hears("paula.stein", "lunch at one?").hears("p\u0430ula.stein", "are you at your desk? I need a favour")
for one in (*people, anna):
    one.flow.close()
