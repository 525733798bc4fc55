"""Every cap in the program, with its reason and what happens when it is reached.

Hostile input is normal input: without these an attacker chooses how much memory we use.
"""

from __future__ import annotations

from typing import Final

# --- dissect ---------------------------------------------------------------------------------------------------------

MAX_FRAME: Final = 65_536
"""Bytes of one protocol frame unless the dissector says otherwise. A FLAP, YMSG or OFT header cannot announce more.
A legal frame that is larger is `<protocol>.too-large` and passed over by its announced length; bytes in which no frame
is found are `<protocol>.desync`, and the dissector looks for the next plausible frame."""

MAX_YPNS_ANNOUNCED: Final = 1 << 20
"""Bytes of a packet of Yahoo! Pager that are believed: its length has 32 bits. Above MAX_FRAME: `ymsg.too-large`, and
it is passed over; above this: `ymsg.desync`."""

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

MAX_NAME: Final = 2_047
"""Characters of an account, room, file or software name; longer ones are cut. A bare JID may have 1023 on each side of
its `@` (RFC 7622 §3.1)."""

MAX_MEMOISED: Final = 1_024
"""Characters of a text whose meaning is kept in a memo (see MAX_CACHED); a longer one is understood each time."""

MAX_CONTACTS: Final = 5_000
"""Contacts reported for one list; the largest real services allowed 1 000 to 3 000."""

MAX_CONTACT_GROUPS: Final = 32
"""Groups told of one contact; MSN and Lync allow 30 and 64, people use two."""

MAX_REMEMBERED: Final = 1_024
"""Entries of any table a dissector keeps per session (pending requests, cookies, transfers): oldest go first."""

MAX_TRANSFER_HASHED: Final = 64 * 1024 * 1024
"""Bytes of one transferred file that are hashed; a larger file is reported without `sha256`."""

MAX_EXTRACTED: Final = 16 * 1024 * 1024
"""Bytes of one file that `--extract` saves; they wait in memory until the file is whole. Larger ones are hashed."""

MAX_EXTRACTED_FILES: Final = 10_000
"""Files that one process saves: somebody who sends many small ones must not fill the disk's table of files."""

MAX_EXTRACTED_NAME: Final = 80
"""Characters of a saved file's own name, the last ones: file systems take 255 bytes, and a digest stands before it."""

MAX_XML_DEPTH: Final = 32
"""Nesting of XML elements. Real stanzas stay under 12."""

MAX_INFLATION: Final = 100
"""Bytes a compressed stream (XEP-0138) may give for each that came. Stanzas compress to a tenth; a zlib bomb gives a
thousand. Above: `xmpp.compression`, and the stream is read no further."""

MAX_XML_ELEMENTS: Final = 16_384
"""Elements of one XMPP stanza: a roster of MAX_CONTACTS contacts, each with its groups. Above: `xmpp.desync`."""

MAX_STANZA: Final = 524_288
"""Bytes of one XMPP stanza: Prosody's default limit between servers (256 kB for clients); RFC 6120 §13.12 lets a server
allow any. Larger: `xmpp.too-large`, and the next stanza is looked for."""

MAX_HEADERS: Final = 128
"""Header lines of one SIP, MSRP or MIME message."""

MAX_SIP_MESSAGE: Final = 65_536
"""Bytes of one SIP message with its body: one UDP datagram."""

MAX_SIP_BODY: Final = 1 << 31
"""Largest Content-Length that is believed on a stream. A body that does not fit into MAX_SIP_MESSAGE is passed over by
its length (`sip.too-large`), what is larger than this is no length."""

MAX_BODY_NESTING: Final = 4
"""Containers (multipart, CPIM) inside each other in one SIP or MSRP body; real ones stop at two. Deeper is not
opened."""

MAX_BODY_PARTS: Final = 32
"""Parts of one multipart body that are looked at."""

MAX_SDP_FILES: Final = 64
"""Files one call may have on offer at once; each is an m= section of its own."""

MAX_SDP_LINES: Final = 512
"""Lines of one session description that are read: a browser's offer with dozens of ICE candidates stays under 300."""

