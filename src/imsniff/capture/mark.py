"""A capture's mark: by what a file is known again, in milliseconds whatever its size.

It is a SHA-256 over the size and some places of the file. Every place of a capture has packets with times of their own,
so different captures have different marks. It is no evidence: bytes between the places can be changed without it.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from imsniff.base.limits import MARK_BLOCK, MARK_PLACES


def mark(file: Path) -> str:
    """64 hex digits. Raises OSError."""
    with file.open("rb", buffering=0) as stream:
        size = stream.seek(0, 2)
        made = hashlib.sha256(size.to_bytes(8, "big"))
        for place in range(MARK_PLACES):  # from the very beginning to the very end
            stream.seek(max(size - MARK_BLOCK, 0) * place // (MARK_PLACES - 1))
            made.update(stream.read(MARK_BLOCK))
    return made.hexdigest()
