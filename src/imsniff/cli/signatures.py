"""`imsniff signatures`: the rules that identify messaging."""

from __future__ import annotations

from pathlib import Path

import click

from imsniff.base.escape import visible
from imsniff.cli.exits import Exit, Failure
from imsniff.cli.options import signatures_option
from imsniff.cli.terminal import Reporter


@click.group(
    epilog="""\b
Examples:
  imsniff signatures list
  imsniff signatures show ymsg.packet
  imsniff signatures check --signatures ./mine
""",
)
def command() -> None:
    """List, check and show the signatures that identify messaging.

    Signatures are data: TOML files with examples. Yours add to the packaged ones and replace them by id.
    """


@command.command(
    "list",
    epilog="""\b
Example:
  imsniff signatures list | grep xmpp
""",
)
@signatures_option
def list_(signatures: Path | None) -> None:
    """List payload rules and services."""
    from imsniff.report.tabular import table
    from imsniff.rules import loader

    found = loader.load(signatures)
    rules = [
        (
            rule.id,
            "payload",
            rule.protocol,
            rule.entry.side.value,
            "/".join(rule.entry.transport),
            rule.entry.description,
        )
        for rule in found.payload
    ]
    services = [
        (
            service.entry.id,
            "service",
            "encrypted",
            "",
            "",
            f"{service.entry.name}: {', '.join(service.entry.suffix)}",
        )
        for service in found.services.all
    ]
    phrases = [
        (phrase.id, "phrase", "", "", "", f"{phrase.entry.kind}, {phrase.language}: {phrase.entry.example[0]}")
        for phrase in found.phrases
    ]
    table(["ID", "Sort", "Protocol", "Side", "Transport", "Description"], rules + services + phrases)


@command.command(
    epilog="""\b
Example:
  imsniff signatures check --signatures ./mine && echo sound
""",
)
@signatures_option
@click.option("--strict", is_flag=True, help="Warnings count as errors.")
@click.pass_obj
def check(voice: Reporter, signatures: Path | None, strict: bool) -> int:
    """Run every rule's examples on every engine, and rules against rules."""
    from imsniff.rules import loader
    from imsniff.rules.checker import Level
    from imsniff.rules.checker import check as checked

    result = checked(loader.load(signatures))
    for remark in result.remarks:
        click.echo(visible(f"{remark.where}: {remark.level.value}: {remark.rule}: {remark.message}"))
    warnings = sum(remark.level is Level.WARNING for remark in result.remarks)
    voice.note(
        f"{result.rules} rules, {result.services} services, {result.phrases} phrases, "
        f"{result.examples} examples on {', '.join(result.engines)}, "
        f"compiled in {result.compile_ms} ms: {len(result.remarks) - warnings} errors, {warnings} warnings"
    )
    voice.note(f"SHA-256 {result.sha256}")
    return Exit.DONE if result.sound and not (strict and warnings) else Exit.USAGE


@command.command(
    epilog="""\b
Example:
  imsniff signatures show msnp.ver
""",
)
@click.argument("rule", metavar="ID")
@signatures_option
def show(rule: str, signatures: Path | None) -> None:
    """Show one payload rule, service or phrase as it stands in its file."""
    from imsniff.rules import loader
    from imsniff.rules.schema import PayloadRule, Phrase, Service

    found = loader.load(signatures)
    every: tuple[PayloadRule | Service | Phrase, ...] = (
        *found.payload,
        *found.openings,
        *found.services.all,
        *found.phrases,
    )
    entries = {one.entry.id: one for one in every}
    if rule not in entries:
        from difflib import get_close_matches

        near = get_close_matches(rule, entries, 3)
        hint = f"; did you mean {', '.join(near)}?" if near else "; `imsniff signatures list` has them all"
        raise Failure(f"no signature {rule!r}{hint}", Exit.USAGE)
    import msgspec

    click.echo(f"# {visible(str(entries[rule].place))}")
    for name, value in msgspec.to_builtins(entries[rule].entry).items():
        if value not in (None, [], (), False, ""):
            click.echo(visible(f"{name} = {value}"))
