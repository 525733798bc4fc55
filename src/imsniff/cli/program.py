"""The `imsniff` program: commands, global options, config file, and the one place where errors become exit codes.

Commands are imported when they are run. `--help` shows their one-line descriptions from the table here.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from imsniff import PROGRAM
from imsniff.cli.exits import Exit, Failure
from imsniff.cli.terminal import Reporter

COMMANDS: dict[str, str] = {
    "analyze": "Analyse capture files: which instant messaging runs, who uses it, what it leaks.",
    "capture": "Listen on interfaces: instant messaging as it happens.",
    "report": "Report what was found, and what is new, gone and standing since the last audit.",
    "export": "Export records and findings for other programs.",
    "explain": "Explain a finding: rule, evidence, frames, remedy.",
    "policy": "Write a policy file, check one, and show which is in force.",
    "signatures": "List, check and show the signatures that identify messaging.",
    "db": "Look after the database: statistics, upgrade, verification.",
    "doctor": "Check this installation: what works here and what does not.",
}

CONTEXT: dict[str, Any] = {
    "help_option_names": ["-h", "--help"],
    "auto_envvar_prefix": "IMSNIFF",
    "max_content_width": 110,
}


def _command(name: str) -> click.Command | None:
    if name not in COMMANDS:
        return None
    command: click.Command = import_module(f"imsniff.cli.{name}").command
    for one in command.commands.values() if isinstance(command, click.Group) else (command,):
        if not any(option.name == "quiet" for option in one.params):
            one.params += _loudness()
    return command


def _loudness() -> list[click.Parameter]:
    """-q and -v behind a command, where people write them too; the help of the program tells of them once."""
    return [
        click.Option(names, count=True, hidden=True, expose_value=False, callback=_louder(sign), help=word)
        for names, sign, word in (
            (["-q", "--quiet"], -1, "Less on standard error."),
            (["-v", "--verbose"], 1, "More on standard error."),
        )
    ]


def _louder(sign: int) -> Callable[[click.Context, click.Parameter, int], None]:
    def callback(ctx: click.Context, _: click.Parameter, times: int) -> None:
        if isinstance(ctx.obj, Reporter):
            ctx.obj.level += sign * times

    return callback


class Commands(click.Group):
    """A group that imports a command only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return _command(cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], COMMANDS, 1)
            hint = f" Did you mean '{near[0]}'?" if near else ""
            ctx.fail(f"No such command '{args[0]}'.{hint}")
        return super().resolve_command(ctx, args)


def _version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        click.echo(PROGRAM)
        ctx.exit()


@click.group(
    cls=Commands,
    context_settings=CONTEXT,
    epilog="""\b
Examples:
  imsniff analyze office.pcapng             analyse a capture, store what is found
  imsniff analyze captures/ --jobs 4        a folder of captures, four at a time
  imsniff report                            what is new, gone and standing
  imsniff report --format html -o audit.html
  imsniff explain 0fa2                      why was this reported?

Options may also come from IMSNIFF_* variables (IMSNIFF_DB, IMSNIFF_ANALYZE_CONTENT, ...) or the config file.

\b
Exit codes:
  0  done
  1  only with --fail-on: there is a finding of that severity or worse
  2  wrong usage, or a bad signature or policy file
  3  an input is unreadable or cut; what was readable is analysed and stored
  4  cannot capture
""",
)
@click.option(
    "-q",
    "--quiet",
    count=True,
    help="Less on standard error: -q no progress and notes, -qq no warnings. Also behind a command.",
)
@click.option("-v", "--verbose", count=True, help="More on standard error. Also behind a command.")
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="Config file, TOML.")
@click.option("--version", is_flag=True, callback=_version, expose_value=False, is_eager=True, help="Show the version.")
@click.pass_context
def imsniff(ctx: click.Context, quiet: int, verbose: int, config: Path | None) -> None:
    """Sees instant messaging on a network from the bytes alone: a passive sniffer and rogue-IM detector.

    It reads captures, identifies messaging by content and not by port, shows its evidence, and never sends a packet.
    """
    ctx.obj = Reporter(verbose - quiet)
    ctx.default_map = _configured(config, ctx.invoked_subcommand)


def _configured(given: Path | None, command: str | None) -> dict[str, Any]:
    """The config file as click's default map."""
    import platformdirs

    file = given or platformdirs.user_config_path("imsniff") / "config.toml"
    if given is None and not file.exists():
        return {}
    from imsniff.cli import configuration

    try:
        return configuration.read(file, _command, command)
    except FileNotFoundError:
        raise Failure(f"{file}: no such config file", Exit.USAGE) from None


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the program; its exit code. Everything that goes wrong on purpose is said in one line on standard error."""
    from imsniff.base.escape import path

    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal that is not UTF-8 must not end a report with a traceback
            stream.reconfigure(errors="backslashreplace")
    try:
        # not `imsniff.main()`, which ends with 1 when a pipe is closed: 1 has a meaning of its own here
        given = list(sys.argv[1:] if arguments is None else arguments)
        with imsniff.make_context("imsniff", given) as ctx:
            result = imsniff.invoke(ctx)
        sys.stdout.flush()
    except click.exceptions.Exit as ended:
        return int(ended.exit_code)
    except click.UsageError as wrong:
        wrong.show()
        if isinstance(wrong, click.NoSuchOption):
            click.echo("A file whose name begins with - is written as ./-name, or behind --.", err=True)
        return Exit.USAGE
    except click.ClickException as wrong:
        wrong.show()
        return Exit.USAGE
    except BrokenPipeError:
        # the reader had enough; without this Python would complain once more at its own end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.DONE
    except (click.Abort, KeyboardInterrupt):
        click.echo("imsniff: interrupted", err=True)
        return Exit.INTERRUPTED
    except Failure as failure:
        return _said(str(failure), failure.code)
    except OSError as why:  # what is opened by name is explained where it is opened: this is mostly standard output
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        what = why.filename or "standard output"
        return _said(f"{path(what)}: {why.strerror or why}; make room or change its permissions", Exit.USAGE)
    except Exception as why:
        code = _expected(why)
        if code is None:
            raise
        return _said(str(why), code)
    return int(result) if isinstance(result, int) else Exit.DONE


def _expected(why: Exception) -> Exit | None:
    """The code of an error that a lower floor raised to be shown; by name, so that nothing is imported for it."""
    names = {
        "StoreError": Exit.INPUT,
        "CaptureError": Exit.INPUT,
        "SignatureError": Exit.USAGE,
        "PolicyError": Exit.USAGE,
        "GateError": Exit.USAGE,
    }
    return next((names[kind.__name__] for kind in type(why).__mro__ if kind.__name__ in names), None)


def _said(message: str, code: Exit) -> Exit:
    from imsniff.base.escape import visible

    for line in message.splitlines():
        click.echo(f"imsniff: {visible(line)}", err=True)
    return code
