"""What to do about a finding: the words of the table of risks, filled in with who, where and on which server."""

from __future__ import annotations

from collections.abc import Sequence

from imsniff.base.risks import CASES, RISKS, Case, Risk

GENERAL = {"subject": "the user", "service": "the service", "server": "the server", "host": "the host"}
"""For a legend: about no finding in particular."""


def general(template: str) -> str:
    """A remedy as a legend gives it."""
    return template.format_map(GENERAL)


def advised(
    risk: str, case: str, *, subject: str, service: str, server: str, server_name: str | None, hosts: Sequence[str]
) -> Case:
    """Title and remedy of a finding. case: a name in CASES, or empty. Values are put in as they are, once: braces in
    an account's name are two characters of it."""
    about = CASES.get(case) or RISKS[Risk(risk)]
    filled = about.remedy.format_map(
        {"subject": subject, "service": service, "server": called(server, server_name), "host": listed(hosts)}
    )
    return Case(about.title, filled)


def called(server: str, name: str | None) -> str:
    """`jabber.example.org (10.0.0.1:5222)`."""
    return f"{name} ({server})" if name else server


def listed(hosts: Sequence[str], most: int = 3) -> str:
    """`10.0.0.1, 10.0.0.2 and 4 more`."""
    shown = ", ".join(hosts[:most])
    return f"{shown} and {len(hosts) - most} more" if len(hosts) > most else shown