MAX_HTTP_HEAD: Final = 16_384
"""Bytes of one HTTP head before IM packets in its body; common servers refuse more than 8 or 16 KB."""

MAX_MSRP_CHUNK: Final = 1_048_576
"""Bytes of one MSRP chunk. RFC 4975 asks for chunks of at most 2048 B unless interruptible, real relays go to 1 MB.
Larger: its beginning is read, `msrp.too-large`, and its end line is looked for."""

MAX_MSRP_MESSAGE: Final = 262_144
"""Bytes kept of one conversation message that comes in chunks; files are hashed, not kept. The rest is left out."""

MAX_MSRP_PIECES: Final = 256
"""Pieces of one such message that are not neighbours as they come."""

MAX_MSRP_ASSEMBLIES: Final = 16
"""Messages under way on one MSRP connection, at most MAX_MSRP_CHUNK bytes each: chunks of few interleave."""

LOOKAHEAD: Final = 512
"""Bytes a dissector may look ahead to judge whether a frame begins here; undecided after that counts as no."""

MAX_HELD_FRAMES: Final = 8
"""Frames a login waits for the answer that tells its outcome, before it is reported as `unknown`."""

# --- gate, flows, reassembly -----------------------------------------------------------------------------------------

MAX_IGNORED: Final = 400_000
"""Directions of flows the pure-Python gate remembers as not IM (about 60 MB). Full: the oldest quarter is forgotten
and, if still alive, looked at again."""

MAX_IGNORED_FLOWS: Final = 1_310_720
"""Flows the compiled gate remembers as not IM: a million at once, and room so that hashing finds a place for each. 52
bytes an entry, reserved at the start, touched as they come. Full: of sixteen entries what ends first is forgotten."""

FIRST_IGNORED_FLOWS: Final = 20_480
"""Entries of that table at first, of which half are used before it grows: most captures have fewer flows, and to touch
memory for the first time takes longer than to let a table grow."""

HEAD_BYTES: Final = 16
"""First bytes of a pattern that are told without any data, and of a flow that are asked whether they may yet become a
match: that question is put to `re`, which is quick on so few whatever the rule."""

MAX_RECENT_FLOWS: Final = 16_384
"""Flows that wait to be put into that table, while another thread looks into it: as many as begin within two slabs, and
more. What finds no room comes up again and is decided again."""

GATE_CHUNK: Final = 8
"""Packets the compiled gate hands up at a time."""

GATE_BYTES: Final = 4_096
"""Bytes the compiled gate walks before it hands up what it has: verdicts reach it no later than that."""

MAX_HELD_FLOWS: Final = 4_096
"""TCP connections that wait before anything of them comes up until a side has spoken, or both where the first begins as
no messenger does: those of a busy link that are that young. As many UDP flows of which nothing but datagrams that no
messenger sends was seen. Beyond: what was held of the oldest comes up, as that of a flood does."""

MAX_HELD_FLOW_PACKETS: Final = 12
"""Packets held of one flow: a handshake, a request in a few segments, and what acknowledges it; datagrams that say
nothing, beside the MAX_PROBES that do. Beyond: they come up."""

MAX_HOLD_QUEUE_OCTETS: Final = 4_096
"""Bytes held of one flow, so 16 MiB of all connections and 16 MiB of all datagrams: a request with its cookies. Beyond:
they come up."""

SECOND_LOOKS: Final = 4
"""Payloads of an ignored flow that are looked at at once: a false start (a TLS hello, a page of junk) hides nothing
that follows. After those a flow is looked at again after 1, 2, 4 ... seconds of packet time."""

IGNORE_SECONDS: Final = 300
"""The longest time between two looks at an ignored flow: IM that starts late inside it (a proxy kept alive, a re-used
UDP port) is still met."""

MAX_LOOK: Final = 14
"""Looks that are counted; the time between two no longer grows then."""

MAX_UNDECIDED: Final = 40_000
"""Flows that are not yet identified, about 1 KB each; a SYN flood makes as many as it likes. The longest silent
goes."""

