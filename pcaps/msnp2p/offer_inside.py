"""A direct connection that stays open: a file, one that is declined, and one that is broken off, all offered in it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "msnp"))
from forge import ALICE, BOB, Capture, document, framed, invite, slp, v1, v1_file

ME, HIM = "alice@example.net", "bob@example.net"


def call(number: int) -> str:
    return f"{{2B5C4F1A-0D7E-4E0B-9C6A-5A1F00D1CE{number:02}}}"


capture = Capture(__file__)
direct = capture.flow((BOB, 1070), (ALICE, 6892))
direct.c(framed(b"foo\0"), framed(v1(0, 1, b"", flags=0x100)[:32] + bytes(range(16))))
direct.s(framed(v1(0, 2, b"", flags=0x100)[:32] + bytes(range(16))))
files = {
    11: ("first.txt", document(40), "200 OK"),
    12: ("second.exe", document(10), "603 Decline"),
    13: ("third.zip", document(90), "200 OK"),
}
for number, (name, data, answer) in files.items():
    direct.c(framed(v1(0, number, invite(HIM, ME, number, name, len(data), call(number)))))
    direct.s(
        framed(
            v1(
                0,
                number + 100,
                slp(f"MSNSLP/1.0 {answer}", ME, HIM, call(number), "sessionreqbody", f"SessionID: {number}\r\n"),
            )
        )
    )
    pieces = v1_file(number, number + 200, data) if answer == "200 OK" else []
    for piece in pieces[:2] if number == 13 else pieces:
        direct.c(framed(piece))
    direct.c(framed(b""))
bye = slp(f"BYE MSNMSGR:{HIM} MSNSLP/1.0", ME, HIM, call(13), "sessionclosebody", "SessionID: 13\r\n")
direct.s(framed(v1(0, 400, bye)))
direct.close()
