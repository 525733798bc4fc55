# Every target is what the continuous integration runs; it runs nothing else.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SECONDS ?= 10
ROUNDS ?= 3

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint type bench fuzz clean

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## a virtual environment in .venv with the program (editable), tests and linters

$(STAMP): pyproject.toml $(wildcard setup.py) $(wildcard src/imsniff/net/*.pyx)
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "imsniff needs Python 3.11 or later: make setup PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --editable . --group test --group lint
	touch $@

demo: setup ## analyse the captures of pcaps/, show the report, write it as HTML
	mkdir -p out
	rm -f out/demo.db out/demo.db-wal out/demo.db-shm
	$(BIN)/imsniff analyze pcaps --db out/demo.db
	$(BIN)/imsniff report --db out/demo.db
	$(BIN)/imsniff report --db out/demo.db --format html -o out/report.html
	@echo
	@echo "The report: file://$(CURDIR)/out/report.html"

test: setup ## all tests, on all processors
	$(BIN)/python -m pytest -n auto

lint: setup ## style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

type: setup ## types
	$(BIN)/mypy

bench: setup ## imsniff against tshark and ndpiReader on a made capture of 1 GB (ROUNDS=3)
	$(BIN)/python -m bench.run --rounds $(ROUNDS)

fuzz: setup ## hostile input, SECONDS=10 for each target
	$(BIN)/python -m fuzz.run --seconds $(SECONDS)

clean: ## remove what was made
	rm -rf $(VENV) out build dist src/*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