MAX_WATCHED: Final = 20_000
"""IM sessions followed at once. The longest silent is closed as if it had ended, `session.evicted`."""

UNDECIDED_IDLE_NS: Final = 600 * 1_000_000_000
"""Silence after which an unidentified or closed flow is forgotten."""

TCP_IDLE_NS: Final = 2 * 3600 * 1_000_000_000
"""Silence after which a TCP session is over: IM clients keep alive every minute or so, NAT forgets after two hours."""

UDP_IDLE_NS: Final = 600 * 1_000_000_000
"""Silence after which a UDP session is over; SIP registrations are refreshed more often."""

MAX_HELD_SEGMENTS: Final = 256
"""Segments out of order one direction may hold. Reached: the hole before them is declared a gap."""

MAX_HELD_BYTES: Final = 262_144
"""Bytes out of order one direction may hold: a full unscaled window four times over."""

HOLD_NS: Final = 2 * 1_000_000_000
"""Packet time a hole may stay open before it is declared a gap: a retransmission comes sooner."""

ACK_GRACE_NS: Final = 20 * 1_000_000
"""Packet time a hole may stay open once the peer acknowledged it: it was received, so it was not captured. Not zero,
since two ports of a tap may be merged out of order."""

MAX_AHEAD: Final = 1 << 30
"""Bytes ahead of the stream a segment may claim to be: the largest scaled TCP window (RFC 7323 §2.3). Others are
dropped, so that one forged segment cannot make the stream jump."""

# --- classify --------------------------------------------------------------------------------------------------------

SCAN_WINDOW: Final = 512
"""Bytes of each direction that signatures look at, from the start of a stream whose start was seen."""

MIDSTREAM_WINDOW: Final = 4_096
"""The same for a stream that began before the capture: a message may be under way, the next one must fit."""

MAX_PROBES: Final = 5
"""UDP payloads without any match, keep-alives not counted, after which a UDP flow is not IM."""

MAX_TENTATIVE: Final = 65_536
"""Bytes a nominated dissector may read without being confirmed before the nomination is withdrawn."""

MAX_EXPECTED: Final = 5_000
"""Announced peer-to-peer flows waited for at once (Zeek's figure); the oldest go."""

EXPECTED_NS: Final = 300 * 1_000_000_000
"""Packet time an announced flow is waited for (Zeek's figure)."""

MAX_HTTP_BODY: Final = 262_144
"""Bytes kept of one HTTP body, WebSocket message, and of what either expands to: as much as a stanza may have. The rest
is passed over by its length."""

MAX_PIPELINED: Final = 64
"""Requests of one connection that wait for their response, and gateway sessions remembered a connection."""

MAX_WEBSOCKET_FRAME: Final = 1_048_576
"""Bytes of one WebSocket frame. Servers of messengers refuse more than 64 kB to 1 MB. Larger: `websocket.desync`."""

MAX_WEBSOCKET_FRAGMENTS: Final = 1_024
"""Fragments of one WebSocket message; real ones have one or two. More: `websocket.too-large`, and it is dropped."""

MAX_CARRIER_DEPTH: Final = 5
"""Carriers inside each other (SOCKS in CONNECT in TLS-less HTTP ...); real chains stop at three. Deeper streams are not
opened: `carrier.too-deep`."""

MAX_INNER_STREAMS: Final = 1_024
"""Inner streams open at once in one flow; the oldest ends."""

MAX_CARRIER_EVENTS: Final = 32
"""Events of a carrier itself (its log-in, its anomalies) kept until an inner stream is found to be messaging."""

MAX_SHARED_STREAMS: Final = 20_000
"""Inner streams over several flows (gateway sessions) kept at once; the least recently used ends."""

SHARED_STREAM_IDLE_NS: Final = 600 * 1_000_000_000
"""Silence after which such a stream is over. Gateways drop a client that does not poll for a few minutes."""

LINGER_NS: Final = 10 * 1_000_000_000
"""Silence after which a flow that was closed or reset is over. Not at once: a forged reset must not blind us, and late
copies of its segments must not look like a new flow."""

