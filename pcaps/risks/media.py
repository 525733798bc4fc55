"""A film and an album by DCC, a program in disguise by XMPP; and a voice message, which is nobody's work."""

from __future__ import annotations

from people import Person
from tcpflow import Capture

capture = Capture(__file__)
irc = capture.flow(("10.79.0.51", 41000), ("203.0.113.66", 6667))
irc.client("NICK swapper\r\nUSER swapper 0 * :swapper\r\n").server(":irc.example.net 001 swapper :Welcome\r\n")
address = int.from_bytes(bytes((10, 79, 0, 51)), "big")
for name, size in (("Night.Train.2025.1080p.WEB-DL.x264.mkv", 1_900_000_000), ("01-overture.flac", 31_000_000)):
    irc.client(f"PRIVMSG mate :\x01DCC SEND {name} {address} 50211 {size}\x01\r\n")
irc.close()
anna = Person(capture, "anna", 52)
anna.offers("bert", "invoice_8841.pdf.exe", 412_160).offers("bert", "voice-note.ogg", 180_000)
anna.flow.close()
