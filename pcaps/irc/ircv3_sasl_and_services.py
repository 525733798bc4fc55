"""A modern client: capabilities, SASL PLAIN in two pieces, tags, echoed messages, services, keys, watched friends."""

from __future__ import annotations

import sys
from base64 import b64encode
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

from tcpflow import Capture

ALICE, SERVER = "10.78.0.21", "10.78.0.10"
SECRET = "Correct-Horse-" + "battery" * 40
RESPONSE = b64encode(b"\0alice\0" + SECRET.encode()).decode()
assert len(RESPONSE) > 400
TIME = "@time=2005-01-01T00:00:01.000Z;msgid=a1"

flow = Capture(__file__).flow((ALICE, 41001), (SERVER, 8080))
flow.client("CAP LS 302\r\nNICK alice\r\nUSER alice 0 * :Alice Lab\r\n")
flow.server(
    ":irc.lab.test NOTICE * :*** Looking up your hostname...\r\n"
    ":irc.lab.test CAP * LS :sasl echo-message server-time\r\n"
)
flow.client("CAP REQ :sasl echo-message server-time\r\n")
flow.server(":irc.lab.test CAP alice ACK :sasl echo-message server-time\r\n")
flow.client("AUTHENTICATE PLAIN\r\n")
flow.server("AUTHENTICATE +\r\n")
flow.client(f"AUTHENTICATE {RESPONSE[:400]}\r\nAUTHENTICATE {RESPONSE[400:]}\r\n")
flow.server(
    ":irc.lab.test 900 alice alice!alice@10.78.0.21 alice :You are now logged in as alice\r\n"
    ":irc.lab.test 903 alice :SASL authentication successful\r\n"
)
flow.client("CAP END\r\n")
flow.server(
    ":irc.lab.test 001 alice :Welcome to the Lab, alice!alice@10.78.0.21\r\n"
    ":irc.lab.test 002 alice :Your host is irc.lab.test[10.78.0.10/8080], running version solanum-1.0-dev\r\n"
    ":irc.lab.test 004 alice irc.lab.test solanum-1.0-dev DGIMQRSZaghilopsuwz CFILMPQRSTbcefgijklmnopqrstuvz\r\n"
)
flow.client("JOIN #cellar,#plans door-key\r\nMONITOR + bob,carol\r\nISON bob erin\r\n")
flow.server(
    f"{TIME} :alice!alice@10.78.0.21 JOIN #plans\r\n:irc.lab.test 332 alice #plans :.update http://198.51.100.9/a.exe\r\n"
    ":irc.lab.test 475 alice #cellar :Cannot join channel (+k) - bad key\r\n"
    ":irc.lab.test 730 alice :bob!bob@10.78.0.22\r\n:irc.lab.test 731 alice :carol\r\n:irc.lab.test 303 alice :bob\r\n"
)
flow.client("PRIVMSG #plans :\x02bold\x02 and \x0304,01red\x03 plan\r\nPRIVMSG bob :\x01ACTION waves\x01\r\n")
flow.server(
    f"{TIME} :alice!alice@10.78.0.21 PRIVMSG #plans :\x02bold\x02 and \x0304,01red\x03 plan\r\n"
    f"{TIME} :alice!alice@10.78.0.21 PRIVMSG bob :\x01ACTION waves\x01\r\n"
)
flow.server(b"@account=bob :bob!bob@2001:db8::22 PRIVMSG alice,#plans :gr\xfc\xdfe\r\n")
flow.client("NICKSERV IDENTIFY alice wrong-word\r\n")
flow.server(":NickServ!services@services.lab.test NOTICE alice :Invalid password for alice.\r\n")
flow.client(
    "PRIVMSG NickServ@services.lab.test :REGISTER n3w-word alice@example.org\r\n"
    "MODE #plans +ovk-b bob bob r00m-key *!*@*\r\n"
)
flow.server(":bob!bob@2001:db8::22 AWAY :lunch\r\n:bob!bob@2001:db8::22 CHGHOST bob 192.0.2.22\r\n")
flow.server(
    ":irc.lab.test 311 alice carol carol 192.0.2.23 * :Carol Lab\r\n"
    ":irc.lab.test 378 alice carol :is connecting from *@c.example.org 10.78.0.23\r\n"
)
flow.client("NOTICE bob :\x01VERSION hexchat 2.16.1\x01\r\nAWAY\r\nQUIT :done\r\n")
flow.server("ERROR :Closing Link: 10.78.0.21 (Quit: done)\r\n")
flow.close()
