"""A password asked for in the name of the helpdesk and given, a card and a key, an insult and a threat, a bad link."""

from __future__ import annotations

from people import Person
from tcpflow import Capture

capture = Capture(__file__)
mallory = Person(capture, "mallory", 41)
mallory.writes("anna", "Hello, this is the IT helpdesk. We need your password now or your account will be closed")
mallory.hears("anna", "oh, my password is hunter22")
mallory.writes("anna", "thanks. Details: https://www.paypa1.com/login")
bert = Person(capture, "bert", 42)
bert.writes("cleo", "the card is 4111 1111 1111 1111, exp 12/27")
bert.writes("cleo", "-----BEGIN RSA PRIVATE KEY----- MIIEowIBAAKCAQEAmadeup -----END RSA PRIVATE KEY-----")
dirk = Person(capture, "dirk", 43)
dirk.writes("emil", "you are a worthless piece of shit").writes("emil", "I will kill you")
dirk.writes("fred", "the printer is on strike again, damn thing")
for one in (mallory, bert, dirk):
    one.flow.close()
