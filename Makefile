# GNU make and Python 3.11 or newer; nothing else but a package index.
PYTHON ?= python3
PYTEST_ARGS ?=
WORKERS ?= 2
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check
TESTS := tests/test_layers.py tests/test_docs_links.py tests/test_docs_names.py tests/streamnn tests/connectors tests/jobs tests/broker
DOCTESTS := --doctest-modules streamnn connectors jobs
DOCS := $(wildcard README.md CONTRIBUTING.md docs/*.md)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test test-all test-kafka lint types doctest format picture bench peers clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

run: $(VENV)/.base ## replay New York's flights of early 2013 and write the report to out/
	@mkdir -p out
	@$(BIN)/streamnn replay flights --report out/flights.html --output out/flights

test: $(VENV)/.test ## the fast tests, file by file in two processes (WORKERS=0: in this one)
	@$(BIN)/pytest -m "not slow" -n $(WORKERS) --dist loadfile $(PYTEST_ARGS)

test-all: $(VENV)/.all ## every test and doctest, as test does: slow ones, those that need torch or a Kafka broker too
	@$(BIN)/pytest -rs -n $(WORKERS) --dist loadfile --doctest-glob='*.md' --ignore-glob='*/conftest.py' $(DOCTESTS) $(DOCS) $(TESTS) $(PYTEST_ARGS)

test-kafka: $(VENV)/.all ## Kafka alone, on a real broker: STREAMNN_KAFKA, KAFKA_HOME or Docker
	@$(BIN)/pytest -rs tests/broker $(PYTEST_ARGS)

lint: $(VENV)/.dev ## style and formatting, changes nothing
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(VENV)/.dev ## type check
	@$(BIN)/mypy

doctest: $(VENV)/.test ## the examples in docstrings and documents
	@$(BIN)/pytest -n $(WORKERS) --dist loadfile --doctest-ignore-import-errors --doctest-glob='*.md' $(DOCTESTS) $(DOCS) $(PYTEST_ARGS)

format: $(VENV)/.dev ## sort imports and format every file
	@$(BIN)/ruff check --fix-only -q .
	@$(BIN)/ruff format .

picture: $(VENV)/.base ## draw the route of an event into docs/how-it-works.md
	@$(BIN)/python tools/picture.py

bench: ## list the benchmarks
	@for f in benchmarks/[a-z]*.py; do [ -e "$$f" ] || continue; \
		printf '  %-34s %s\n' "$$f" "$$(sed -n '1s/^"""//p' "$$f" | sed 's/"""$$//')"; done

peers: .peers/.made ## the rivals that benchmarks measure, in .peers/ (torch, deep-river, Vowpal Wabbit, river)

clean: ## remove what make and the tests made, environments included
	@rm -rf $(VENV) .peers out build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -prune -exec rm -rf {} +

# One environment that grows: each stamp says which extras have been installed since these two files changed.
$(VENV)/.base: EXTRA :=
$(VENV)/.test: EXTRA := [test]
$(VENV)/.dev: EXTRA := [dev]
$(VENV)/.all: EXTRA := [all]
$(VENV)/.base $(VENV)/.test $(VENV)/.dev $(VENV)/.all: pyproject.toml constraints.txt | $(VENV)/.made
	@echo "installing streamnn$(EXTRA) into $(VENV)"
	@$(PIP) install --no-build-isolation -c constraints.txt -e '.$(EXTRA)'
	@touch $@

$(VENV)/.made:
	@$(call need_python)
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install -c constraints.txt setuptools
	@touch $@

.peers/.made: benchmarks/peers.txt
	@$(call need_python)
	@echo "installing the peers into .peers"
	@$(PYTHON) -m venv .peers
	@.peers/bin/python -m pip -qq --disable-pip-version-check install -r benchmarks/peers.txt
	@.peers/bin/python -m pip -qq --disable-pip-version-check install --no-deps deep-river==0.3.4
	@.peers/bin/python -m pip -qq --disable-pip-version-check install --no-deps --no-build-isolation -e .
	@touch $@

define need_python
$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	echo "streamnn needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>/dev/null || echo 'not found')." \
	"Name one: make $(MAKECMDGOALS) PYTHON=/path/to/python3.12" >&2; exit 1; }
endef
