"""What may be kept of secrets and of what people wrote."""

from __future__ import annotations

import os
import secrets
from enum import StrEnum
from hashlib import blake2b
from pathlib import Path

KEY_VARIABLE = "IMSNIFF_FINGERPRINT_KEY"


class Content(StrEnum):
    """How much message text is kept (`--content`)."""

    NONE = "none"
    MATCHED = "matched"
    """Only the text of messages that a lexicon, link or content rule matched, numbers and secrets in it masked."""
    ALL = "all"


def fingerprint(secret: str, key: bytes) -> str:
    """16 hex digits that are equal for equal secrets under one key, and say nothing about them without it."""
    return blake2b(secret.encode("utf-8", "surrogatepass"), digest_size=8, key=key[:64]).hexdigest()


def fingerprint_key(home: Path) -> bytes:
    """The installation's key: from the environment (so that several sensors agree), else from a file of its own in
    `home`, made at first use and readable by its owner only. Where that cannot be written, a key for this run."""
    if given := os.environ.get(KEY_VARIABLE):
        return given.encode()
    file = home / "fingerprint.key"
    try:
        return file.read_bytes()
    except OSError:
        key = secrets.token_bytes(32)
    try:
        home.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as new:
            new.write(key)
    except FileExistsError:
        return file.read_bytes()
    except OSError:
        pass
    return key


def strength(secret: str) -> str:
    """What may be said of a secret: its length and character classes."""
    classes = {
        "lower case": str.islower,
        "upper case": str.isupper,
        "digits": str.isdigit,
        "others": lambda char: not char.isalnum(),
    }
    found = [name for name, belongs in classes.items() if any(map(belongs, secret))]
    return f"{len(secret)} characters: {', '.join(found) or 'none'}"
