"""What an installation holds: every package, every signature, in a wheel and from a checkout."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import imsniff
from imsniff.rules.loader import packaged_directory

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
SETUPTOOLS = PROJECT["tool"]["setuptools"]


def test_every_package_is_listed():
    source = ROOT / "src"
    found = {path.parent.relative_to(source).as_posix().replace("/", ".") for path in source.rglob("__init__.py")}
    assert found | {"imsniff.signatures"} == set(SETUPTOOLS["packages"])
    assert SETUPTOOLS["packages"] == sorted(SETUPTOOLS["packages"])


def test_every_file_that_is_not_code_is_shipped():
    roots = {"imsniff": ROOT / "src" / "imsniff", "imsniff.signatures": ROOT / "signatures"}
    shipped: set[Path] = set()
    for package, patterns in SETUPTOOLS["package-data"].items():
        folder = roots.get(package) or ROOT / "src" / package.replace(".", "/")
        shipped.update(path for pattern in patterns for path in folder.glob(pattern))
    code = {".py", ".pyc", ".pyx", ".pxi", ".c", ".so", ".pyd"}
    data = {path for root in roots.values() for path in root.rglob("*") if path.is_file() and path.suffix not in code}
    assert data <= shipped


def test_a_checkout_finds_the_signatures_at_its_root():
    if (Path(imsniff.__file__).parent / "signatures").exists():
        pytest.skip("runs from an installed package")
    assert packaged_directory() == ROOT / "signatures"


@pytest.mark.slow
def test_a_wheel_holds_the_signatures_and_finds_them(tmp_path):
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    for name in ("src", "signatures"):
        shutil.copytree(
            ROOT / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__", "*.so", "*.egg-info")
        )
    for name in ("pyproject.toml", "README.md", "LICENSE", "setup.py"):
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, checkout)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path), str(checkout)]
    built = subprocess.run(pip, capture_output=True, text=True, check=False)
    if "No matching distribution found for setuptools" in built.stderr:
        pytest.skip("no network: setuptools cannot be had")
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as file:
        file.extractall(tmp_path / "installed")
    ask = "from imsniff.rules.loader import load; found = load(); print(*found.directories, len(found.payload))"
    told = subprocess.run(
        [sys.executable, "-c", ask],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path / "installed"), "HOME": str(tmp_path)},
    )
    where, count = told.stdout.split()
    assert Path(where) == tmp_path / "installed" / "imsniff" / "signatures"
    assert int(count) > 20
