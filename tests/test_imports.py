"""Imports point one way: between packages along the pipeline, and between files without a cycle."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parent.parent / "src"
ROOT = SOURCE / "imsniff"

FLOORS = (
    {"base", "imsniff"},
    {"capture", "rules"},
    {"net", "policy"},
    {"dissect"},
    {"carriers", "envelopes"},
    {"classify"},
    {"record"},
    {"detect"},
    {"pipeline"},
    {"store"},
    {"live", "report", "export", "search"},
    {"console"},
    {"cli"},
    {"__main__"},
)
"""From the ground up. A package may import what is on the floors below it, and itself."""


def modules() -> dict[str, Path]:
    return {
        ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__"): path
        for path in sorted(ROOT.rglob("*.py"))
    }


MODULES = modules()


def imported(path: Path) -> Iterator[str]:
    """The modules of this program that a file imports, wherever in the file it does."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name in MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] == "imsniff":
            for name in node.names:
                inner = f"{node.module}.{name.name}"
                yield inner if inner in MODULES else node.module


IMPORTS = {name: set(imported(path)) & MODULES.keys() - {name} for name, path in MODULES.items()}


def package(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "imsniff"


def test_no_file_is_part_of_an_import_cycle():
    try:
        TopologicalSorter(IMPORTS).prepare()
    except CycleError as why:
        pytest.fail(" → ".join(reversed(why.args[1])))


def test_every_package_stands_on_a_floor():
    assert {package(module) for module in MODULES} <= set().union(*FLOORS)


def test_imports_point_down():
    floor = {name: number for number, names in enumerate(FLOORS) for name in names}
    wrong = [
        f"{module} imports {other}"
        for module, others in IMPORTS.items()
        for other in others
        if package(module) != package(other) and floor[package(other)] >= floor[package(module)]
    ]
    assert wrong == []


def test_no_file_is_longer_than_a_reader_keeps_in_mind():
    longer = {name: size for name, path in MODULES.items() if (size := len(path.read_text("utf-8").splitlines())) > 500}
    assert longer.keys() <= {"imsniff.base.limits"}  # one list of constants, each with its reason: nothing to follow


def test_the_top_of_the_tree_is_the_pipeline():
    assert {path.name for path in ROOT.glob("*.py")} == {"__init__.py", "__main__.py", "pipeline.py"}
