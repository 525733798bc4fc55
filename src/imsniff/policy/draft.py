"""A first policy file, made from what was seen: everything stands in comments, for an operator to choose from."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from imsniff.base.escape import visible
from imsniff.base.records import SessionRecord

_HEAD = """\
# A draft made from what imsniff has seen: take away the `#` before what you approve (`[[allow]]`), or write `[[deny]]`
# for what you forbid. `imsniff policy check FILE` says in sentences what it means, and what it makes of what was seen.
version = 1
# timezone = "Europe/Zurich"

# [severity]
# file-transfer = "medium"            # or "off": all risks are in `imsniff report` and docs/risks.md

# [groups]
# trading = ["10.1.7.0/24"]           # may stand as `client` in every rule
"""
_NAME = re.compile(r"[a-z0-9._-]{1,253}", re.IGNORECASE)
MOST = 40
"""Rules that are drafted: those with most sessions."""


def draft(sessions: Iterable[SessionRecord]) -> str:
    """TOML. Names that strangers wrote stand in comments only, or are of letters, digits, dots and hyphens."""
    counted: Counter[tuple[str, str]] = Counter()
    people: dict[tuple[str, str], set[str]] = {}
    for session in sessions:
        name = session.server_name or ""
        server = name if _NAME.fullmatch(name) and not name.replace(".", "").isdigit() else session.server_ip
        known = session.service if session.protocol == "encrypted" and session.service else session.protocol
        key = (known, "" if session.protocol == "encrypted" else server)
        counted[key] += 1
        people.setdefault(key, set()).add(session.account or session.client_ip)
    parts = [_HEAD]
    for (protocol, server), count in counted.most_common(MOST):
        who = sorted(people[protocol, server])
        shown = visible(", ".join(who[:3])) + (f" and {len(who) - 3} more" if len(who) > 3 else "")
        at = f" at {server}" if server else ""
        parts.append(
            f"# Seen: {count:,} session{'s' if count != 1 else ''} of {shown}\n"
            f'# [[allow]]\n# name = "{protocol}{at}"\n# protocol = "{protocol}"\n'
            + (f'# server = "{server}"\n' if server else "")
        )
    if len(counted) > MOST:
        parts.append(f"# and {len(counted) - MOST:,} more services and servers: see `imsniff report`\n")
    return "\n".join(parts)
