"""The risks: one table, the only source of titles, severities, remedies and accountability.

Help, docs and the legends of reports are made from it, and a policy names risks by these identifiers.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from imsniff.base.records import Severity


class Risk(StrEnum):
    ROGUE_IM = "rogue-im"
    ODD_PORT = "odd-port"
    TUNNELLED_IM = "tunnelled-im"
    CLEARTEXT_CREDENTIAL = "cleartext-credential"
    TOKEN_EXPOSED = "token-exposed"
    CLEARTEXT_MESSAGES = "cleartext-messages"
    PEER_ADDRESS_EXPOSED = "peer-address-exposed"
    FILE_TRANSFER = "file-transfer"
    RISKY_FILE = "risky-file"
    MALICIOUS_LINK = "malicious-link"
    WORM_PROPAGATION = "worm-propagation"
    ACCOUNT_SHARED = "account-shared"
    MANY_ACCOUNTS = "many-accounts"
    IMPERSONATION = "impersonation"
    SOCIAL_ENGINEERING = "social-engineering"
    SENSITIVE_CONTENT = "sensitive-content"
    INAPPROPRIATE_LANGUAGE = "inappropriate-language"
    COPYRIGHT_MEDIA = "copyright-media"
    UNRECORDED_CHANNEL = "unrecorded-channel"
    POLICY_VIOLATION = "policy-violation"


class Accountable(StrEnum):
    """At which end the fault can be mended."""

    CLIENT = "client"
    SERVER = "server"
    BOTH = "both"


class Fear(StrEnum):
    """Why somebody runs this program: the question of the security team that a risk answers."""

    UNKNOWN_CHANNEL = "Which messaging runs here that nobody approved?"
    BYPASS = "Who goes round our port blocking?"
    STOLEN_ACCOUNT = "Whose account could an eavesdropper take over?"
    LEAKED_CONTENT = "What could an eavesdropper read?"
    MAPPED_NETWORK = "What do outsiders learn of our inside addresses?"
    MALWARE = "What came in beside the mail filter?"
    DECEPTION = "Who is being deceived?"
    COMPLIANCE = "What should have been recorded and was not?"
    LIABILITY = "What could the company be held liable for?"


class About(NamedTuple):
    severity: Severity
    """Unless the detector knows better for the case at hand, or the policy says otherwise."""
    accountable: Accountable
    title: str
    fear: Fear
    remedy: str
    """What to do on Monday morning: a template of `detect.advice`."""


_INFO, _LOW, _MEDIUM, _HIGH, _CRITICAL = Severity
_CLIENT, _SERVER, _BOTH = Accountable

RISKS: dict[Risk, About] = {
    Risk.ROGUE_IM: About(
        _MEDIUM,
        _CLIENT,
        "Instant messaging in use",
        Fear.UNKNOWN_CHANNEL,
        "Ask {subject} at {host} why. Remove the client or move them to the "
        "approved service; if {server} is approved, allow it in the policy file.",
    ),
    Risk.ODD_PORT: About(
        _MEDIUM,
        _BOTH,
        "Messaging on a port that is not its own",
        Fear.BYPASS,
        "Block the address of {server}, not the port; let only the proxy "
        "leave the network, and have it inspect the protocol.",
    ),
    Risk.TUNNELLED_IM: About(
        _MEDIUM,
        _CLIENT,
        "Messaging inside a proxy or a web connection",
        Fear.BYPASS,
        "On the proxy or gateway {server}, allow only named destinations and "
        "require a log-in; ask {subject} at {host} why.",
    ),
    Risk.CLEARTEXT_CREDENTIAL: About(
        _HIGH,
        _BOTH,
        "Password readable or guessable on the wire",
        Fear.STOLEN_ACCOUNT,
        "Change the password of {subject} now, everywhere it is used. "
        "Require TLS on {server} and switch off plain log-in in the client at {host}.",
    ),
    Risk.TOKEN_EXPOSED: About(
        _MEDIUM,
        _BOTH,
        "Log-in token readable on the wire",
        Fear.STOLEN_ACCOUNT,
        "Sign {subject} out of all sessions so that the token dies, then require "
        "TLS on {server} for the whole session and not only for the log-in.",
    ),
    Risk.CLEARTEXT_MESSAGES: About(
        _MEDIUM,
        _BOTH,
        "Conversation readable on the wire",
        Fear.LEAKED_CONTENT,
        "Require TLS on {server}, refuse clients without it, and move what is confidential to a service that encrypts.",
    ),
    Risk.PEER_ADDRESS_EXPOSED: About(
        _MEDIUM,
        _CLIENT,
        "Address of a host told to a peer",
        Fear.MAPPED_NETWORK,
        "Switch off direct connections in the client at {host}, or force transfers through the server or a relay.",
    ),
    Risk.FILE_TRANSFER: About(
        _LOW,
        _CLIENT,
        "File sent through messaging",
        Fear.MALWARE,
        "Scan the file on the receiving host, and check that it was allowed "
        "to leave {host}. Block peer-to-peer connections between clients.",
    ),
    Risk.RISKY_FILE: About(
        _HIGH,
        _CLIENT,
        "Executable or disguised file sent through messaging",
        Fear.MALWARE,
        "Isolate the receiving host, scan it, and ask the sender by another channel whether it was meant.",
    ),
    Risk.MALICIOUS_LINK: About(
        _HIGH,
        _CLIENT,
        "Link of a known bad kind in a message",
        Fear.MALWARE,
        "Block the address at the proxy, find in its log who opened it, and scan those hosts.",
    ),
    Risk.WORM_PROPAGATION: About(
        _CRITICAL,
        _CLIENT,
        "The same lure sent to many contacts: a worm at work",
        Fear.MALWARE,
        "Take the sending host off the network now, reset the account's "
        "password, and warn everybody on its contact list.",
    ),
    Risk.ACCOUNT_SHARED: About(
        _MEDIUM,
        _CLIENT,
        "One account on several hosts",
        Fear.STOLEN_ACCOUNT,
        "Ask the owner of {subject} whether these hosts are all theirs: {host}; "
        "if not, reset the password and give each user an account.",
    ),
    Risk.MANY_ACCOUNTS: About(
        _LOW,
        _CLIENT,
        "Many accounts on one host",
        Fear.UNKNOWN_CHANNEL,
        "Find out whether the host is shared, a gateway, or a bot.",
    ),
    Risk.IMPERSONATION: About(
        _HIGH,
        _CLIENT,
        "A name made to look like somebody else's",
        Fear.DECEPTION,
        "Warn the person imitated and those who were written to; block the account.",
    ),
    Risk.SOCIAL_ENGINEERING: About(
        _HIGH,
        _CLIENT,
        "A message that asks for what should not be given",
        Fear.DECEPTION,
        "Ask the recipient what was answered; change what was given away.",
    ),
    Risk.SENSITIVE_CONTENT: About(
        _HIGH,
        _CLIENT,
        "Confidential data in a message",
        Fear.LEAKED_CONTENT,
        "Treat it as a disclosure: tell the owner of the data, and move the conversation to an approved channel.",
    ),
    Risk.INAPPROPRIATE_LANGUAGE: About(
        _LOW,
        _CLIENT,
        "Language against the house rules",
        Fear.LIABILITY,
        "Hand it to those whom the house rules name; keep the evidence as they direct.",
    ),
    Risk.COPYRIGHT_MEDIA: About(
        _LOW,
        _CLIENT,
        "Music, film or software sent through messaging",
        Fear.LIABILITY,
        "Ask whether the file may be shared; delete it where not.",
    ),
    Risk.UNRECORDED_CHANNEL: About(
        _MEDIUM,
        _BOTH,
        "Business conversation on a channel that nobody records",
        Fear.COMPLIANCE,
        "Move the conversation to the recorded service, and tell compliance that this one exists.",
    ),
    Risk.POLICY_VIOLATION: About(
        _HIGH,
        _CLIENT,
        "Messaging that the policy forbids",
        Fear.UNKNOWN_CHANNEL,
        "Block {service} at {server}, and speak with {subject} at {host}.",
    ),
}


class Case(NamedTuple):
    """What is said of a risk where the usual words would be wrong."""

    title: str
    remedy: str


CASES: dict[str, Case] = {
    "guessable": Case(
        "Password can be guessed from what was on the wire",
        "Make the password of {subject} a long random one, and require TLS on {server}: who listened can try "
        "passwords offline.",
    ),
    "failed-login": Case(
        "Failed log-in with a readable password",
        "Ask {subject} at {host} which password was tried: it is not this account's, but maybe another one's. "
        "Require TLS on {server}.",
    ),
    "room-key": Case(
        "Key of a room readable on the wire",
        "Set another key on {subject}, and require TLS on {server}.",
    ),
    "stranger": Case(
        "Address of somebody outside shown to ours",
        "Nothing to do here: {server} shows this address of {subject} to whoever asks.",
    ),
}
"""By the name that a detector gives to the case at hand."""
