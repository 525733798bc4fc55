"""A file by direct connection, version 1: offered and agreed on in a switchboard, then sent from peer to peer."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "msnp"))
from forge import ALICE, BOB, CALL, SERVER, Capture, counted, document, framed, invite, p2p, slp, v1, v1_file

ME, HIM = "alice@example.net", "bob@example.net"
NONCE = bytes(range(16))
SESSION = 846_930_890

file = document()
capture = Capture(__file__)
sb = capture.flow((ALICE, 1050), (SERVER, 1863))
sb.c(f"USR 1 {ME} 46c9ebe5914905126e8c\r\n")
sb.s(f"USR 1 OK {ME} Alice\r\n")
sb.c(f"CAL 2 {HIM}\r\n")
sb.s(f"CAL 2 RINGING 4711\r\nJOI {HIM} Bob 1616756780\r\n")

offer = invite(ME, HIM, SESSION, "Pläne 2010.doc", len(file))
for at in range(0, len(offer), 1202):
    sb.c(counted(f"MSG {3 + at} D", p2p(HIM, v1(0, 100, offer[at : at + 1202], at=at, total=len(offer)), footer=0)))
answer = slp("MSNSLP/1.0 200 OK", HIM, ME, CALL, "sessionreqbody", f"SessionID: {SESSION}\r\n")
sb.s(counted(f"MSG {HIM} Bob", p2p(ME, v1(0, 200, b"", total=len(offer), flags=2), footer=0)))
sb.s(counted(f"MSG {HIM} Bob", p2p(ME, v1(0, 201, answer), footer=0)))
wish = slp(
    f"INVITE MSNMSGR:{HIM} MSNSLP/1.0",
    ME,
    HIM,
    CALL,
    "transreqbody",
    "Bridges: TRUDPv1 TCPv1\r\nNetID: -1280904111\r\nConn-Type: Port-Restrict-NAT\r\nUPnPNat: false\r\nICF: false\r\n",
)
sb.c(counted("MSG 5 D", p2p(HIM, v1(0, 101, wish), footer=0)))
where = slp(
    "MSNSLP/1.0 200 OK",
    HIM,
    ME,
    CALL,
    "transrespbody",
    "Bridge: TCPv1\r\nListening: true\r\nNonce: {03020100-0504-0706-0809-0A0B0C0D0E0F}\r\n"
    f"IPv4External-Addrs: 203.0.113.22\r\nIPv4External-Port: 6891\r\n"
    f"IPv4Internal-Addrs: {BOB} 192.168.56.1\r\nIPv4Internal-Port: 6891\r\n",
)
sb.s(counted(f"MSG {HIM} Bob", p2p(ME, v1(0, 202, where), footer=0)))

direct = capture.flow((ALICE, 1051), (BOB, 6891))
handshake = v1(0, 102, b"", flags=0x100)[:32] + NONCE
direct.c(framed(b"foo\0"), framed(handshake))
direct.s(framed(v1(0, 203, b"", flags=0x100)[:32] + NONCE))
for piece in v1_file(SESSION, 103, file, 1352):
    direct.c(framed(piece))
direct.s(framed(v1(SESSION, 204, b"", total=len(file), flags=2)))
bye = slp(f"BYE MSNMSGR:{ME} MSNSLP/1.0", HIM, ME, CALL, "sessionclosebody", f"SessionID: {SESSION}\r\n")
direct.s(framed(v1(0, 205, bye)))
direct.c(framed(b""))
direct.close()
sb.c("OUT\r\n")
sb.close()
