"""What pyproject.toml cannot say: the compiled gate, which is left out where there is no compiler."""

from pathlib import Path

from setuptools import Extension, setup

GATE = "src/imsniff/net/_gate.pyx"
PARTS = [str(part) for part in Path("src/imsniff/net").glob("*.pxi")]

setup(ext_modules=[Extension("imsniff.net._gate", [GATE], depends=PARTS, optional=True)])
