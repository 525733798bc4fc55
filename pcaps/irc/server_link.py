"""Two servers of one network: users are introduced with their addresses, and talk under their unique ids."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

from tcpflow import Capture

flow = Capture(__file__).flow(("10.78.0.11", 41005), ("10.78.0.10", 7029))
flow.client("PASS l1nk-word TS 6 :2LB\r\nCAPAB :QS ENCAP EUID SAVE\r\nSERVER leaf.lab.test 1 :A leaf\r\n")
flow.server(
    "PASS l1nk-word TS 6 :1HB\r\nCAPAB :QS ENCAP EUID SAVE\r\n"
    "SERVER hub.lab.test 1 :The hub\r\nSVINFO 6 3 0 :1104537600\r\n"
)
flow.client(
    ":2LB EUID alice 1 1104537601 +i ~alice 10.78.0.21 10.78.0.21 2LBAAAAAA * * :Alice Lab\r\n"
    ":2LB SJOIN 1104537602 #labroom +nt :@2LBAAAAAA\r\n"
)
flow.server(":1HB UID bob 1 1104537603 +i ~bob bob.example.org 10.78.0.22 1HBAAAAAB :Bob Lab\r\n")
flow.client(":2LBAAAAAA PRIVMSG #labroom :across the link\r\n")
flow.server(":1HBAAAAAB PRIVMSG 2LBAAAAAA :only for you\r\n:1HBAAAAAB AWAY :gone\r\n:1HBAAAAAB QUIT :bye\r\n")
flow.close()