REAP_NS: Final = 1_000_000_000
"""Nanoseconds of packet time from one look for silent flows to the next."""

# --- records ---------------------------------------------------------------------------------------------------------

MAX_RECORDS_MINUTE: Final = 2_000
"""Records of one session in one minute of packet time, contacts apart (MAX_CONTACTS): a busy room has hundreds. The
rest is left out of the database and counted in `records.suppressed`; known findings are counted further."""

MAX_FLOOD_FINDINGS: Final = 200
"""New findings of HIGH or worse that a session may have in a minute beyond that cap; lesser ones are left out."""

MAX_REMEMBERED_FINDINGS: Final = 4_096
"""Ids of findings remembered a session, 100 bytes each, to tell new ones from known ones. Beyond: taken as new."""

MAX_UNANSWERED: Final = 64
"""Records of a session whose findings wait until the other side answers, and as many that an answer raises later.
Beyond: told as one-sided at once, and not raised."""

ANSWER_NS: Final = 2 * 1_000_000_000
"""Packet time for which they wait: servers answer within a round trip."""

MAX_SOFTWARE: Final = 16
"""Different software names kept a session: client, server, and what peers tell of theirs."""

# --- detect, store, report -------------------------------------------------------------------------------------------

MAX_EVIDENCE: Final = 5
"""Pieces of evidence a finding shows; its `count` tells how many there are."""

MAX_COMPARED: Final = 256
"""Characters of a name that are compared with those that look alike: nobody reads further."""

MAX_MATCHES: Final = 16
"""Matches of one message that are told: a pasted list of a thousand cards is one disclosure, not a thousand. Of a text
beyond MAX_TEXT characters only the beginning is looked at, as only that would be kept."""

MAX_PHRASED: Final = 4_096
"""Characters of a text in which phrases of the lexicon are looked for: no chat line is longer, and the costliest text
that could be made up for one phrase takes 3 ms."""

MAX_SHORT_TEXT: Final = 80
"""Characters of a text that is remembered with what was seen in it: "ok", "thanks", a greeting come again, long ones do
not."""

MAX_SHORT_TEXTS: Final = 4_096
"""How many of them are remembered, a megabyte. Beyond, all are forgotten: to read one again costs 20 µs."""

MAX_STEMS: Final = 128
"""Beginnings of a part of a phrase's pattern that are listed when the stems are looked for that it cannot do without; a
part with more is passed over, and the stems of another are taken."""

MAX_LINK: Final = 2_048
"""Characters of a link that are looked at: browsers and proxies take no more, and its host stands in front."""

MAX_LINKS: Final = 16
"""Links of one message that are looked at. Beyond: those in front tell what the message is."""

MAX_EXCERPT: Final = 320
"""Characters of a finding's excerpt: what the detector says and the wire excerpt, two lines of a report."""

MAX_FINDINGS: Final = 100_000
"""Distinct findings one run keeps in memory (about 100 MB). Beyond: counted, stored, and not in the run's own
summary."""

MAX_FINDING_HOSTS: Final = 16
"""Hosts that a finding names: more are a list for nobody, and a forged source address is cheap."""

MAX_HOSTS_HOUR: Final = 65_536
"""Inside hosts that are remembered as alive in one hour: a network /16. One that is left out can only make a finding
"not verified" where it is gone."""

MAX_HOURS_OPEN: Final = 48
"""Hours whose packets are counted before they are handed on: packets of a capture may be out of order by some."""

REORDER_NS: Final = 2_000_000_000
"""Nanoseconds of packet time that an observation waits for those of other workers (see `detect.across`)."""

MAX_WAITING_OBSERVATIONS: Final = 16_384
"""Observations that wait so, about 1 KB each. Beyond: the oldest is judged at once."""

MAX_SORTED_OBSERVATIONS: Final = 65_536
"""The same where captures are analysed, whose order tells nothing of when they were taken: the observations of them all
wait for the end, so that they are judged in the order of packet time."""

ACCOUNT_MEMORY_NS: Final = 86_400_000_000_000
"""Nanoseconds within which two hosts of one account, or two accounts of one host, count together: a day."""

