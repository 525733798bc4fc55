"""The same with version 2 (MSNP16 and later), through the switchboard Windows Live Messenger 2009 writes: addresses
backwards, hashed nonces, the offer in two packets."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "msnp"))
from forge import (
    ALICE,
    BOB,
    CALL,
    DIRECT_CALL,
    SERVER,
    Capture,
    counted,
    document,
    framed,
    invite,
    p2p,
    slp,
    v2,
    v2_file,
)

GUIDS = {"a": ";{1be99e6d-1c6e-4bea-8b3e-9c464006a774}", "b": ";{d9fd161b-d4d8-4ca7-8a68-c70feb39a330}"}
ME, HIM = "alice@example.net" + GUIDS["a"], "bob@example.net" + GUIDS["b"]
SESSION = 2_625_329_247

file = document(200)
capture = Capture(__file__)
sb = capture.flow((ALICE, 1060), (SERVER, 443))
sb.c("ANS 1 " + ME + " 849102291.520491 11752099\r\n")
sb.s(f"IRO 1 1 2 {HIM} Bob 2788999228:48\r\nIRO 1 2 2 bob@example.net Bob 2788999228:48\r\nANS 1 OK\r\n")

offer = invite(ME, HIM, SESSION, "budget.xls", len(file))
first, rest = offer[:1100], offer[1100:]
source = f"P2P-Src: {ME}"
sb.c(counted("MSG 2 D", p2p(HIM, v2(0, 1000, 0, 1, first, remaining=len(rest), op=3), source, footer=0)))
sb.c(counted("MSG 3 D", p2p(HIM, v2(0, 1000 + len(first), 0, 0, rest), source, footer=0)))
answer = slp("MSNSLP/1.0 200 OK", HIM, ME, CALL, "sessionreqbody", f"SessionID: {SESSION}\r\n")
sb.s(counted("MSG bob@example.net Bob", p2p(ME, v2(0, 7000, 0, 1, answer, op=2), f"P2P-Src: {HIM}", footer=0)))
wish = slp(
    f"INVITE MSNMSGR:{HIM} MSNSLP/1.0",
    ME,
    HIM,
    DIRECT_CALL,
    "transreqbody",
    "Bridges: TRUDPv1 TCPv1 SBBridge TURNv1\r\nNetID: -1280904111\r\nConn-Type: Firewall\r\nUPnPNat: false\r\n"
    "ICF: true\r\nHashed-Nonce: {2B95F56D-9CA0-9A64-82CE-ADC1F3C55845}\r\nSessionID: 0\r\nSChannelState: 0\r\n"
    "Capabilities-Flags: 1\r\n",
)
sb.c(counted("MSG 4 D", p2p(HIM, v2(0, 9000, 0, 1, wish, op=2), source, footer=0)))
where = slp(
    "MSNSLP/1.0 200 OK",
    HIM,
    ME,
    DIRECT_CALL,
    "transrespbody",
    "Bridge: TCPv1\r\nListening: true\r\nHashed-Nonce: {1C95F56D-9CA0-9A64-82CE-ADC1F3C55846}\r\n"
    f"srddA-lanretxE4vPI: {'203.0.113.22'[::-1]}\r\ntroP-lanretxE4vPI: {'51234'[::-1]}\r\n"
    f"srddA-lanretnI4vPI: {BOB[::-1]}\r\ntroP-lanretnI4vPI: {'51234'[::-1]}\r\n"
    "IPv6-global: 2001:db8::22\r\nIPv6-Addrs: fe80::22%11\r\nIPv6-Port: 51235\r\n",
)
sb.s(counted("MSG bob@example.net Bob", p2p(ME, v2(0, 8000, 0, 1, where, op=2), f"P2P-Src: {HIM}", footer=0)))

direct = capture.flow((ALICE, 1061), (BOB, 51_234))
direct.c(framed(b"foo\0"), framed(bytes(range(16))))
direct.s(framed(bytes(range(16, 32))))
direct.c(framed(v2(SESSION, 20_000, 0, 1, bytes(4))))
for piece in v2_file(SESSION, 20_012, file, 1352):
    direct.c(framed(piece))
direct.s(framed(bytes.fromhex("10000000 00001fa4 0204 000079e4 0000")))  # an acknowledgement
bye = slp(f"BYE MSNMSGR:{ME} MSNSLP/1.0", HIM, ME, CALL, "sessionclosebody", f"SessionID: {SESSION}\r\n")
direct.s(framed(v2(0, 8100, 1, 1, bye)))
direct.close()
sb.c("OUT\r\n")
sb.close()
