"""`imsniff capture`: interfaces in, findings as they happen."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

import click

from imsniff import PROGRAM
from imsniff.cli.exits import Exit, Failure
from imsniff.cli.options import database, db_option, home, policy_option, signatures_option
from imsniff.cli.terminal import Reporter
from imsniff.cli.units import DURATION, SIZE

if TYPE_CHECKING:
    from imsniff.capture.live import LiveSource
    from imsniff.live.collector import Collector
    from imsniff.live.counts import Counts
    from imsniff.pipeline import Options


@click.command(
    epilog="""\b
Examples:
  imsniff capture -i eth1                                a span port, until Ctrl-C
  imsniff capture -i eth1 -i eth2 --duration 8h -Z imsniff --db /var/lib/imsniff/sensor.db
  imsniff capture -i eth1 --workers 4 -f 'not port 443'
  imsniff capture -i eth1 -w im.pcapng --rotate-size 100M --rotate-keep 20
  imsniff capture -i eth1 | jq 'select(.kind == "finding")'

\b
Signals:
  INT, TERM  end: what is open is closed and stored, exit code 0
  HUP        read signatures and policy again; flows stay
  USR1       print statistics on standard error
""",
)
@click.option(
    "-i",
    "--interface",
    "interfaces",
    multiple=True,
    required=True,
    metavar="IFACE",
    help="Where to listen; may be repeated. 'any': all of them.",
)
@click.option(
    "-f",
    "--filter",
    "expression",
    metavar="BPF",
    help="Only packets that fit, in libpcap's language: 'tcp and not port 443'.",
)
@db_option
@policy_option
@signatures_option
@click.option(
    "--content",
    type=click.Choice(["none", "matched", "all"]),
    default="matched",
    show_default=True,
    help="Message text to keep: none, that of messages a rule matched, or all.",
)
@click.option("--keep-secrets", is_flag=True, help="Keep passwords and tokens as seen. Off: a keyed fingerprint only.")
@click.option("--jsonl", is_flag=True, help="Every record as a JSON object a line, also on a terminal.")
@click.option(
    "-w",
    "--write",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the packets of messaging sessions, and no others, to a capture file.",
)
@click.option("--rotate-size", type=SIZE, metavar="SIZE", help="With -w: begin a new file after so many bytes.")
@click.option("--rotate-time", type=DURATION, metavar="TIME", help="With -w: begin a new file after so long.")
@click.option("--rotate-keep", type=click.IntRange(1), metavar="N", help="With -w: keep the last N files only.")
@click.option("--duration", type=DURATION, metavar="TIME", help="End by itself after 90s, 15m, 2h, 1d.")
@click.option(
    "--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes that share the packets."
)
@click.option(
    "--buffer",
    type=SIZE,
    default="256M",
    show_default=True,
    metavar="SIZE",
    help="Memory for packets of each interface that wait to be read.",
)
@click.option("-p", "--no-promiscuous", is_flag=True, help="Leave the interfaces out of promiscuous mode.")
@click.option("-Z", "--user", metavar="USER", help="Become this user once the interfaces are open.")
@click.option(
    "--fail-on",
    type=click.Choice(["info", "low", "medium", "high", "critical"]),
    help="Exit with 1 where a finding is as severe or worse.",
)
@click.pass_obj
def command(voice: Reporter, /, **given: Any) -> int:  # noqa: ANN401 - options, as click names them
    """Listen on interfaces: instant messaging as it happens.

    Nothing is ever sent. On a terminal a live view is shown and, at the end, the findings; piped, every record is a
    JSON object a line, a finding within a second of the packet that proves it. Everything goes to the database.
    Needs root or CAP_NET_RAW.
    """
    from imsniff.capture.errors import BadFilter, CannotCapture
    from imsniff.capture.privileges import NoSuchUser, drop

    if not given["write"] and any(given[name] is not None for name in ("rotate_size", "rotate_time", "rotate_keep")):
        raise click.UsageError("--rotate-size, --rotate-time and --rotate-keep are about the files of -w.")
    try:
        read = partial(_options, given)  # again at SIGHUP
        options = read()
        given["program"] = PROGRAM
        with ExitStack() as stack:
            shares = _opened(given, stack)
            if given["user"]:
                _load_all(options, given)
                drop(given["user"])
            return _Run(voice, given, read, options, shares, stack).run()
    except BadFilter as why:
        raise click.BadParameter(str(why), param_hint="'-f'") from None
    except NoSuchUser as why:
        raise click.BadParameter(str(why), param_hint="'-Z'") from None
    except CannotCapture as why:
        raise Failure(str(why), Exit.CAPTURE) from None


def _options(given: dict[str, Any]) -> Options:
    """Raises SignatureError and PolicyError."""
    from imsniff.pipeline import Options
    from imsniff.policy import file as policies
    from imsniff.policy.policy import Policy
    from imsniff.record.privacy import Content
    from imsniff.rules import loader

    signatures = loader.load(given["signatures"])
    return Options(
        signatures=signatures,
        policy=policies.load(given["policy"], signatures.names) if given["policy"] else Policy(),
        content=Content(given["content"]),
        keep_secrets=given["keep_secrets"],
    )


def _load_all(options: Options, given: dict[str, Any]) -> None:
    """Import what a run will need: the user it becomes may not be allowed to read where Python is installed."""
    from importlib import import_module

    from sqlalchemy import make_url
    from sqlalchemy.exc import SQLAlchemyError

    from imsniff.pipeline import Sensor

    for name in (
        "capture.rotate",
        "cli.analyze",
        "cli.live",
        "live.workers",
        "live.collector",
        "live.worker",
        "store.opening",
    ):
        import_module(f"imsniff.{name}")
    for name in ("rich.console", "rich.live", "rich.table", "traceback"):
        import_module(name)
    Sensor(options, "").prepare()
    where = given["db"] or ""
    with suppress(SQLAlchemyError, ImportError):  # opening it will say what is wrong
        make_url(where if "://" in where else "sqlite://").get_dialect().import_dbapi()


def _opened(given: dict[str, Any], stack: ExitStack) -> list[list[LiveSource]]:
    """The sources of each worker. Raises CannotCapture and BadFilter."""
    from imsniff.base.limits import MAX_INTERFACES_LIVE
    from imsniff.capture.errors import CannotCapture

    names = list(dict.fromkeys(given["interfaces"]))
    if len(names) > MAX_INTERFACES_LIVE:
        raise click.UsageError(f"more than {MAX_INTERFACES_LIVE} interfaces.")
    workers = given["workers"]
    if sys.platform == "win32":
        raise CannotCapture("there is no live capture on Windows", "record with dumpcap and analyze the file")
    if not sys.platform.startswith("linux"):
        from imsniff.capture.portable import Portable

        if workers > 1:
            raise click.UsageError("--workers needs Linux.")
        how = {"expression": given["expression"], "promiscuous": not given["no_promiscuous"]}
        return [[_closed_by(stack, Portable(name, **how)) for name in names]]
    from imsniff.capture import ring
    from imsniff.capture.bpf import compiled

    shares: list[list[LiveSource]] = [[] for _ in range(workers)]
    for name in names:
        device = ring.look_up(name)
        program = compiled(given["expression"], device.link) if given["expression"] else None
        fanout = ring.Fanout() if workers > 1 else None
        for share in shares:
            source = ring.Ring(
                device,
                octets=int(given["buffer"]) // workers,
                promiscuous=not given["no_promiscuous"],
                program=program,
                fanout=fanout,
            )
            share.append(_closed_by(stack, source))
    return shares


def _closed_by(stack: ExitStack, source: LiveSource) -> LiveSource:
    stack.callback(source.close)
    return source


class _Sensing(Protocol):
    """A shard here, or a crew of them."""

    @property
    def blind_for_good(self) -> bool: ...
    def turn(self, wait: float) -> None: ...
    def finish(self) -> None: ...
    def reload(self, options: Options) -> None: ...
    def counts(self) -> dict[str, Counts]: ...
    def close(self) -> None: ...


class _Signals:
    """What was asked from outside since the last look."""

    def __init__(self) -> None:
        self.stop = self.reload = self.tell = False

    def __enter__(self) -> Self:
        ours: dict[str, Callable[..., None]] = {
            "SIGINT": self._stop,
            "SIGTERM": self._stop,
            "SIGHUP": self._reload,
            "SIGUSR1": self._tell,
        }
        self._before = [
            (number, signal.signal(number, do))
            for name, do in ours.items()
            if (number := getattr(signal, name, None)) is not None  # Windows has two of them
        ]
        return self

    def __exit__(self, *_: object) -> None:
        for number, before in self._before:
            signal.signal(number, before)

    def _stop(self, number: int, *_: object) -> None:
        if self.stop and number == signal.SIGINT:
            raise KeyboardInterrupt  # asked twice: whoever asks does not want to wait
        self.stop = True

    def _reload(self, *_: object) -> None:
        self.reload = True

    def _tell(self, *_: object) -> None:
        self.tell = True


class _Run:
    """One run of the command, from open interfaces to the summary."""

    def __init__(
        self,
        voice: Reporter,
        given: dict[str, Any],
        read: Callable[[], Options],
        options: Options,
        shares: Sequence[Sequence[LiveSource]],
        stack: ExitStack,
    ) -> None:
        self._voice = voice
        self._given = given
        self._read = read
        self._options = options
        self._shares = shares
        self._stack = stack
        self._began = time.monotonic()
        self._piped = given["jsonl"] or not sys.stdout.isatty()

    def run(self) -> int:
        from imsniff.live.collector import Collector
        from imsniff.store.opening import open_for_writing
        from imsniff.store.recall import recall
        from imsniff.store.writer import Writer

        given, stack, options = self._given, self._stack, self._keyed(self._options)
        signals = stack.enter_context(_Signals())
        desk = Collector(self._voice.warn, _printer() if self._piped else None)
        desk.across.adopt(options.policy)
        sensing = self._sensing(options, desk)
        stack.callback(sensing.close)
        store = stack.enter_context(open_for_writing(database(given["db"])))
        recall(store, desk.across, options.policy, time.time_ns())
        kept = {name: given[name] for name in ("content", "keep_secrets", "workers")}
        kept |= {"filter": given["expression"], "live": True, **_policy_kept(given["policy"])}
        if given["write"] is not None:
            kept["write"] = str(given["write"].absolute())  # where `explain --pcap` finds the packets
        writer = Writer(store, program=given["program"], signatures=options.signatures.sha256, options=kept)
        desk.writer = writer
        desk.files = self._files()
        self._voice.note(f"listening on {', '.join(one.capture for one in self._shares[0])}")
        try:
            self._listen(sensing, desk, signals)
            sensing.finish()
            desk.finish()
        finally:
            self._end(sensing, desk)
        self._tell_end(sensing, desk, store.name)
        if sensing.blind_for_good and not signals.stop and not self._over():
            return Exit.CAPTURE
        if desk.failures:
            return Exit.INPUT
        return Exit.FOUND if given["fail_on"] and _as_severe(desk, given["fail_on"]) else Exit.DONE

    # --- inside -------------------------------------------------------------------------------------------------------

    def _keyed(self, options: Options) -> Options:
        """With the installation's key, which is the key of the user that runs from here on."""
        import msgspec

        from imsniff.record.privacy import fingerprint_key

        return msgspec.structs.replace(options, fingerprint_key=fingerprint_key(home()))

    def _sensing(self, options: Options, desk: Collector) -> _Sensing:
        keep_packets = self._given["write"] is not None
        if sys.platform.startswith("linux"):
            from imsniff.live.workers import WorkerPool

            return WorkerPool(self._shares, options, desk, keep_packets=keep_packets)
        from imsniff.live.worker import Shard

        return Shard(self._shares[0], options, desk, keep_packets=keep_packets)

    def _files(self) -> Any:  # noqa: ANN401 - Rotating or None
        from imsniff.capture.rotate import Rotating

        given = self._given
        if given["write"] is None:
            return None
        octets, seconds = given["rotate_size"], given["rotate_time"]
        return Rotating(
            given["write"], octets=int(octets) if octets else None, seconds=seconds, keep=given["rotate_keep"]
        )

    def _over(self) -> bool:
        limit: float | None = self._given["duration"]
        return limit is not None and time.monotonic() - self._began >= limit

    def _listen(self, sensing: _Sensing, desk: Collector, signals: _Signals) -> None:
        from imsniff.base.limits import TICK

        show = self._view()
        self._began = time.monotonic()  # compiling signatures does not count
        while not (signals.stop or self._over() or sensing.blind_for_good):
            sensing.turn(TICK)
            counts = sensing.counts()
            desk.tick(counts)
            if self._piped:
                sys.stdout.buffer.flush()
            if show is not None:
                show(counts, desk)
            if signals.tell:
                signals.tell = False
                self._statistics(counts, desk)
            if signals.reload:
                signals.reload = False
                self._reload(sensing, desk)
        self._stack_of_view.close()

    def _view(self) -> Any:  # noqa: ANN401 - a View or None
        self._stack_of_view = self._stack.enter_context(ExitStack())
        if self._piped or self._voice.level < 0 or not sys.stderr.isatty():
            return None
        from imsniff.cli.live import live_view

        return self._stack_of_view.enter_context(live_view())

    def _reload(self, sensing: _Sensing, desk: Collector) -> None:
        """A file that is wrong changes nothing."""
        from imsniff.policy.file import PolicyError
        from imsniff.rules.loader import SignatureError

        try:
            options = self._read()
        except (SignatureError, PolicyError, OSError) as why:
            self._voice.warn(f"signatures and policy stay as they were: {why}")
            return
        self._options = self._keyed(options)
        sensing.reload(self._options)
        desk.across.adopt(self._options.policy)
        desk.describe(_policy_kept(self._given["policy"]))
        self._voice.note(f"signatures and policy read again: {self._options.signatures.sha256[:16]}")

    def _end(self, sensing: _Sensing, desk: Collector) -> None:
        writer = desk.writer
        assert writer is not None, "a run has a writer"
        counts = sensing.counts()
        desk.note(counts)
        for name, one in counts.items():
            writer.add_input(name, error=f"{one.lost:,} packets lost" if one.lost else None)
        writer.close()
        if desk.files is not None:
            desk.files.close()

    def _statistics(self, counts: dict[str, Counts], desk: Collector) -> None:
        """Asked for by a signal, so said however quiet the rest is."""
        for name, one in counts.items():
            click.echo(f"imsniff: {name}: " + ", ".join(f"{key} {one_:,}" for key, one_ in _numbers(one)), err=True)
        sessions = ", ".join(f"{protocol} {count:,}" for protocol, count in desk.protocols.most_common())
        findings = len(desk.found.findings())
        click.echo(f"imsniff: {findings:,} findings; sessions: {sessions or 'none'}", err=True)

    def _tell_end(self, sensing: _Sensing, desk: Collector, store: str) -> None:
        from imsniff.cli.analyze import listing
        from imsniff.live.counts import Counts

        desk.last_words()
        findings = desk.found.findings()
        if self._piped:
            sys.stdout.buffer.flush()
        else:
            listing(findings)
        total = sum(sensing.counts().values(), Counts())
        seconds = time.monotonic() - self._began
        said = f"{total.packets:,} packets, {total.sessions:,} sessions, {len(findings):,} findings in {seconds:.0f} s"
        self._voice.note(f"{said}; stored in {store}")
        if self._given["write"] is not None and desk.files is not None:
            self._voice.note(f"{desk.files.packets:,} packets of messaging sessions written to {self._given['write']}")
        losses = {
            "had no room in the ring (kernel drops)": total.kernel_drops,
            "were still in the ring when there was no more time": total.unread,
            "were dropped by the interface": total.interface_drops,
        }
        for what, count in losses.items():
            if count:
                share = count / max(total.received + total.interface_drops, 1)
                self._voice.warn(f"{count:,} packets ({share:.1%}) {what}; what was in them is not seen")
        if total.queue_drops:
            self._voice.warn(f"{total.queue_drops:,} records were lost: the database did not keep up")
        if total.unheld:
            self._voice.warn(f"{total.unheld:,} packets of sessions are missing in {self._given['write']}")


def _numbers(counts: Counts) -> list[tuple[str, int]]:
    return [(name.replace("_", " "), getattr(counts, name)) for name in counts.__struct_fields__]


def _printer() -> Callable[[Any], None]:
    from imsniff.base.records import to_json

    out = sys.stdout.buffer

    def show(record: Any) -> None:  # noqa: ANN401 - a record
        out.write(to_json(record) + b"\n")

    return show


def _as_severe(desk: Collector, least: str) -> bool:
    from imsniff.base.records import Severity

    return any(finding.severity.rank >= Severity(least).rank for finding in desk.found.findings())


def _policy_kept(file: Path | None) -> dict[str, str]:
    """What the run keeps of its policy: reports go by it."""
    from imsniff.policy.file import written

    return {"policy": str(file), "policy_text": written(file)} if file else {"policy": ""}
