"""The documentation is held to the code."""

import importlib.util
import re
from pathlib import Path

import click
import jsonschema
import msgspec
import pytest

from imsniff.base import records as records
from imsniff.base.records import KINDS, to_json
from imsniff.cli.program import COMMANDS, imsniff
from imsniff.store.schema import metadata
from made import exposure, login, message, session, transfer

DOCS = Path(__file__).resolve().parents[2] / "docs"


def generator():
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PAGES = generator().pages()


@pytest.mark.parametrize("name", sorted(PAGES))
def test_made_pages_are_fresh(name):
    """Renew them with `python docs/generate.py`."""
    there, made = (DOCS / name).read_text("utf-8"), PAGES[name]
    if name == "commands.md":  # versions of click wrap differently
        there, made = there.split(), made.split()
    assert there == made


def test_no_made_page_is_left_over():
    assert {f"schema/{file.name}" for file in (DOCS / "schema").iterdir()} == {
        n for n in PAGES if n.startswith("schema/")
    }


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example_and_is_in_the_docs(command):
    found = imsniff.get_command(click.Context(imsniff), command)
    inner = found.commands.values() if isinstance(found, click.Group) else ()
    for one in (found, *inner):
        assert one.help
        assert "Example" in one.epilog
        for option in one.params:
            assert isinstance(option, click.Argument) or option.help or option.name == "form"
    text = "\n".join(page.read_text("utf-8") for page in DOCS.glob("*.md") if page.name != "commands.md")
    assert f"imsniff {command}" in text


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_is_in_the_dictionary(kind):
    text = (DOCS / "data-dictionary.md").read_text("utf-8")
    section = text.partition(f"\n## {kind}\n")[2].partition("\n## ")[0]
    head = text.partition("\n## ")[0]
    struct = getattr(records, f"{kind.capitalize()}Record")
    for field in msgspec.structs.fields(struct):
        assert f"`{field.name}`" in section + head, field.name


def test_every_table_is_in_the_dictionary():
    text = (DOCS / "data-dictionary.md").read_text("utf-8")
    for table in metadata.tables:
        assert f"`{table}`" in text or f"\n## {table}\n" in text


def test_records_fit_their_schema():
    one = session(account="alice", software=["x"])
    schema = msgspec.json.decode((DOCS / "schema" / "record.json").read_bytes())
    for record in (one, login(one), message(one, text="hi"), exposure(one), transfer(one)):
        jsonschema.validate(msgspec.json.decode(to_json(record)), schema)
        own = msgspec.json.decode((DOCS / "schema" / f"{record.__struct_config__.tag}.json").read_bytes())
        jsonschema.validate(msgspec.json.decode(to_json(record)), own)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**msgspec.json.decode(to_json(one)), "nonsense": 1}, schema)


def test_links_lead_somewhere():
    for page in [*DOCS.glob("*.md"), *DOCS.parent.glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_example_policy_is_good():
    from imsniff.policy.file import load

    assert load(DOCS.parent / "signatures" / "policy.example.toml").allow