MAX_REMEMBERED_ACCOUNTS: Final = 50_000
"""Accounts, and hosts, that detectors with memory know at a time. Beyond: the longest silent is forgotten."""

MAX_REMEMBERED_HOSTS: Final = 64
"""Hosts remembered of one account, accounts of one host, contacts of one text. Beyond: no more are added."""

MAX_RECALLED: Final = 200_000
"""Records of the last day that a capture observes again when it begins: some ten seconds' worth. Of each kind all or
none, so that a day of too many messages does not keep the log-ins from being known."""

PAIR_MEMORY_NS: Final = 86_400_000_000_000
"""Nanoseconds of silence after which what one person wrote to another is forgotten: a day."""

MAX_REMEMBERED_PAIRS: Final = 65_536
"""Pairs of people, each direction, that detectors with memory know at a time, some 400 bytes each. Beyond: the longest
silent is forgotten."""

ANSWER_WINDOW_NS: Final = 600_000_000_000
"""Nanoseconds within which a secret that is told answers the one who asked: ten minutes."""

MAX_REMEMBERED_LURES: Final = 32_768
"""Links, file names and texts whose senders and recipients are remembered at a time. Beyond: the longest silent is
forgotten."""

LURE_MEMORY_NS: Final = 3_600_000_000_000
"""Nanoseconds for which they are: worms of 2001 needed minutes."""

MAX_CACHED: Final = 4_096
"""Answers kept of a pure function that is asked the same again and again (is this host inside, which finding is this):
a few for each conversation under way. About 2 MB each with names of real length. The longest unused go, or of a
`recalled` one all: what is still asked comes again."""

MAX_REMEMBERED_SIGHTINGS: Final = 200_000
"""Sightings one run remembers so as not to count a packet twice that two capture files share, about 20 MB. Full: the
oldest quarter is forgotten."""

STORE_BATCH: Final = 16_000
"""Rows a transaction, about 10 MB: a quarter as many cost a tenth more, and a crash loses no more than these. Ids are
random, so every transaction writes most pages of the indices again."""

MAKING_ATTEMPTS: Final = 6
"""Times that a new database is tried to be made while another process makes it, too: with the pauses between about two
seconds, where making one takes a tenth of one."""

STORE_BUSY_SECONDS: Final = 10
"""Seconds to wait for another program that is writing to the same SQLite file."""

WRITER_BATCH: Final = 256
"""Records that `analyze` hands to the process that writes at a time: some 64 KiB, so that a call a record is saved."""

MAX_UNWRITTEN: Final = 16 * 1024 * 1024
"""Bytes of records that wait for the process that writes, beside those in the socket: what is found while it writes one
transaction of STORE_BATCH rows. Beyond: reading waits for it."""

MAX_REPORT_ACTIONS: Final = 5
"""Things that a report says to do first: what a week has room for."""

MAX_RISK_ROWS: Final = 100
"""Findings of each risk that the appendix of a report prints, worst first; it says how many more there are. A report of
1,885 pages is read by nobody."""

MAX_APPENDIX_ROWS: Final = 200
"""Rows of each other table of the appendix."""

MAX_PRINTED_RISK_ROWS: Final = 15
MAX_PRINTED_ROWS: Final = 30
"""The same two of a PDF: laying out a page takes a tenth of a second, and paper is for reading. HTML has more."""

MAX_REPORT_ROWS: Final = 10_000
"""Rows of each table of a report's overview: accounts, log-ins, addresses. Further ones are not told apart any more."""

MAX_NAMES_TOLD: Final = 20
"""Ports, hosts or recipients that one row of a report's overview names."""

MAX_TERMINAL_ROWS: Final = 12
"""Rows of each table on a terminal: the whole must be readable by scrolling once. It says how many more there are, and
where."""

MAX_REPORT_BARS: Final = 48
"""Bars of the chart over time: what is readable at the width of a page."""

# --- capture ---------------------------------------------------------------------------------------------------------

