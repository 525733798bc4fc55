"""Three transfers that come to nothing: declined, cancelled by the receiver, broken off by the sender."""

import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "msnp"))
from forge import ALICE, BOB, FILE_GUID, SERVER, Capture, counted, document, mime

KIND = "text/x-msmsgsinvite; charset=UTF-8"
file = document(100)
capture = Capture(__file__)
sb = capture.flow((BOB, 1090), (SERVER, 1863))
sb.c("ANS 1 bob@example.net 849102291.520491 11752015\r\n")
sb.s("IRO 1 1 1 alice@example.net Alice\r\nANS 1 OK\r\n")


def offered(cookie: int, name: str) -> bytes:
    body = (
        f"Application-Name: File Transfer\r\nApplication-GUID: {FILE_GUID}\r\nInvitation-Command: INVITE\r\n"
        f"Invitation-Cookie: {cookie}\r\nApplication-File: {name}\r\nApplication-FileSize: {len(file)}\r\n\r\n"
    )
    return counted("MSG alice@example.net Alice", mime(KIND, body))


sb.s(offered(1, "love-letter.vbs"))
body = "Invitation-Command: CANCEL\r\nInvitation-Cookie: 1\r\nCancel-Code: REJECT\r\n\r\n"
sb.c(counted("MSG 2 N", mime(KIND, body)))
for number, (name, who) in enumerate((("a.txt", "receiver"), ("b.txt", "sender")), 2):
    sb.s(offered(number, name))
    body = f"Invitation-Command: ACCEPT\r\nInvitation-Cookie: {number}\r\nLaunch-Application: FALSE\r\n\r\n"
    sb.c(counted(f"MSG {number + 1} N", mime(KIND, body)))
    body = (
        f"Invitation-Command: ACCEPT\r\nInvitation-Cookie: {number}\r\nIP-Address: {ALICE}\r\nPort: {6890 + number}\r\n"
        "AuthCookie: 12345\r\n\r\n"
    )
    sb.s(counted("MSG alice@example.net Alice", mime(KIND, body)))
    ftp = capture.flow((BOB, 1091 + number), (ALICE, 6890 + number))
    ftp.c("VER MSNFTP\r\n")
    ftp.s("VER MSNFTP\r\n")
    ftp.c("USR bob@example.net 12345\r\n")
    ftp.s(f"FIL {len(file)}\r\n")
    ftp.c("TFR\r\n")
    ftp.s(b"\0" + struct.pack("<H", 2045) + file[:2045])
    if who == "receiver":
        ftp.c("CCL\r\n")
    else:
        ftp.s(b"\1\0\0")
    ftp.close()
sb.c("OUT\r\n")
sb.close()
