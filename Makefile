# Every target is what the continuous integration runs; it runs nothing else.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Of pip and the build only errors: not that it runs as root in a container, nor what setuptools thinks of editables.
PIP := PYTHONWARNINGS=ignore PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip install -qq
SECONDS ?= 10
ROUNDS ?= 3

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint type scenario bench fuzz clean

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## a virtual environment in .venv with the program (editable), tests and linters

$(STAMP): pyproject.toml $(wildcard setup.py) $(wildcard src/imsniff/net/*.pyx src/imsniff/net/*.pxi)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "imsniff needs Python 3.11 or later: make setup PYTHON=python3.11")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) ..."
	@$(PIP) --upgrade 'pip>=25.1'
	@$(PIP) --editable . --group test --group lint
	@touch $@

demo: setup ## analyse the captures of pcaps/, show the report, write it as HTML
	@mkdir -p out && rm -f out/demo.db out/demo.db-wal out/demo.db-shm
	@echo 'imsniff analyze pcaps --db out/demo.db > out/findings.tsv' && begun=$$(date +%s) && \
	$(BIN)/imsniff analyze pcaps --db out/demo.db > out/findings.tsv && \
	printf '\nimsniff report --db out/demo.db\n' && \
	$(BIN)/imsniff report --db out/demo.db --format terminal && \
	$(BIN)/imsniff -q report --db out/demo.db -o out/report.html && \
	echo && echo "As a page: file://$(CURDIR)/out/report.html" && \
	echo "All findings, tab-separated: out/findings.tsv" && \
	echo "Analysis and both reports took $$(( $$(date +%s) - begun )) s."

test: setup ## all tests, on all processors
	$(BIN)/python -m pytest -n auto

lint: setup ## style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

type: setup ## types
	$(BIN)/mypy

scenario: setup ## a made month in a company, analysed: precision and recall of every risk, and its audit
	$(BIN)/python -m tests.scenario.judge

bench: setup ## imsniff against tshark and ndpiReader on made captures (ROUNDS=3), then each stage by itself
	$(BIN)/python -m bench.run --rounds $(ROUNDS)
	$(BIN)/python -m pytest bench/micro --benchmark-json out/micro.json --benchmark-columns min,median,ops,rounds

fuzz: setup ## hostile input, SECONDS=10 for each target
	$(BIN)/python -m fuzz.run --seconds $(SECONDS)
	$(BIN)/python -m fuzz.gate --seconds $(SECONDS)

clean: ## remove what was made
	rm -rf $(VENV) out build dist src/*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
