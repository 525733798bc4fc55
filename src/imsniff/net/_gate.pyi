from collections.abc import Iterator

from imsniff.capture.batch import Batch
from imsniff.net.porch import Porch, Raised
from imsniff.net.segment import Segment

class Gate:
    frames: int
    skipped: int
    last_ts: int
    @property
    def enabled(self) -> bool: ...
    @property
    def ignored(self) -> int: ...
    def __init__(
        self,
        porch: Porch | None = None,
        *,
        enabled: bool = True,
        chunk: int = ...,
        octets: int = ...,
        entries: int = ...,
        secret: bytes | None = None,
    ) -> None: ...
    def raise_packets(self, batch: Batch) -> Iterator[Raised]: ...
    def ignore(self, segment: Segment) -> None: ...
    def covers(self, segment: Segment) -> bool: ...
