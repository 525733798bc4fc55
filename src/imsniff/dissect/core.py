"""The sans-io contract of every dissector: bytes in, events out. No sockets, clock, logging or database.

A dissector has three parts: `frames` cuts one side's bytes, `on_frame` says what a frame means, and `marks` with
`plausible` tell where a frame can begin when the framing is not known (mid-stream, after a gap, after hostile bytes).

Three rules keep every dissector honest, and `tests/contract` holds each to them:

* what is emitted depends on the bytes of each side and their order, never on how they were cut into segments;
* hostile bytes never raise, loop or hoard: `Malformed` is caught here and nowhere else;
* a dissector dispatches on content. `side` is a hint that may be wrong for flows met mid-stream.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar, Generic, TypeVar

import msgspec

from imsniff.base.events import Anomaly, Event, Expect, Login, Outcome, Side
from imsniff.base.limits import LOOKAHEAD, MAX_DESYNCS, MAX_FRAME, MAX_HELD_FRAMES, MAX_REMEMBERED
from imsniff.dissect.cursor import Malformed, TooLarge

Frame = TypeVar("Frame")
Key = TypeVar("Key")
Value = TypeVar("Value")

ABSENT: Any = object()

REGISTRY: dict[str, type[Dissector[Any]]] = {}
"""Protocol name to dissector, filled as the classes are made."""


class Inbox:
    """Bytes of one side that are not yet cut into frames.

    `data` may be read freely; only the methods remove from its front. `until` remembers how far it has searched, so
    that a terminator that does not come costs linear time however small the segments are.
    """

    __slots__ = ("_searched", "data")

    def __init__(self) -> None:
        self.data = bytearray()
        self._searched = 0

    def __len__(self) -> int:
        return len(self.data)

    def drop(self, size: int) -> None:
        del self.data[:size]
        self._searched = 0

    def clear(self) -> None:
        self.drop(len(self.data))

    def take(self, size: int) -> bytes | None:
        """The first `size` bytes, removed; None while they are not all there."""
        data = self.data
        if len(data) <= size:
            if len(data) < size:
                return None
            taken = bytes(data)
            data.clear()
        else:
            taken = bytes(memoryview(data)[:size])
            del data[:size]
        self._searched = 0
        return taken

    def find(self, mark: bytes, limit: int) -> int:
        """Where `mark` begins, or -1 while it has not come. Raises Malformed once it cannot be in `limit` bytes."""
        found = self.data.find(mark, self._searched, limit + len(mark))
        if found >= 0:
            return found
        if len(self.data) >= limit + len(mark):
            raise Malformed(f"no {mark!r} in {limit} bytes")
        self._searched = max(0, len(self.data) - len(mark) + 1)
        return -1

    def until(self, mark: bytes, limit: int) -> bytes | None:
        """The bytes before `mark`, removed together with it; None while it has not come."""
        found = self.find(mark, limit)
        if found < 0:
            return None
        before = bytes(self.data[:found])
        self.drop(found + len(mark))
        return before

    def line(self, limit: int) -> bytes | None:
        """The next line without its end, which is `\\n` or `\\r\\n`; None while it has not come."""
        line = self.until(b"\n", limit)
        return line if line is None else line.removesuffix(b"\r")


class CappedTable(dict[Key, Value]):
    """A table of what a peer said, at most `cap` entries: the one that was set the longest ago goes first."""

    __slots__ = ("_cap",)

    def __init__(self, cap: int = MAX_REMEMBERED) -> None:
        super().__init__()
        self._cap = cap

    def __setitem__(self, key: Key, value: Value) -> None:
        if self.pop(key, ABSENT) is ABSENT and len(self) >= self._cap:  # set again, it is the newest
            del self[next(iter(self))]
        dict.__setitem__(self, key, value)

    def setdefault(self, key: Key, default: Value) -> Value:
        if key not in self:
            self[key] = default
        return self[key]


class Dissector(Generic[Frame]):
    """Base of all dissectors; one instance a flow."""

    name: ClassVar[str]
    """The dissector's own name, which signatures and `Expect` say."""
    protocol: ClassVar[str]
    """The session's `protocol` of the contract: `name`, where a class does not say otherwise."""
    max_frame: ClassVar[int] = MAX_FRAME
    """Bytes one side may have waiting."""
    proof: ClassVar[int] = 1
    """Well-formed frames, both sides together, after which the flow is *dissected* and its session is claimed.
    Raise it, or override `confirmed`, where one frame can be a coincidence."""
    marks: ClassVar[re.Pattern[bytes]]
    """Finds where a frame may begin: `match.start()`. Linear, and never longer than `mark_size` bytes. A lookbehind
    such as `(?<=\\n)` is fine."""
    mark_size: ClassVar[int] = 32
    reads_http: ClassVar[bool] = False
    """Whether its frames may come inside of HTTP, which it reads itself."""
    datagrams_only: ClassVar[bool] = False
    """A frame is a datagram and nothing in it tells its length: there is no stream of this protocol."""

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        if "name" in cls.__dict__:
            if "protocol" not in cls.__dict__:
                cls.protocol = cls.name
            REGISTRY[cls.name] = cls

    def __init__(self, *, midstream: bool = False, expected: Expect | None = None) -> None:
        self.expected = expected
        """What signalling said of this flow, where it did."""
        self.good = 0
        """Well-formed frames so far."""
        self.turns = dict.fromkeys(Side, 0)
        """How often each side began to speak the protocol after the other side did, its first frame included."""
        self.answer_implied = False
        """Set by a dissector once what one side says shows that the other side answered (a response to a challenge)."""
        self.keep = 0
        """Bytes of a file that are kept, for who wants to save it. Set by the pipeline."""
        self._speaker: Side | None = None
        self.now: tuple[int, int] | None = None
        """Frame and time of what is being fed, set by the pipeline. Handed back in `Login.origin`, never looked at."""
        self.opaque = False
        """Set by a dissector once nothing more can be read (after STARTTLS): the rest is counted, not fed."""
        self._inbox = {side: Inbox() for side in Side}
        self._lost = set(Side) if midstream else set()
        self._fresh = set(self._lost)
        """Lost sides whose first byte is still the first byte after the hole: a frame may well begin there."""
        self._desyncs = dict.fromkeys(Side, 0)
        self._skipping = dict.fromkeys(Side, 0)
        """Bytes still to come of a frame that is too large to be kept (`TooLarge`)."""
        self._held: Login | None = None
        self._held_since = 0

    # --- what a protocol writes ---------------------------------------------------------------------------------------

    def frames(self, side: Side, box: Inbox) -> Iterator[Frame]:
        """Cut whole frames off the front of `box`, leave a partial one in place.

        Raise Malformed when the framing is broken: the dissector then looks for the next plausible frame. Raise
        TooLarge when a frame is legal but larger than what is kept: it becomes `<name>.too-large` and is passed over by
        its announced length. Must take from `box` before it yields, and must end when no whole frame is left."""
        raise NotImplementedError

    def on_frame(self, side: Side, frame: Frame) -> Iterable[Event]:
        """What one frame means: a generator, or `()` for no events.

        Raise Malformed when it is bad but the framing still holds."""
        raise NotImplementedError

    def plausible(self, side: Side, data: bytearray, at: int) -> bool | None:
        """Whether a frame begins at `data[at:]`; None while more bytes are needed to say so.

        Must look at no more than `LOOKAHEAD` bytes; None after that many counts as no."""
        raise NotImplementedError

    def restart(self, side: Side) -> None:
        """Forget any parse state of one side's framing (a payload awaited, an XML parser): bytes were lost."""

    def on_end(self) -> Iterator[Event]:
        """The flow ended: what is still worth saying."""
        yield from ()

    def proves(self, frame: Frame) -> bool:
        """Whether a well-formed frame shows that its sender speaks this protocol, and not one that looks like it."""
        return True

    @property
    def confirmed(self) -> bool:
        """Whether enough was dissected to claim the session."""
        return self.good >= self.proof

    @property
    def given_up(self) -> bool:
        """Whether both sides lost their framing for good: these bytes are something else."""
        return all(count > MAX_DESYNCS for count in self._desyncs.values())

    # --- what a protocol may call -------------------------------------------------------------------------------------

    def hold(self, login: Login) -> Iterator[Event]:
        """Keep a login back until `settle` knows its outcome; it goes out as `unknown` after MAX_HELD_FRAMES frames,
        at a gap, or at the end. A login held earlier goes out now."""
        yield from self.settle(Outcome.UNKNOWN)
        self._held, self._held_since = self.dated(login), self.good

    def dated(self, login: Login) -> Login:
        """The login with where it stands in the capture, for one whose event comes later than its frame."""
        return msgspec.structs.replace(login, origin=self.now)

    def settle(self, outcome: Outcome) -> Iterator[Event]:
        """Let go of the held login, if any, with its outcome."""
        if self._held is not None:
            login, self._held = self._held, None
            yield login if outcome is Outcome.UNKNOWN else msgspec.structs.replace(login, outcome=outcome)

    def pass_over(self, side: Side, box: Inbox, size: int) -> None:
        """Drop the next `size` bytes of one side: what is there of them now, the rest as it comes."""
        there = min(size, len(box))
        box.drop(there)
        self._skipping[side] = size - there

    # --- what the pipeline calls --------------------------------------------------------------------------------------

    def feed(self, side: Side, data: bytes) -> Iterable[Event]:
        """The next bytes of one side's stream."""
        events: list[Event] = []
        if self.opaque or self._desyncs[side] > MAX_DESYNCS:
            return events
        box = self._inbox[side]
        box.data += data
        if self._skipping[side]:
            self.pass_over(side, box, self._skipping[side])
        while side not in self._lost or self._find_frame(side, box):
            try:
                for frame in self.frames(side, box):
                    events += self._judge(side, frame)
                    if self.opaque:
                        box.clear()
                        return events
                if len(box.data) > self.max_frame:
                    raise Malformed(f"{len(box)} bytes without a whole frame")
                break
            except TooLarge as why:
                events.append(Anomaly(side=side, code=f"{self.name}.too-large", detail=str(why)))
                if why.size is None:
                    self._lose(side)
                    box.drop(1)
                else:
                    self.restart(side)
                    self.pass_over(side, box, why.size)
            except Malformed as why:
                self._desyncs[side] += 1
                self._lose(side)
                box.drop(1)
                events.append(Anomaly(side=side, code=f"{self.name}.desync", detail=str(why)))
                if self._desyncs[side] > MAX_DESYNCS:
                    box.clear()
                    break
        return events

    def datagram(self, side: Side, data: bytes) -> Iterable[Event]:
        """One UDP payload: its framing ends with it."""
        events: list[Event] = []
        box = self._inbox[side]
        box.data[:] = data
        self._lost.discard(side)
        try:
            for frame in self.frames(side, box):
                events += self._judge(side, frame)
        except TooLarge as why:
            events.append(Anomaly(side=side, code=f"{self.name}.too-large", detail=str(why)))
        except Malformed as why:
            events.append(Anomaly(side=side, code=f"{self.name}.malformed", detail=str(why)))
        box.clear()
        self.restart(side)
        return events

    def gap(self, side: Side, missing: int) -> Iterator[Event]:
        """`missing` bytes of one side were not captured."""
        if self.opaque:
            return
        yield from self.settle(Outcome.UNKNOWN)
        self._inbox[side].clear()
        if 0 < missing <= self._skipping[side]:  # within a frame that is passed over the framing holds
            self._skipping[side] -= missing
        else:
            self._lose(side)
            self._fresh.add(side)
        yield Anomaly(side=side, code="stream.gap", detail=f"{missing} bytes not captured")

    def end(self) -> Iterator[Event]:
        """No more bytes will come."""
        yield from self.settle(Outcome.UNKNOWN)
        yield from self.on_end()

    # --- inside -------------------------------------------------------------------------------------------------------

    def _judge(self, side: Side, frame: Frame) -> list[Event]:
        events: list[Event] = []
        try:
            events += self.on_frame(side, frame)  # events before the fault are kept
            self.good += 1
            if side is not self._speaker and self.proves(frame):
                self._speaker = side
                self.turns[side] += 1
        except Malformed as why:  # this frame is bad, the framing still holds
            events.append(Anomaly(side=side, code=f"{self.name}.malformed", detail=str(why)))
        if self._held is not None and self.good - self._held_since >= MAX_HELD_FRAMES:
            events += self.settle(Outcome.UNKNOWN)
        return events

    def _lose(self, side: Side) -> None:
        self._lost.add(side)
        self._skipping[side] = 0
        self._fresh.discard(side)
        self.restart(side)

    def _find_frame(self, side: Side, box: Inbox) -> bool:
        """Drop bytes up to the next plausible frame; False while none is there yet."""
        data, at = box.data, 0
        fresh = side in self._fresh
        while True:
            if not (fresh and at == 0):
                found = self.marks.search(data, at)
                if found is None:
                    break
                at = found.start()
            verdict = self.plausible(side, data, at)
            if verdict is None and len(data) - at < LOOKAHEAD:
                box.drop(at)
                self._fresh.add(side)  # a lookbehind in `marks` would not see this place again
                return False
            if verdict:
                box.drop(at)
                self._lost.discard(side)
                self._fresh.discard(side)
                return True
            if fresh and at == 0:
                fresh = False
                self._fresh.discard(side)
            else:
                at += 1
        box.drop(max(0, len(data) - self.mark_size))
        return False


def length_prefixed(box: Inbox, header: int, size_of: Callable[[bytearray], int]) -> Iterator[bytes]:
    """Cut frames whose first `header` bytes tell, through `size_of`, how long the whole frame is."""
    while len(box) >= header:
        size = size_of(box.data)
        if size < header:
            raise Malformed(f"frame of {size} bytes is shorter than its header")
        frame = box.take(size)
        if frame is None:
            return
        yield frame
