"""Which service a dissected protocol belongs to."""

from __future__ import annotations

SERVICE_OF: dict[str, str] = {
    "toc": "aim",
    "icq": "icq",
    "oscar": "oscar",
    "oft": "oscar",
    "odc": "oscar",
    "msnp": "msn",
    "msnftp": "msn",
    "msnp2p": "msn",
    "ymsg": "yahoo",
    "sip": "sip",
    "msrp": "sip",
    "xmpp": "jabber",
    "irc": "irc",
    "dcc": "irc",
    "sametime": "sametime",
    "gadu-gadu": "gadu-gadu",
}
"""The service in a finding's key. It hangs on the protocol alone, for what a session says of its service may come late,
and a key must not change on the way. Families are one: a file offered in OSCAR and sent by OFT is one finding."""