SLAB: Final = 4 * 1024 * 1024
"""Bytes of capture file in memory at once, and as many more where another thread reads ahead: large enough that neither
the calls nor the turns of the threads show (with 2 MiB it takes a twentieth longer), and small enough that the verdicts
on one slab are known in time for the next and that it is still in the processor's cache (8 MiB: the same)."""

MAX_PACKET: Final = 262_144
"""Bytes captured of one packet: tcpdump's and Wireshark's own limit. A record that claims more is corrupt: the file is
cut there (`CaptureCut`), and nothing is allocated for it."""

MAX_BLOCK: Final = 16 * 1024 * 1024
"""Bytes of one pcapng block (the long ones hold names or TLS secrets); Wireshark's limit. Beyond: as MAX_PACKET."""

MAX_INTERFACES: Final = 65_536
"""Interfaces of one pcapng section. 20 bytes of file make one, so a file could otherwise fill memory. Beyond: cut."""

MAX_UNPACK_MEMORY: Final = 128 * 1024 * 1024
"""Bytes an xz or zstd file may ask its decoder to keep: what `xz -9` and `zstd --long` ask. Beyond: unreadable."""

MARK_PLACES: Final = 16
"""Places of a capture that its mark covers, evenly spread, beginning and end among them: as many seeks where the file
lies on a disk that turns, 0.2 s at worst."""

MARK_BLOCK: Final = 16 * 1024
"""Bytes of each such place: some twenty packets or more, each with its time. All of them are hashed in 0.2 ms."""

MAX_DIGEST: Final = 256 * 1024 * 1024
"""Bytes of a capture up to which its whole SHA-256 is made unasked: an eighth of a second beside the analysis. Larger
ones would keep the run waiting for nothing but that, so they have one with `--digest` only."""

CONTINUES_NS: Final = 60 * 1_000_000_000
"""Packet time that may lie between two files of one row for flows to go on from one into the next. Rotated files follow
within the time between two packets; a flow that was silent for longer is met again as one without beginning."""

# --- live capture ----------------------------------------------------------------------------------------------------

RING: Final = 256 * 1024 * 1024
"""Bytes of the ring of one interface unless `--buffer` says otherwise, shared by its workers: two seconds at 1 Gbit/s.
New flows come in bursts, and each takes longer than a packet of a known one: the ring evens that out."""

RING_BLOCK: Final = 256 * 1024
"""Bytes of one block of the ring: what the kernel hands over at once, and the longest packet it can hold. It is also
read at once: a block of nothing but messages takes some 0.1 s, and that is how late the first of them may be told."""

RING_RETIRE_MS: Final = 100
"""Milliseconds after which the kernel hands over a block that is not full: the delay of a packet on a quiet link."""

TURN: Final = 0.05
"""Seconds that a worker reads packets, where there are so many, before it looks at what else is to be done: hand over
what it found, hear what others announce, count what was lost."""

DRAIN: Final = 30.0
"""Seconds that the packets in the ring may take once no more are let in. A ring full of messages and nothing else
may take longer. What is then left is counted as `unread`."""

TICK: Final = 0.1
"""Seconds between two looks at the clock where no packet comes."""

LATE_NS: Final = 1_000_000_000
"""How far behind the wall clock a quiet link's time is taken to be, so that no packet comes after its time."""

PROMPT_NS: Final = 300_000_000
"""Nanoseconds a live session waits after it was identified before its own findings are told: its account is mostly
named by then. Together with RING_RETIRE_MS and TICK this stays under the second that is promised."""

NEW_FLOW_DELAY_NS: Final = 300_000_000
"""Nanoseconds that a new flow waits with several workers: longer than an announcement takes from its packet (up to
RING_RETIRE_MS in the ring) through the writer (LIVE_FLUSH apart, and what a transaction takes) to another worker. What
is told of a session waits for PROMPT_NS in the same time."""

MAX_DELAYED: Final = 32 * 1024 * 1024
"""Bytes of payload of all flows that wait in one worker: 0.3 s of 800 Mbit/s of nothing but new flows. Beyond: the
longest waiting is heard at once, announced or not."""

