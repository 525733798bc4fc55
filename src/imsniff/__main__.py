"""`python -m imsniff`."""

from imsniff.cli import main

main()
