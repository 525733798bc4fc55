"""`imsniff analyze`: capture files in, findings out."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from imsniff import PROGRAM
from imsniff.base.garbage_collection import lasting
from imsniff.cli.digests import Digests
from imsniff.cli.exits import Exit
from imsniff.cli.inputs import Inputs
from imsniff.cli.options import database, db_option, home, policy_option, signatures_option
from imsniff.cli.terminal import Reporter, progress

if TYPE_CHECKING:
    from imsniff.base.records import FindingRecord
    from imsniff.cli.reading import CaptureReader
    from imsniff.detect import Aggregate
    from imsniff.store.run_writer import RunWriter

SEVERITIES = ["info", "low", "medium", "high", "critical"]


@click.command(
    epilog="""\b
Examples:
  imsniff analyze office.pcapng
  imsniff analyze captures/ more/*.pcap.gz --jobs 4
  tcpdump -i eth0 -w - | imsniff analyze -
  imsniff analyze --follow today.pcap                  goes on while tcpdump writes it, until Ctrl-C
  imsniff analyze archive/ --jobs 8 --resume           goes on where an interrupted run stopped
  imsniff analyze office.pcap --jsonl --content all | jq .
  imsniff analyze night.pcap --fail-on high -q        for scripts: exit code 1 when it is serious
""",
)
@click.argument("inputs", nargs=-1, required=True, metavar="FILE|DIR|-")
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
@click.option(
    "--extract",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Save files that went by whole, up to 16 MiB each, under safe names and never to be run.",
)
@click.option("--jsonl", is_flag=True, help="Every record as a JSON object a line on standard output, as it is found.")
@click.option("--fail-on", type=click.Choice(SEVERITIES), help="Exit with 1 where a finding is as severe or worse.")
@click.option("-f", "--filter", "expression", metavar="FILTER", help="Only flows that fit: 'tcp and not port 443'.")
@click.option(
    "-w",
    "--write",
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    metavar="FILE",
    help="Write the packets of messaging sessions, and no others, to a capture file; with - instead of the findings.",
)
@click.option("--jobs", type=click.IntRange(1, 256), default=1, show_default=True, help="Captures read at a time.")
@click.option("--resume", is_flag=True, help="Leave out captures that an earlier run with the same options read whole.")
@click.option("--digest", is_flag=True, help="Also SHA-256 of captures larger than 256 MiB, for evidence.")
@click.option("--follow", is_flag=True, help="Go on with a capture that is still being written, until Ctrl-C.")
@click.option("--separate", is_flag=True, help="Do not join rotated captures that continue one another.")
@click.option("--strict", is_flag=True, help="Stop at the first input that cannot be read whole.")
@click.pass_obj
def command(voice: Reporter, /, **given: Any) -> int:  # noqa: ANN401 - the options above
    """Analyse capture files: which instant messaging runs, who uses it, what it leaks.

    Reads pcap and pcapng, plain or compressed, files, folders of them, or standard input (-). What is found goes to the
    database; the findings are listed, or with --jsonl every record is printed as it is found. Reading the same
    capture twice changes nothing. Files that were rotated, whose names differ in numbers only, are read as one where
    their packets follow each other: a session goes on from one into the next.
    """
    with lasting():
        from imsniff.store.writer_process import open_run_writer

    with open_run_writer() as book:  # before more is loaded: another process loads what the database needs meanwhile
        return _analyze(voice, book, **given)


def _analyze(
    voice: Reporter,
    book: RunWriter,
    inputs: tuple[str, ...],
    db: str | None,
    policy: Path | None,
    signatures: Path | None,
    content: str,
    keep_secrets: bool,
    extract: Path | None,
    jsonl: bool,
    fail_on: str | None,
    expression: str | None,
    write: Path | None,
    jobs: int,
    resume: bool,
    digest: bool,
    follow: bool,
    separate: bool,
    strict: bool,
) -> int:
    with lasting():
        from imsniff.capture.errors import CaptureError
        from imsniff.capture.folder import expand
        from imsniff.capture.pcapfile import open_capture
        from imsniff.cli.follow import Following
        from imsniff.cli.reading import CaptureReader
        from imsniff.detect import Aggregate
        from imsniff.net import gates
        from imsniff.net.flow_filter import Filter, FilterError
        from imsniff.pipeline import Options
        from imsniff.policy import file as policies
        from imsniff.policy.policy import Policy
        from imsniff.record.privacy import Content, fingerprint_key
        from imsniff.rules import loader
        from imsniff.store.errors import StoreError
        from imsniff.store.run_writer import RunInfo

    try:
        wanted = Filter.parse(expression) if expression else None
    except FilterError as why:
        raise click.BadParameter(str(why), param_hint="'-f'") from None
    gates.chosen()
    signature_set = loader.load(signatures)
    options = Options(
        signatures=signature_set,
        policy=policies.load(policy, signature_set.names) if policy else Policy(),
        content=Content(content),
        keep_secrets=keep_secrets,
        fingerprint_key=fingerprint_key(home()),
        wanted=wanted,
        extract=extract,
    )
    below = {given: expand([given], voice.detail) for given in inputs}
    paths = list(dict.fromkeys(path for found in below.values() for path in found))
    hollow = [given for given, found in below.items() if not found]
    for given in hollow:
        voice.error(f"{given}: no capture file in this folder; `imsniff -v analyze` says what was passed over")
    if hollow and (strict or not paths):
        return Exit.INPUT
    if write is not None and any(str(path) == "-" for path in paths):
        raise click.UsageError(
            "-w reads a capture twice, which standard input does not allow; save it to a file first."
        )
    if write is not None and resume:
        raise click.UsageError("--resume leaves captures out, so the file of -w would not be complete.")
    if jsonl and str(write) == "-":
        raise click.UsageError("--jsonl and -w - both want standard output; give -w a file.")
    if follow and (len(paths) != 1 or not paths[0].is_file()):
        raise click.UsageError("--follow reads one capture file; what comes through a pipe needs no --follow.")
    if not any(str(path) == "-" or os.access(path, os.R_OK) for path in paths):  # an empty database would be left
        for path in paths:
            try:
                open_capture(path).close()
            except CaptureError as why:
                voice.error(str(why))
        return Exit.INPUT
    found = Aggregate()
    kept = {"content": content, "keep_secrets": keep_secrets, "filter": expression, "policy": str(policy or "")}
    if policy:
        kept["policy_text"] = policies.written(policy)
    if separate:
        kept["separate"] = True
    head = RunInfo(PROGRAM, signature_set.sha256, kept)
    with ExitStack() as stack:
        book.open(database(db))
        known = Inputs(paths)
        if resume:
            paths = _left(paths, known, book.whole_inputs(head), voice)
        book.begin(head)
        digests = stack.enter_context(Digests([] if follow else known.digested(paths, every=digest)))
        following = stack.enter_context(Following()) if follow else None
        bars = stack.enter_context(progress(voice))
        told: set[Path] = set()

        def step(label: str, done: int, total: int | None) -> None:
            if jsonl:
                sys.stdout.buffer.flush()  # for who reads along
            if following is not None and following.is_due():
                book.flush()
            book.look()
            bars(label, done, total)

        def ended(path: Path) -> None:
            """Its records are stored, so it is done: a run that is interrupted later need not read it again."""
            book.flush()
            book.add_input(**known.about(path, digests.of(path)), error=readings.errors.get(path))
            told.add(path)

        readings = CaptureReader(
            paths,
            options,
            jobs=jobs,
            strict=strict,
            voice=voice,
            progress=step,
            joined=not separate,
            ended=ended,
            packets_wanted=write is not None,
            idle=following.idle if following is not None else None,
            opened=book.update,
        )
        try:
            early = _take(readings, book, found, _line_printer() if jsonl else None, soon=follow)
            book.read = bool(readings.packets)
            book.counters.update(packets=readings.packets, errors=len(readings.errors))
            for path in paths:
                if path not in told:
                    book.add_input(str(path), error="not read to its end: the run ended before")
            book.close()
        except StoreError:  # what was found before the database failed is shown all the same
            if not jsonl and (findings := found.findings()):
                listing(findings)
            raise
        if early is not None:
            raise early
    _tell(voice, found, readings.packets, book, show=not jsonl and str(write) != "-")
    if write is not None:
        _write_im_only(voice, paths, readings, write)
    if readings.errors or hollow:
        return Exit.INPUT
    return Exit.FOUND if fail_on and _as_severe(found, fail_on) else Exit.DONE


def _left(paths: list[Path], known: Inputs, whole: set[str], voice: Reporter) -> list[Path]:
    """The captures that no earlier run of this program, with these signatures and options, has read whole."""
    left = []
    for path in paths:
        if known.mark(path) in whole:
            voice.detail(f"{path}: was read before, left out")
        else:
            left.append(path)
    voice.note(f"{len(paths) - len(left):,} of {len(paths):,} captures were read before and are left out")
    return left


def _take(
    readings: CaptureReader, book: RunWriter, found: Aggregate, show: Callable[[Any], None] | None, *, soon: bool
) -> BaseException | None:
    """Every record to the store; findings merged; all of it printed where it is to be, findings at the end, and `soon`
    when they are new, too.

    What ended it early, unless that is the store: Ctrl-C, nobody who reads standard output, a full disk under it, or
    a fault of ours. Then what is known of open sessions is in the store, too."""
    from imsniff.base.records import CoverageRecord
    from imsniff.detect import Sighting
    from imsniff.detect.changes import FindingChanges
    from imsniff.store.errors import StoreError

    news = FindingChanges()
    try:
        for record in readings.records():
            book.add(record)
            if isinstance(record, Sighting):
                finding = found.add(record)
                if soon and show is not None and finding is not None and news.first(finding):
                    show(finding)
            elif show is not None and not isinstance(record, CoverageRecord):
                show(record)
        if show is not None:
            for finding in news.left(found.findings()):
                show(finding)
    except StoreError:
        raise
    except BaseException as why:
        for record in readings.rest():
            book.add(record)
        return why
    return None


def _line_printer() -> Callable[[Any], None]:
    from imsniff.base.records import to_json

    out = sys.stdout.buffer

    def show(record: Any) -> None:  # noqa: ANN401 - a record
        out.write(to_json(record) + b"\n")

    return show


def _tell(voice: Reporter, found: Aggregate, packets: int, book: RunWriter, *, show: bool) -> None:
    """The run in a table and one line."""
    findings = found.findings()
    if show:
        listing(findings)
    sys.stdout.flush()
    sessions = book.counters["sessions"]
    voice.note(f"{packets:,} packets, {sessions:,} sessions, {len(findings):,} findings; stored in {book.name}")
    if found.suppressed:
        voice.warn(
            f"{found.suppressed:,} more sightings belong to findings beyond the first {len(findings):,}; see report"
        )


def listing(findings: Iterable[FindingRecord]) -> None:
    """Findings by risk on a terminal, tab-separated when piped; `analyze` and `report` list them alike."""
    from imsniff.base.limits import MAX_TERMINAL_ROWS
    from imsniff.report.listing import print_findings, print_tsv
    from imsniff.report.tabular import is_terminal

    if is_terminal():
        print_findings(findings, MAX_TERMINAL_ROWS, "imsniff report -o report.html")
    else:
        print_tsv(findings, changes=False)


def _as_severe(found: Aggregate, least: str) -> bool:
    from imsniff.base.records import Severity

    return any(finding.severity.rank >= Severity(least).rank for finding in found.findings())


def _write_im_only(voice: Reporter, paths: list[Path], readings: Any, target: Path) -> None:  # noqa: ANN401
    from imsniff.cli.output import opened
    from imsniff.cli.packets import write_sessions

    with opened(target) as out:
        count = write_sessions(paths, readings.sessions, out)
    voice.note(f"{count:,} packets of messaging sessions written to {target}")
