# `make` alone lists the targets. Needs make and Python 3.10+ with venv; everything else is installed into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
TOOLS := .venvs/tools
UV_VERSION := 0.13.9

# The tests and the demo start hundreds of processes, each of which would compile anew whatever it imports.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test test-fast check docs dist sbom matrix warehouse-hooks lock clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v=sys.version_info; sys.exit(0 if v >= (3, 10) else "Python 3.10 or newer is needed; set PYTHON=/path/to/python3 (found %d.%d)" % v[:2])'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $(STAMP)

demo: $(STAMP)  ## dbt, Airflow and Dagster against a local Dot (or set DOT_API_TOKEN and DOT_BASE_URL); BREAK=1 breaks a model
	@$(BIN)/python -m example_dags.demo

test: $(STAMP)  ## all tests
	$(BIN)/python -m pytest

test-fast: $(STAMP)  ## the tests of the core and its boundaries without the slow ones, within 90 seconds
	$(BIN)/python -m pytest tests/api tests/test_import_boundaries.py -n 4 --dist worksteal -m "not slow"

check: $(STAMP)  ## what a reviewer runs: ruff, mypy --strict, import boundaries
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

$(TOOLS)/.installed: $(STAMP) tools.lock
	$(BIN)/uv venv --quiet --allow-existing $(TOOLS)
	$(BIN)/uv pip install --quiet --python $(TOOLS)/bin/python -r tools.lock
	@touch $@

docs: $(TOOLS)/.installed  ## the documentation site, in build/site; a broken link or reference is an error
	$(BIN)/python -m docs_site $(TOOLS)/bin/zensical

dist: $(TOOLS)/.installed  ## wheel and source distribution in dist/, and the README's examples from the wheel alone
	$(BIN)/python -m tests.wheel
	$(TOOLS)/bin/twine check --strict dist/*

sbom: dist  ## build/sbom.cdx.json: what the wheel and its extras airflow, dagster and sandbox bring with them
	@mkdir -p build
	$(TOOLS)/bin/cyclonedx-py environment $(abspath .venvs/wheel/bin/python) --output-reproducible -o build/sbom.cdx.json

matrix: $(STAMP)  ## the tests that matter on each version that is claimed, or in these alone: WORLDS="core-3.13 dlt-oldest"
	$(BIN)/python -m tests.matrix $(WORLDS)

warehouse-hooks: $(STAMP)  ## the tests that need Airflow's providers of warehouses (Snowflake, Google, AWS, ...), which are large
	$(BIN)/python -m tests.matrix warehouse-hooks

lock: $(STAMP)  ## resolve pyproject.toml anew into requirements.lock and tools.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.10 --no-header --no-annotate \
	  --group dev --extra airflow --extra dagster --extra postgres --extra html --extra sandbox \
	  pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11.5 --no-header --no-annotate --group tools -o tools.lock

clean:  ## remove the environment, the demo's files and caches
	rm -rf $(VENV) .venvs .demo build dist .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis
