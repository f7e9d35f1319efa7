# Everything happens in .venv, which these targets make and keep: the user's own Python is only
# asked to create it. Stamp files in .venv remember what is installed, so a second run is quick.
# Written for GNU make 3.81 and later, the one that macOS has.

.DEFAULT_GOAL := help
SHELL := /bin/sh

# The Python that makes .venv: give PYTHON=… or the first that is new enough is taken.
PYTHON ?=
PYTHON_CANDIDATES := python3 python3.14 python3.13 python3.12 python3.11 python

VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/.stamps
LOCK_VENV := .lock-venv

# What a user's shell may say about Python and pip must not move packages elsewhere.
unexport PYTHONPATH PYTHONHOME PYTHONSTARTUP VIRTUAL_ENV PIP_TARGET PIP_PREFIX PIP_ROOT PIP_CONSTRAINT
export PYTHONNOUSERSITE := 1
export PIP_USER := 0
export PIP_DISABLE_PIP_VERSION_CHECK := 1

INSTALL := $(BIN)/python -m pip install --quiet --require-hashes
PYTEST := $(BIN)/python -m pytest
# What a developer does not wait for: a whole process, a server, a kill.
QUICK := not slow and not integration and not kill and not powerloss
# More words for the command behind a target: make demo ARGS="--seconds 20"
ARGS ?=

.PHONY: help
help:  ## Show this list.
	@echo "Headrace. make TARGET [ARGS=\"…\"] [PYTHON=python3.13]"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-12s %s\n", $$1, $$2 }'

.PHONY: demo
demo: $(STAMPS)/package  ## Run the demonstration: about a minute, then a summary.
	$(BIN)/headrace demo $(ARGS)

.PHONY: test
test: $(STAMPS)/dev  ## Run every test.
	$(PYTEST) $(ARGS)

.PHONY: quick
quick: $(STAMPS)/dev  ## Run what needs no server and kills nothing: under a minute.
	$(PYTEST) -q -m "$(QUICK)" $(ARGS)

.PHONY: check
check: check-format check-lint check-layers check-types check-docs  ## Check format, lint, layers, types and documents (-k: all of them).

.PHONY: check-format
check-format: $(STAMPS)/dev
	$(BIN)/ruff format --check .

.PHONY: check-lint
check-lint: $(STAMPS)/dev
	$(BIN)/ruff check .

.PHONY: check-layers
check-layers: $(STAMPS)/dev
	$(BIN)/lint-imports --no-logo

.PHONY: check-types
check-types: $(STAMPS)/dev
	$(BIN)/mypy
	@if [ -d tests/typing ]; then set -x; $(BIN)/basedpyright; fi

.PHONY: check-docs
check-docs: $(STAMPS)/dev
	$(PYTEST) -q $(wildcard tests/architecture tests/docs)

.PHONY: format
format: $(STAMPS)/dev  ## Format the code and mend what lint can mend.
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: coverage
coverage: $(STAMPS)/dev  ## Measure the quick tests: every branch of the pure packages must be run.
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -q -m "$(QUICK)" $(ARGS)
	$(BIN)/coverage report
	$(BIN)/coverage report --fail-under=100 --include="src/headrace/policy/*,src/headrace/filters/*,src/headrace/config/*,src/headrace/model/*"

.PHONY: bench
bench: $(STAMPS)/bench  ## Measure, and compare with the numbers that are promised.
	$(BIN)/python -m bench $(ARGS)

.PHONY: package
package: $(STAMPS)/dev  ## Build the wheel and the source archive into dist/.
	rm -rf dist
	$(BIN)/python -m build --no-isolation --outdir dist .

.PHONY: lock
lock: $(LOCK_VENV)/.made  ## Renew requirements/*.txt (ARGS=--upgrade: with newer versions).
	.ci/lock $(LOCK_VENV)/bin/uv $(ARGS)

.PHONY: clean
clean:  ## Remove .venv, caches and what was built.
	rm -rf $(VENV) $(LOCK_VENV) dist build htmlcov .coverage .coverage.*
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .nox
	find src tests $(wildcard bench examples docs) -name __pycache__ -type d -prune -exec rm -rf {} +

# A virtual environment knows its own path: one that was copied or moved here is made anew.
MADE_IN := $(shell cat $(STAMPS)/made 2>/dev/null)
ifneq ($(MADE_IN),$(CURDIR))
.PHONY: $(STAMPS)/made
endif

FIND_PYTHON = \
	for python in $(if $(PYTHON),"$(PYTHON)",$(PYTHON_CANDIDATES)); do \
		if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$${found:-}" ]; then \
		echo "Headrace needs Python 3.11 or later to make its environment; tried:" \
			"$(if $(PYTHON),$(PYTHON),$(PYTHON_CANDIDATES))." >&2; \
		echo "Install one, or name it: make PYTHON=/path/to/python3.12 …" >&2; \
		exit 1; \
	fi

$(STAMPS)/made:
	@$(FIND_PYTHON); \
	echo "Making $(VENV) with $$("$$found" --version)"; \
	"$$found" -m venv --clear $(VENV) || { \
		echo "$$found can't make a virtual environment (on Debian and Ubuntu: install python3-venv)." >&2; exit 1; }
	@mkdir -p $(STAMPS)
	@printf '%s\n' "$(CURDIR)" > $@

$(STAMPS)/runtime: requirements/runtime.txt $(STAMPS)/made
	$(INSTALL) -r requirements/runtime.txt
	@touch $@

# The checkout in place: what is edited is what runs.
$(STAMPS)/package: pyproject.toml $(STAMPS)/runtime
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(STAMPS)/dev: requirements/dev.txt $(STAMPS)/package
	$(INSTALL) -r requirements/dev.txt
	@touch $@

$(STAMPS)/bench: requirements/bench.txt $(STAMPS)/dev
	$(INSTALL) -r requirements/bench.txt
	@touch $@

$(LOCK_VENV)/.made: requirements/lock.txt
	@$(FIND_PYTHON); "$$found" -m venv --clear $(LOCK_VENV)
	$(LOCK_VENV)/bin/python -m pip install --quiet --require-hashes -r requirements/lock.txt
	@touch $@
