"""`imsniff explain`: why something was reported, down to the packets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from imsniff.base.escape import visible
from imsniff.cli.exits import Exit, Failure
from imsniff.cli.options import database, db_option, signatures_option
from imsniff.cli.terminal import Reporter

if TYPE_CHECKING:
    from imsniff.base.records import FindingRecord
    from imsniff.base.risks import About
    from imsniff.rules.loader import SignatureSet
    from imsniff.store.opening import Store


@click.command(
    epilog="""\b
Examples:
  imsniff explain 0fa20b                         the beginning of an id is enough
  imsniff explain 0fa20b --pcap evidence.pcapng   then open it in Wireshark
  imsniff explain odd-port                       what a risk means
""",
)
@click.argument("finding", metavar="ID|RISK")
@db_option
@signatures_option
@click.option(
    "--pcap",
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    metavar="FILE",
    help="Write the packets that show it to a capture file; needs the captures, unchanged, or the files of "
    "`capture -w`. With - nothing else is said.",
)
@click.pass_obj
def command(voice: Reporter, finding: str, db: str | None, signatures: Path | None, pcap: Path | None) -> None:
    """Explain a finding: rule, evidence, frames, remedy.

    ID is a finding's id, the beginning of one, or its key, as `analyze`, `report` and `export` show them. With the name
    of a risk, say what that risk means.
    """
    from imsniff.base.risks import RISKS, Risk
    from imsniff.detect.advice import general
    from imsniff.rules import loader
    from imsniff.store.findings import finding_like
    from imsniff.store.opening import open_for_reading

    if finding in list(Risk):
        about = RISKS[Risk(finding)]
        _say(about.title, bold=True)
        _pairs(
            {
                "Severity": f"{about.severity.value}, unless the evidence or the policy says otherwise",
                "Question": about.fear.value,
                "Accountable": _ends(about),
                "Remedy": general(about.remedy),
            }
        )
        return
    with open_for_reading(database(db)) as store:
        found = finding_like(store, finding) if finding else []
        if not found:
            hint = "`imsniff report` lists their ids"
            raise Failure(f"no finding and no risk {finding!r} in {store.name}; {hint}", Exit.USAGE)
        if len(found) > 1:
            few = ", ".join(f"{one.id} ({one.risk} {one.subject})" for one in found[:5])
            raise Failure(f"{finding!r} begins {len(found)} ids: {few}", Exit.USAGE)
        if str(pcap) != "-":
            _tell(found[0], loader.load(signatures))
        if pcap is not None:
            _write(voice, store, found[0], pcap)


def _tell(found: FindingRecord, signatures: SignatureSet) -> None:
    from imsniff.base.risks import RISKS, Risk
    from imsniff.detect.advice import called, listed

    about = RISKS[Risk(found.risk)]
    _say(f"{found.title}: {found.subject}", bold=True)
    times = f"{found.count:,} time{'s' if found.count != 1 else ''}"
    _pairs(
        {
            "Finding": found.id,
            "Key": found.key,
            "Risk": f"{found.risk}, {found.severity.value}",
            "Question": about.fear.value,
            "Server": called(found.server, found.server_name),
            "Host": listed([span.host for span in found.hosts]),
            "Seen": f"{times}, {found.first_seen} to {found.last_seen}",
            "Accountable": _ends(about),
            "Remedy": found.remedy,
        }
    )
    click.echo()
    _say("Evidence, in packet order", bold=True)
    for number, one in enumerate(found.evidence, 1):
        click.echo(f"  {number}. {visible(one.capture)}, frame {one.frame}")
        click.echo(f"     rule {visible(one.rule)}: {visible(_meaning(one.rule, signatures))}")
        if one.excerpt:
            click.echo(f"     {visible(one.excerpt)}")
    if found.count > len(found.evidence):
        click.echo(f"  and {found.count - len(found.evidence):,} more")


def _ends(about: About) -> str:
    return "client and server" if about.accountable == "both" else about.accountable.value


def _meaning(rule: str, signatures: SignatureSet) -> str:
    """What a rule's name stands for: a signature, or what a dissector said."""
    signature = signatures.rule(rule)
    if signature is not None:
        return f"{signature.entry.description} ({signature.place})"
    if rule.startswith("policy."):
        return "a rule of the policy file"
    protocol = rule.partition(".")[0]
    if protocol == "expected":
        return "another flow had announced that this one would come, and it did"
    return f"told by the dissector of {protocol}, from the bytes of this frame"


def _write(voice: Reporter, store: Store, found: FindingRecord, target: Path) -> None:
    from imsniff.cli.evidence import Evidence, Whereabouts
    from imsniff.cli.output import opened
    from imsniff.store import query
    from imsniff.store.findings import sightings

    evidence = Evidence(Whereabouts(query.runs(store)), sightings(store, found.id), voice.warn)
    if not evidence.readable:
        raise Failure("none of the captures that show this finding can be read", Exit.INPUT)
    with opened(target) as out:
        count = evidence.write(out)
    voice.note(f"{count:,} packets written to {target}")


def _say(text: str, *, bold: bool = False) -> None:
    click.secho(visible(text), bold=bold)


def _pairs(pairs: dict[str, str]) -> None:
    width = max(map(len, pairs))
    for name, value in pairs.items():
        click.echo(f"  {name:<{width}}  {visible(value)}")
