"""Makes the parts of the documentation that are made from code: `python docs/generate.py` writes them all.

A test compares them with what is in the repository.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import click
import msgspec

from imsniff.base import records as records
from imsniff.base.records import KINDS
from imsniff.base.risks import RISKS
from imsniff.cli.program import COMMANDS, CONTEXT, imsniff
from imsniff.detect.catalogue import detectors_of
from imsniff.policy.file import PolicyFile
from imsniff.report.model import Report

HERE = Path(__file__).resolve().parent


def risks() -> str:
    """`risks.md`, from the table of risks."""
    lines = [
        "# Risks",
        "",
        "Every finding names one of these. The severity is the usual one: the detector may know better for the case",
        "at hand, and the policy file may say otherwise (`[severity]`). *Accountable* is the end at which the fault",
        "can be mended. This page is made from the table in `base/risks.py`, the detectors that registered, and",
        "the golden outputs of `pcaps/`: no risk is without a detector, and none without a capture in which it fires.",
        '`imsniff explain RISK` says the same. A risk is switched off by `[severity]`, `RISK = "off"` in the policy.',
        "",
        "| risk | severity | accountable | what it is | the question it answers |",
        "|---|---|---|---|---|",
    ]
    for risk, about in RISKS.items():
        lines.append(f"| `{risk}` | {about.severity} | {about.accountable} | {about.title} | {about.fear} |")
    shown = _goldens()
    for risk, about in RISKS.items():
        lines += [
            "",
            f"## {risk}",
            "",
            f"{about.title}. {about.fear}",
            "",
            "| detector | reads | fires on |",
            "|---|---|---|",
        ]
        lines += [f"| `{one.name}` | {', '.join(one.reads)} | {one.about} |" for one in detectors_of(risk)]
        lines += ["", f"**Remedy** {about.remedy}"]
        if risk in shown:
            lines += ["", f"**Evidence**, as in `{shown[risk].golden}`: {shown[risk].evidence}"]
    return "\n".join(lines) + "\n"


class _Shown(NamedTuple):
    golden: str
    evidence: str


def _goldens() -> dict[str, _Shown]:
    """By risk, the finding of the smallest golden output that has one."""
    shown: dict[str, _Shown] = {}
    goldens = HERE.parent.glob("pcaps/*/*.jsonl")
    for golden in sorted(goldens, key=lambda file: (file.parent.name != "risks", file.stat().st_size, file.name)):
        for line in golden.read_bytes().splitlines():
            record = msgspec.json.decode(line)
            if record["kind"] == "finding" and record["risk"] not in shown:
                seen = record["evidence"][0]
                said = " ".join(seen["excerpt"].split())
                said = (said if len(said) <= 120 else said[:119] + "…").replace("`", "'").replace("|", "\\|")
                where = golden.relative_to(HERE.parent).with_suffix(".pcap").as_posix()
                shown[record["risk"]] = _Shown(where, f"frame {seen['frame']}, rule `{seen['rule']}`: `{said}`")
    return shown


def _commands(command: click.Command, path: str, parent: click.Context | None) -> Iterator[tuple[str, str]]:
    context = click.Context(
        command,
        info_name=path.rpartition(" ")[2],
        parent=parent,
        terminal_width=100,
        max_content_width=100,
        **_settings(parent),
    )
    yield path, command.get_help(context)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None, name
            yield from _commands(inner, f"{path} {name}", context)


def _settings(parent: click.Context | None) -> dict[str, Any]:
    return {} if parent else {name: value for name, value in CONTEXT.items() if name != "max_content_width"}


def commands() -> str:
    """`commands.md`, from the help of every command."""
    lines = ["# Commands", "", "What `--help` says, for every command. This page is made from it."]
    for path, said in _commands(imsniff, "imsniff", None):
        depth = "#" * min(4, path.count(" ") + 2)
        lines += ["", f"{depth} {path}", "", "```", said.rstrip(), "```"]
    assert all(f"imsniff {name}" in "\n".join(lines) for name in COMMANDS)
    return "\n".join(lines) + "\n"


def schema(kind: type[Any], title: str) -> str:
    """A JSON Schema that allows nothing but what is documented."""
    made = msgspec.json.schema(kind)
    for definition in made.get("$defs", {}).values():
        if "properties" in definition:
            definition["additionalProperties"] = False
    made = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title, **made}
    return msgspec.json.format(msgspec.json.encode(made), indent=2).decode() + "\n"


def pages() -> dict[str, str]:
    """Every made page by its name below `docs/`."""
    made = {"risks.md": risks(), "commands.md": commands()}
    for kind in KINDS:
        made[f"schema/{kind}.json"] = schema(getattr(records, f"{kind.capitalize()}Record"), f"imsniff {kind}")
    made["schema/record.json"] = schema(records.AnyRecord, "one line of imsniff's JSON Lines")  # type: ignore[arg-type]
    made["schema/report.json"] = schema(Report, "imsniff report --format json")
    made["schema/policy.json"] = schema(PolicyFile, "imsniff policy file, as JSON")
    return made


if __name__ == "__main__":
    for name, text in pages().items():
        file = HERE / name
        file.parent.mkdir(exist_ok=True)
        if not file.exists() or file.read_text("utf-8") != text:
            file.write_text(text, "utf-8")
            sys.stdout.write(f"{name}\n")
