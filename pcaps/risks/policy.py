"""Under the policy beside it: IRC is forbidden and the trader's Jabber is not recorded."""

from __future__ import annotations

from people import Person
from tcpflow import Capture

capture = Capture(__file__)
irc = capture.flow(("10.79.0.61", 41000), ("203.0.113.66", 6667))
irc.client("NICK lurker\r\nUSER lurker 0 * :lurker\r\n").server(":irc.example.net 001 lurker :Welcome\r\n")
irc.client("PRIVMSG mate :anybody home?\r\n")
irc.close()
trader = Person(capture, "trader", 70)
trader.writes("broker", "take the other side of the Thursday block, as discussed")
trader.flow.close()
clerk = Person(capture, "clerk", 62)
clerk.writes("anna", "the office Jabber is approved, so nobody minds")
clerk.flow.close()
