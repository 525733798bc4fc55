"""Every cap in the program, with its reason and what happens when it is reached.

Hostile input is normal input: without these an attacker chooses how much memory we use.
"""

from __future__ import annotations

from typing import Final

# --- dissect ---------------------------------------------------------------------------------------------------------

MAX_FRAME: Final = 65_536
"""Bytes of one protocol frame unless the dissector says otherwise. A FLAP, YMSG or OFT header cannot announce more.
Reached: `<protocol>.desync`, and the dissector looks for the next plausible frame."""

MAX_LINE: Final = 8_192
"""Bytes of one line of a text protocol (IRC with tags 8191+512 is the longest that is legal)."""

MAX_DESYNCS: Final = 64
"""How often a dissector may lose and find its framing on one side before that side is given up (`<protocol>.lost`)."""

MAX_ANOMALIES: Final = 100
"""Anomalies reported a session; after that `anomaly.suppressed` once. A fuzzer must not fill the database."""

MAX_WIRE_EXCERPT: Final = 160
"""Characters of wire excerpt kept as evidence: a line of a report."""

MAX_TEXT: Final = 16_384
"""Characters of message text kept; longer text is cut and its `length` still tells the truth."""

MAX_NAME: Final = 1_024
"""Characters of an account, room, file or software name; longer ones are cut."""

MAX_CONTACTS: Final = 5_000
"""Contacts reported for one list; the largest real services allowed 1 000 to 3 000."""

MAX_REMEMBERED: Final = 1_024
"""Entries of any table a dissector keeps per session (pending requests, cookies, transfers): oldest go first."""

MAX_TRANSFER_HASHED: Final = 64 * 1024 * 1024
"""Bytes of one transferred file that are hashed; a larger file is reported without `sha256`."""

MAX_XML_DEPTH: Final = 32
"""Nesting of XML elements. Real stanzas stay under 12."""

MAX_STANZA: Final = 262_144
"""Bytes of one XMPP stanza: Prosody's own default limit for clients."""

MAX_HEADERS: Final = 128
"""Header lines of one SIP, MSRP or MIME message."""

MAX_SIP_MESSAGE: Final = 65_536
"""Bytes of one SIP message with its body: one UDP datagram."""

MAX_MSRP_CHUNK: Final = 1_048_576
"""Bytes of one MSRP chunk. RFC 4975 asks for chunks of at most 2048 B unless interruptible, real relays go to 1 MB."""

LOOKAHEAD: Final = 512
"""Bytes a dissector may look ahead to judge whether a frame begins here; undecided after that counts as no."""

MAX_HELD_FRAMES: Final = 8
"""Frames a login waits for the answer that tells its outcome, before it is reported as `unknown`."""