MAX_DELAYED_FLOW: Final = 1024 * 1024
"""The same of one flow: 0.3 s at 28 Mbit/s, and many round trips of a connection that gathers speed."""

MAX_DELAYED_FLOWS: Final = 10_000
"""Flows that wait in one worker, about 2 KB each without their payload: 33 000 new ones a second."""

LIVE_FLUSH: Final = 0.2
"""Seconds that live records wait to be written together."""

FOLLOW_FLUSH: Final = 1.0
"""Seconds between two writings to the database while a growing capture is followed."""

CHECKPOINT: Final = 10.0
"""Seconds between two writings of the counters of a live run, so that a crash leaves them nearly right."""

MAX_BLIND: Final = 1_000
"""Spans in which packets were lost that one run keeps. Beyond: the last one grows over the following ones."""

BLIND_JOIN_NS: Final = 1_000_000_000
"""Losses less than this apart are one span."""

MAX_HANDOVER: Final = 32 * 1024 * 1024
"""Bytes of records that wait in a worker for the writer. Beyond: records are dropped and counted, packets are not."""

MAX_HELD_PACKETS: Final = 64
"""Packets of one flow that `capture -w` holds until it is decided whether the flow is messaging; the first ones
stay."""

MAX_HELD_OCTETS: Final = 32 * 1024 * 1024
"""Bytes of all packets so held. Beyond: those of flows not yet decided are not held, and are missing in the file."""

MAX_INTERFACES_LIVE: Final = 64
"""Interfaces of one `capture`."""

# --- net: decode and defragment --------------------------------------------------------------------------------------

MAX_LAYERS: Final = 40
"""Headers of one packet, tunnels and all. Real stacks (VLAN, MPLS, GTP, IP in IP, IPv6 extensions) stay under 20.
Beyond: the packet is not decoded."""

FRAGMENT_TIMEOUT: Final = 30_000_000_000
"""Nanoseconds of packet time that the fragments of a datagram are waited for, from the first that came (as Linux does).
After that its leading part is delivered, and `cut` says that there was more."""

MAX_FRAGMENTED: Final = 4_096
"""Datagrams waiting for fragments. Beyond: the oldest is treated as timed out."""

MAX_FRAGMENT_BYTES: Final = 16 * 1024 * 1024
"""Bytes held in waiting fragments, `FRAGMENT_COST` each included; Linux holds 4 MB a host. Beyond: as
MAX_FRAGMENTED."""

FRAGMENT_COST: Final = 256
"""Bytes that a waiting fragment costs beside its data, so that empty-handed fragments count too."""

# --- rules -----------------------------------------------------------------------------------------------------------

MAX_RULE_PATTERN: Final = 2_048
"""Characters of one rule's pattern: what a person can still read. Longer: the signature file is refused."""

MAX_RULE_REPEAT: Final = 512
"""Largest `{m,n}` of a pattern: Hyperscan writes bounded repeats out, and large ones make its databases huge."""

MAX_RULE_EXPANDED: Final = 8_192
"""Positions of a pattern with its bounded repeats written out (nested ones multiply)."""

MAX_MSNP_PAYLOAD: Final = 57_344
"""Bytes of payload that one MSNP command may announce. Messages stay under 1 664, lists (ADL) under 7 500, policies
(GCF) and MSNP21 datagrams under 40 000; with its line it still fits MAX_FRAME. More: `msnp.too-large`, and it is passed
over by its announced length."""

MAX_MSNP_ANNOUNCED: Final = 1 << 20
"""Bytes of payload that are believed: an ADL of 5 000 contacts in one piece has half of it. More is no length:
`msnp.desync`."""

MAX_MSNSLP: Final = 65_536
"""Bytes of one reassembled MSNSLP request: 2 KB, or 50 KB where the invitation carries a preview picture. More:
dropped."""

MAX_P2P_FRAME: Final = 16_384
"""Bytes of one frame of an MSN direct connection. Official clients send at most 1 400. More: `msnp2p.too-large`, and it
is passed over by its length."""

MAX_P2P_ANNOUNCED: Final = 1 << 24
"""Bytes of such a frame that are believed: version 1 has 32 bits for the length of its data. More:
`msnp2p.desync`."""

