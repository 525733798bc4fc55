"""A file before MSNP9 from behind a router: both addresses and three ports are told; the receiver connects inside."""

import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "msnp"))
from forge import ALICE, BOB, FILE_GUID, SERVER, Capture, counted, document, mime

KIND = "text/x-msmsgsinvite; charset=UTF-8"
file = document(100)
capture = Capture(__file__)
sb = capture.flow((ALICE, 1080), (SERVER, 1863))
sb.c("USR 1 alice@example.net 17262740.1050826919.32308\r\n")
sb.s("USR 1 OK alice@example.net Alice\r\n")
sb.c("CAL 2 bob@example.net\r\n")
sb.s("CAL 2 RINGING 11752014\r\nJOI bob@example.net Bob\r\n")
sb.c(
    counted(
        "MSG 3 N",
        mime(
            KIND,
            f"Application-Name: File Transfer\r\nApplication-GUID: {FILE_GUID}\r\nInvitation-Command: INVITE\r\n"
            f"Invitation-Cookie: 33267\r\nApplication-File: Autoexec.bat\r\nApplication-FileSize: {len(file)}\r\n"
            "Connectivity: N\r\n\r\n",
        ),
    )
)
sb.s(
    counted(
        "MSG bob@example.net Bob",
        mime(
            KIND,
            "Invitation-Command: ACCEPT\r\nInvitation-Cookie: 33267\r\nLaunch-Application: FALSE\r\n"
            "Request-Data: IP-Address:\r\n\r\n",
        ),
    )
)
sb.c(
    counted(
        "MSG 4 N",
        mime(
            KIND,
            "Invitation-Command: ACCEPT\r\nInvitation-Cookie: 33267\r\nIP-Address: 203.0.113.21\r\n"
            f"IP-Address-Internal: {ALICE}\r\nPort: 11178\r\nPortX: 11179\r\nPortX-Internal: 6891\r\n"
            "AuthCookie: 93301\r\nSender-Connect: TRUE\r\nInvitation-Command: ACCEPT\r\n\r\n",
        ),
    )
)
ftp = capture.flow((BOB, 1081), (ALICE, 6891))
ftp.c("VER MSNFTP\r\n")
ftp.s("VER MSNFTP\r\n")
ftp.c("USR bob@example.net 93301\r\n")
ftp.s(f"FIL {len(file)}\r\n")
ftp.c("TFR\r\n")
for at in range(0, len(file), 2045):
    piece = file[at : at + 2045]
    ftp.s(b"\0" + struct.pack("<H", len(piece)) + piece)
ftp.s(b"\1\0\0")
ftp.c("BYE 16777989\r\n")
ftp.close()
sb.c("OUT\r\n")
sb.close()
