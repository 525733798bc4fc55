"""Every example of README, docs/ and --help runs as it is written.

Each runs in a shell, in a mount and network namespace of its own: /srv and /var/lib are empty, eth0 to eth2, br0 and
mon0 are there, and what the examples take for granted (captures, a database, other programs) stands in the folder or in
front of PATH. What listens until Ctrl-C is given four seconds and a Ctrl-C.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from imsniff.cli.program import COMMANDS, imsniff
from netns import needs
from postgresql import server

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *(page for page in sorted((ROOT / "docs").glob("*.md")) if page.name != "commands.md")]
PROGRAM = Path(sys.executable).with_name("imsniff")

OFFICE = ROOT / "pcaps" / "xmpp" / "pidgin2142_prosody_plain_clear.pcap"
"""What stands for every capture of the examples; `0fa20b7b` is its first finding."""

ENDS = {"imsniff analyze night.pcap --fail-on high -q": 1}
"""Exit codes other than 0: this one says so."""

ELSEWHERE = {
    "make demo": "test_packaging runs it from a clean checkout",
    "make test": "this is it",
}


def blocks(page: Path, language: str) -> Iterator[str]:
    yield from re.findall(rf"^```{language}\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def scripts() -> Iterator[tuple[str, str]]:
    """Name and text: of a page each block, since lines follow from each other; of --help each line."""
    for page in PAGES:
        for number, block in enumerate(blocks(page, "sh")):
            yield f"{page.name}[{number}]", block
    for name in COMMANDS:
        found = imsniff.get_command(click.Context(imsniff), name)
        for one in (found, *(found.commands.values() if isinstance(found, click.Group) else ())):
            yield from _of_help(name if one is found else f"{name} {one.name}", one.epilog)
    yield from _of_help("", imsniff.epilog)


def _of_help(name, epilog):
    examples = epilog.partition("Example")[2].partition("\n\n")[0]
    for line in re.findall(r"^  (\S.*)$", examples, re.MULTILINE):
        command = re.split(r" {3,}", line)[0]
        yield f"{name}: {command}", command


SCRIPTS = dict(scripts())

DATA = "home/.local/share/imsniff"

STAND_INS = {
    "tcpdump": "cat office.pcap",
    "mail": "cat > /dev/null",
    "pip": "true",
    "imsniff": f"""\
stop=
case " $* " in *" capture "*|*" --follow "*) stop="timeout --foreground --preserve-status -s INT 4" ;; esac
exec $stop {PROGRAM} "$@"
""",
}
"""Programs that are not ours, and ours with its Ctrl-C."""

BEFORE = """\
mount -t tmpfs none /srv && mkdir /srv/imsniff && cp seed.db /srv/imsniff/audit.db
cp -r bin /srv  # where every user may read it
mount -t tmpfs none /var/lib && install -d -o imsniff /var/lib/imsniff
"""

INTERFACES = """\
for name in eth0 eth1 eth2 mon0; do
    ip link add $name type veth peer name $name.peer && ip link set $name up && ip link set $name.peer up