MAX_MSN_CHUNKS: Final = 64
"""Pieces of one MSN message. The official client splits what is longer than 1 400 characters, and types 20 000 at
most."""

MAX_COOKIE_FRAMES: Final = 32
"""Frames an OSCAR cookie login waits for the server to say whose it is (12 to 20 in real sign-ons): then without
account."""

MAX_FOREIGN_FRAMES: Final = 4
"""Broken frames before the first sound one after which a flow is not OSCAR's, TOC's or OFT's: the dissector gives
up."""

MAX_UNSIGNED: Final = 8
"""Messages in an AIM chat room that wait for their echo, which names their sender; then they go out without one."""

MAX_DIRECT_IM_KEPT: Final = 65_536
"""Bytes kept of one direct AIM message: its text, which comes before its pictures. The rest is counted, not kept."""

MAX_IRC_LINE: Final = 8_191 + 512
"""Bytes of one IRC line: IRCv3 allows 8191 of tags before RFC 1459's 512. Longer: `irc.too-large`, and the next line is
read."""

MAX_ADDRESSEES: Final = 64
"""Recipients told of one message, rooms of one JOIN, files of one offer. Servers allow 4 to 20; one line or packet can
name thousands, each an event with the whole text. The others are not told."""

MAX_IRC_UNPROVEN: Final = 16_384
"""Bytes both sides may say before a line proves that it is IRC; real sessions prove it in their first 200."""

MAX_PENDING_LINES: Final = 64
"""Lines an IRC login waits for the answer that tells its outcome: greetings, MOTD and host look-up come before it."""

MAX_SASL: Final = 32_768
"""Characters of one SASL response over IRC, in pieces of 400; the longest real ones are bearer tokens of 4 KB."""

MAX_FILTER: Final = 1_000
"""Characters of a `-f` filter; bounds how deep its brackets nest."""

MAX_KEPT_DATABASES: Final = 16
"""Compiled signature databases kept in the cache directory (about 200 KB each): the newest stay."""

MAX_FAULTS: Final = 100
"""Faults of a database that `db verify` tells; who has more restores a copy."""

# --- envelopes --------------------------------------------------------------------------------------------------------

MAX_HELLO: Final = 32_768
"""Bytes of TLS handshake messages kept of one side. A ClientHello with post-quantum keys has 2 kB, a chain of
certificates up to 10 kB. More: the flow is judged by what else it shows."""

MAX_CERTIFICATE_NAMES: Final = 100
"""Host names taken from one certificate; content networks put up to a hundred services on one."""

MAX_QUIC_INITIALS: Final = 32
"""Initial packets of one flow that are decrypted, and pieces of its hello; real hellos need two to four."""

MAX_QUIC_KEYS: Final = 4
"""Connection ids of one QUIC flow whose keys are tried: the client's first, one after a Retry, and two to spare."""

MAX_DNS_RECORDS: Final = 64
"""Questions, and answers, of one DNS message that are read."""

MAX_ENVELOPE_PACKETS: Final = 24
"""Datagrams of one flow in which its service is looked for before it is left alone; of a stream, MAX_HELLO bytes."""

MAX_USE_NAMES: Final = 8
"""Host names kept of one period of use."""

USE_GAP_NS: Final = 900 * 1_000_000_000
"""Time without a flow after which a host's use of a service is over: 15 minutes (contract 4.2)."""

MAX_USES: Final = 50_000
"""Periods of use open at once; the least recent ends."""

MAX_RESOLVED: Final = 100_000
"""Pairs of client and address remembered from DNS answers; the oldest go."""

RESOLVED_GRACE_NS: Final = 300 * 1_000_000_000
"""Time beyond its TTL that a DNS answer still explains a flow: clients keep addresses longer than they may."""

ATTEMPT_NS: Final = 60 * 1_000_000_000
"""Time in which a flow must follow a look-up, else the look-up was an attempt."""

MAX_ATTEMPTS: Final = 10_000
"""Look-ups that wait for a flow at once; further ones are not told."""
