"""TOC 2: a wrong password, then a sign-on with contacts, messages with escapes and colons, a room, an offered file."""

from __future__ import annotations

import sys
from base64 import b64encode
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
sys.path.append(str(Path(__file__).parents[2]))

from tcpflow import Capture, Flow
from tests.dissect.oscar_bytes import flap, tlv

SERVER = ("192.0.2.10", 29999)
FILE_TRANSFER = "09461343-4C7F-11D1-8222-444553540000"


def opened(port: int) -> Flow:
    flow = capture.flow(("10.77.0.21", port), SERVER)
    flow.client(b"FLAPON\r\n\r\n").server(flap(1, 0, b"\0\0\0\1"))
    return flow.client(flap(1, 0, b"\0\0\0\1" + tlv(1, b"labalice")))


def asked(words: str) -> bytes:
    return flap(2, 1, words.encode() + b"\0")


def told(words: str) -> bytes:
    return flap(2, 1, words.encode())


capture = Capture(__file__)
wrong = opened(43000)
wrong.client(asked('toc2_login login.example.org 29999 labalice 0x230a0d43 english "TIC:Lab" 160 US "" "" 3 0 30303 1'))
wrong.server(told("ERROR:980:labalice"))
wrong.close()

main = opened(43001)
main.client(
    asked(
        'toc2_login login.example.org 29999 labalice 0x2408105c23001130 english "TIC:Lab 2.0" 160 US "" "" 3 0 30303 1'
    )
)
main.server(told("SIGN_ON:TOC2.0"), told("NICK:Lab Alice"), told("CONFIG2:g:Friends\nb:labbob:Bobby\nm:1\ndone:\n"))
main.client(asked("toc_init_done"), asked('toc2_new_buddies "{g:Work\nb:labcarol\n}"'))
main.server(told("UPDATE_BUDDY2:labbob:T:0:1711036800:5: OU:"))
main.client(asked('toc2_send_im labbob "it costs \\$5: <B>really</B>"'))
main.server(told("IM_IN_ENC2:labbob:F:F:T: O :F:L:en:well: <I>fine</I>"))
main.server(told("CHAT_JOIN:7:Lab Room"))
main.client(asked('toc_chat_send 7 "hello room"'))
main.server(told("CHAT_IN_ENC:7:Lab Alice:F:A:en:hello room"), told("CHAT_IN_ENC:7:labbob:F:A:en:hello alice"))
offer = b64encode(b"\0\1\0\1\0\0\x05\xd2holiday.txt\0").decode()
main.server(
    told(f"RVOUS_PROPOSE:labbob:{FILE_TRANSFER}:MTIzNDU2Nzg=:1:10.77.0.22:10.77.0.22:203.0.113.9:5190:10001:{offer}")
)
main.client(asked(f"toc_rvous_cancel labbob MTIzNDU2Nzg= {FILE_TRANSFER}"))
main.client(asked("toc_change_passwd password n3wpass"))
main.close()
