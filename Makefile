# Everything runs from a fresh clone with python3 (>= 3.11, with venv), make and git; nothing else is needed.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --require-hashes

.PHONY: help demo serve test check bench docs simulate chaos fuzz requirements clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

.venv/run.done: requirements/run.txt pyproject.toml
	@echo "setting up .venv ..."
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 13) else f"Penstock needs Python 3.11 to 3.13, not {v[0]}.{v[1]}; name one with make PYTHON=...")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(PIP) -r requirements/run.txt
	@$(BIN)/python -m pip --disable-pip-version-check install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.venv/dev.done: requirements/dev.txt .venv/run.done
	@echo "adding the development tools ..."
	@$(PIP) -r requirements/dev.txt
	@touch $@

demo: .venv/run.done ## watch one job live on real Flink: created, run, listed, savepointed, resumed, stopped
	@$(BIN)/penstock demo

serve: .venv/run.done ## run the service on http://127.0.0.1:8380
	@$(BIN)/penstock serve

test: .venv/dev.done ## the whole suite, real Flink included
	@$(BIN)/python -m pytest

check: .venv/dev.done ## format, lint, types, layers, generated pages
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m docs.generate --check

docs: .venv/dev.done ## write the generated pages of docs/ anew
	@$(BIN)/python -m docs.generate

WORLDS ?= 20000
simulate: .venv/dev.done ## play WORLDS=n random lives of a job with crashes and races
	@$(BIN)/python -m tests.domain.simulation $(WORLDS)

FAULTS ?= 60
chaos: .venv/dev.done ## pull FAULTS=n plugs on real jobs on real Flink, and add a row to docs/reliability.md
	@$(BIN)/python -m tests.real.chaos.plug_puller --faults $(FAULTS) --outside --append

REQUESTS ?= 50000
fuzz: .venv/dev.done ## make REQUESTS=n requests of the OpenAPI document, and hold the answers to it
	@$(BIN)/python -m tests.server.contract $(REQUESTS)

bench: .venv/dev.done ## measure, as ratios in one run
	@$(BIN)/python -m benchmarks

requirements: .venv/dev.done ## pin the newest dependencies anew (needs uv on the path)
	@uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --python-version 3.11 --upgrade --extra build pyproject.toml -o requirements/run.txt
	@uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --python-version 3.11 --upgrade --extra build --extra dev -c requirements/run.txt pyproject.toml -o requirements/dev.txt
	@uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --python-version 3.11 --upgrade --only-binary :all: --emit-build-options --overrides requirements/python-udf-2.3.overrides requirements/python-udf-2.3.in -o penstock/flink/engines/python-udf-2.3.txt

clean: ## remove .venv and what the tools left
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