done
ip link add br0 type bridge && ip link set br0 up
"""

ACCOUNT = """\
for name in passwd group; do cp /etc/$name account.$name; done
echo 'imsniff:x:64999:64999::/var/lib/imsniff:/bin/false' >> account.passwd
echo 'imsniff:x:64999:' >> account.group
for name in passwd group; do mount --bind account.$name /etc/$name; done
"""


@pytest.fixture(scope="module")
def seed(tmp_path_factory):
    """A database after an analysis under a policy, as the examples find it."""
    folder = tmp_path_factory.mktemp("seed")
    command = [PROGRAM, "-q", "analyze", OFFICE, "--policy", ROOT / "signatures/policy.example.toml", "--db", "seed.db"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder / "seed.db"


@pytest.fixture
def place(tmp_path, seed):
    """The folder in which an example runs."""
    for name in ("office.pcap", "office.pcapng", "night.pcap", "today.pcap", "growing.pcap"):
        shutil.copy(OFFICE, tmp_path / name)
    for name in ("captures/2026-11", "archive", "more", "mine/payload", DATA, "bin"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("captures/2026-11/a.pcap", "archive/a.pcap", "more/b.pcap"):
        shutil.copy(OFFICE, tmp_path / name)
    subprocess.run(["gzip", tmp_path / "more" / "b.pcap"], check=True)
    for name in ("seed.db", "audit.db", "imsniff.db", f"{DATA}/imsniff.db"):
        shutil.copy(seed, tmp_path / name)
    shutil.copy(ROOT / "signatures/policy.example.toml", tmp_path / "policy.toml")
    (tmp_path / "mine/payload/acme.toml").write_text(acme(), "utf-8")
    for name, text in STAND_INS.items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{text}\n", "utf-8")
        (tmp_path / "bin" / name).chmod(0o755)
    tmp_path.chmod(0o755)
    return tmp_path


def acme() -> str:
    """The signature of docs/writing-a-signature.md."""
    return next(iter(blocks(ROOT / "docs/writing-a-signature.md", "toml")))


def run(place, text, **more):
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("IMSNIFF_", "XDG_"))}
    environment |= {"PATH": f"/srv/bin:{os.environ['PATH']}", "HOME": str(place / "home"), **more}
    separate = ["unshare", "-m"] if more else ["unshare", "-mn"]
    before = BEFORE + ("" if more else INTERFACES)
    return subprocess.run(
        [*separate, "bash", "-ec", f"{ACCOUNT}{before}{text}"],
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


@pytest.mark.parametrize("name", SCRIPTS)
def test_an_example_runs_as_written(name, place):
    text = SCRIPTS[name]
    if reasons := [why for command, why in ELSEWHERE.items() if command in text]:
        pytest.skip("; ".join(reasons))
    needs("unshare", "tc", "jq", "tshark", "setpriv")
    if "setpriv" in text and not _runs_for_others(place):
        pytest.skip("other users cannot run the program of this checkout")
    if "db.example.org" in text:
        pytest.importorskip("psycopg")
        with server() as (_, port):
            where = {"PGPORT": str(port), "PGHOSTADDR": "127.0.0.1", "PGUSER": "imsniff"}
            made = f"createuser sensor -s\n{'' if 'createdb' in text else 'createdb imsniff'}\n"
            if "db stats" in text:
                made += "imsniff -qq analyze office.pcap --db postgresql://sensor@db.example.org/imsniff > seed.tsv\n"
            ran = run(place, made + text, **where)
    else:
        ran = run(place, text)
    assert ran.returncode == ENDS.get(text, 0), ran.stdout[-2000:] + ran.stderr[-2000:]
    assert "Traceback" not in ran.stderr


def _runs_for_others(place) -> bool:
    another = "setpriv --reuid imsniff --regid imsniff --init-groups"
    return run(place, f"cd /; {another} imsniff --version").returncode == 0


def test_there_are_examples():
    assert len(SCRIPTS) > 50
    assert {name.partition("[")[0] for name in SCRIPTS} >= {"README.md", "quickstart.md", "live.md", "policy.md"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_stand_in_blocks_that_are_run(page):
    """A block without a language shows output, a figure or a format, and no command."""
    for block in blocks(page, ""):
        assert not re.search(r"^(imsniff|make|pip|tc) ", block, re.MULTILINE), block


def test_the_config_file_of_the_docs_is_good(tmp_path):
    from imsniff.cli.configuration import read

    file = tmp_path / "config.toml"
    file.write_text(next(iter(blocks(ROOT / "docs/operations.md", "toml"))), "utf-8")
    assert read(file, lambda name: imsniff.get_command(click.Context(imsniff), name), "analyze")["analyze"]["jobs"] == 4


def test_the_policy_of_the_docs_is_good(tmp_path):
    from imsniff.policy.file import parse

    text = next(iter(blocks(ROOT / "docs/policy.md", "toml")))
    assert [rule.name for rule, _ in parse(text, tmp_path / "policy.toml").in_order] == [
        "support may use IRC",
        "no IRC",
    ]


def test_the_unit_of_the_docs_is_good(tmp_path):
    verify = shutil.which("systemd-analyze")
    if verify is None:
        pytest.skip("needs systemd-analyze")
    unit = next(iter(blocks(ROOT / "docs/live.md", "ini"))).replace("/usr/bin/imsniff", str(PROGRAM))
    (tmp_path / "imsniff.service").write_text(unit.replace("User=imsniff", "User=root"), "utf-8")
    ran = subprocess.run([verify, "verify", tmp_path / "imsniff.service"], capture_output=True, text=True, check=False)
    assert "imsniff.service:" not in ran.stderr, ran.stderr
