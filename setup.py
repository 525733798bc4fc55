"""What pyproject.toml cannot say: the compiled gate, which is left out where there is no compiler."""

from setuptools import Extension, setup

setup(ext_modules=[Extension("imsniff.net._gate", ["src/imsniff/net/_gate.pyx"], optional=True)])
