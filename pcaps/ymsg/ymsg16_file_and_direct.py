"""Version 16: log-in with web cookies, list in records, a message sent twice, an address for a direct connection, a
file that the sender serves over HTTP, and the direct connection itself."""

from __future__ import annotations

import sys
from base64 import b64encode
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

from tcpflow import Capture
from ymsg_bytes import packet

ALICE, BOB, SERVER = "10.78.0.21", "10.78.0.22", "10.78.0.10"
DIRECT = 0x0B
TOKEN = "kQ2vT8xWfL0pZ3rYbN6mHd$$"
URL = (
    f"http://{ALICE}:7071/Messenger.bob.1104537600000plan+b.txt?AppID=Messenger&UserID=bob&K=lc9lu2u89gz1llmplwksajkjx"
)

capture = Capture(__file__)
own = str(int.from_bytes(bytes((10, 78, 0, 21)), "little")).encode()

session = capture.flow((ALICE, 40001), (SERVER, 5050))
session.client(packet(0x57, (1, "alice")))
session.server(packet(0x57, (1, "alice"), (94, "Qx7+9c/challenge.of.sixteen--"), (13, "2"), status=1))
session.client(
    packet(
        0x54,
        (1, "alice"),
        (0, "alice"),
        (277, "v=1&n=6mq5b&l=0b824/o&p=m2&r=g1&lg=en-US&intl=us"),
        (278, "z=8eX1DB80yCDB&a=QAE&sk=DAAkB1&ks=EAA&d=c2wB"),
        (307, "h3ShOfCrumbAndChallenge--"),
        (244, "8388543"),
        (2, "alice"),
        (2, "1"),
        (98, "us"),
        (135, "10.0.0.1270"),
    )
)
session.server(
    packet(
        0xF1,
        (302, "318"),
        (300, "318"),
        (65, "Friends"),
        (302, "319"),
        (300, "319"),
        (7, "bob"),
        (301, "319"),
        (300, "319"),
        (7, "carol"),
        (241, "2"),
        (301, "319"),
        (303, "319"),
        (301, "318"),
        (300, "318"),
        (65, "Work"),
        (302, "319"),
        (300, "319"),
        (7, "dave"),
        (301, "319"),
        (303, "319"),
        (301, "318"),
        (303, "318"),
        (302, "320"),
        (300, "320"),
        (7, "pest"),
        (301, "320"),
        (303, "320"),
    ),
    packet(
        0xF0, (0, "alice"), (302, "315"), (300, "315"), (7, "bob"), (10, "0"), (13, "1"), (301, "315"), (303, "315")
    ),
    packet(0xF0, (7, "bob"), (10, "99"), (19, "in the lab"), (47, "1"), (97, "1"), (13, "1")),
)
numbered = packet(
    0x06,
    (1, "bob"),
    (5, "alice"),
    (4, "bob"),
    (14, '\x1b[1m<font face="Arial" size="10">plan B?</font>\x1b[x1m'),
    (97, "1"),
    (429, "0000000450B1A2C3"),
    (450, "0"),
    status=1,
)
session.server(numbered)
session.client(
    packet(0xFB, (1, "alice"), (5, "bob"), (302, "430"), (430, "0000000450B1A2C3"), (303, "430"), (450, "0"))
)
session.server(numbered)
session.client(packet(0x06, (1, "alice"), (5, "bob"), (97, "1"), (14, "plan B, I send it"), (63, ";0"), (64, "0")))
session.client(
    packet(
        0x4F,
        (1, "alice"),
        (4, "alice"),
        (12, b64encode(own)),
        (61, "0"),
        (2, ""),
        (5, "bob"),
        (13, "0"),
        (49, "PEERTOPEER"),
        (140, "1"),
        (11, "-1786225828"),
        status=1,
    )
)
session.client(
    packet(
        0xDC,
        (1, "alice"),
        (5, "bob"),
        (265, TOKEN),
        (222, "1"),
        (266, "2"),
        (302, "268"),
        (300, "268"),
        (27, "plan b.txt"),
        (28, "1490"),
        (301, "268"),
        (300, "268"),
        (27, "map.png"),
        (28, "20480"),
        (301, "268"),
        (303, "268"),
    )
)
session.server(packet(0xDC, (4, "bob"), (5, "alice"), (265, TOKEN), (222, "3")))
session.client(packet(0xDD, (1, "alice"), (5, "bob"), (265, TOKEN), (27, "plan b.txt"), (249, "1"), (250, URL)))
session.server(packet(0xDE, (4, "bob"), (5, "alice"), (265, TOKEN), (27, "plan b.txt"), (249, "1")))
session.client(
    packet(
        0x83,
        (14, "may I?"),
        (65, "Friends"),
        (97, "1"),
        (1, "alice"),
        (302, "319"),
        (300, "319"),
        (7, "erin"),
        (301, "319"),
        (303, "319"),
    )
)
session.server(packet(0x83, (1, "alice"), (66, "0"), (65, "Friends"), (7, "erin"), status=1))
session.client(packet(0x02, (0, "alice")))
session.close()

direct = capture.flow((BOB, 40002), (ALICE, 5101))
direct.client(packet(0x4F, (4, "bob"), (5, "alice"), (49, "PEERTOPEER"), (13, "5"), status=1))
direct.server(packet(0x4F, (4, "alice"), (5, "bob"), (49, "PEERTOPEER"), (13, "6"), status=1))
direct.client(packet(0x06, (4, "bob"), (5, "alice"), (14, "nobody between us"), (97, "1"), status=DIRECT))
direct.server(packet(0x06, (4, "alice"), (5, "bob"), (14, "but the sensor"), (97, "1"), status=DIRECT))
direct.close()
