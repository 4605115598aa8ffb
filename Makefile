# Everything a newcomer needs: `make run` and `make test`. `make help` lists the rest.
SHELL := /bin/bash
.DEFAULT_GOAL := help
VENV := .venv
PY := $(VENV)/bin/python
HUB := $(VENV)/bin/hub
UV_VERSION := 0.13.9
export HUB_VAR ?= var
export PIP_DISABLE_PIP_VERSION_CHECK = 1
LOCK_STAMP := $(VENV)/.locked
PYTHON ?= python3

.PHONY: help run dev install test check test-long test-planted bench clues lint types imports lock t apt docs-shots english page-shots

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 24

install: $(LOCK_STAMP) ## make the environment only (.venv, locked dependencies)

# uv where it can be had (seconds), else pip (minutes); both check the same hashes.
$(LOCK_STAMP): requirements-dev.lock requirements.overrides pyproject.toml
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	@if $(VENV)/bin/pip install -q "uv==$(UV_VERSION)" 2>/dev/null; then \
	   echo "installing locked dependencies with uv"; \
	   $(VENV)/bin/uv pip install -q --python $(PY) --require-hashes --no-deps -r requirements-dev.lock; \
	   $(VENV)/bin/uv pip install -q --python $(PY) --no-deps --no-build-isolation -e .; \
	 else \
	   echo "installing locked dependencies with pip"; \
	   $(VENV)/bin/pip install -q --require-hashes --no-deps -r requirements-dev.lock; \
	   $(VENV)/bin/pip install -q --no-deps --no-build-isolation -e .; \
	 fi
	@touch $@

run: $(LOCK_STAMP) ## start everything, with the demo county on first run (PORT, HUB_VAR)
	@exec $(HUB) up --demo

dev: $(LOCK_STAMP) ## start everything without demo, restart when a file changes
	@exec $(HUB) up --no-demo --reload

clues: $(LOCK_STAMP) ## print the queue as JSON lines
	@$(HUB) clues --json

lint: $(LOCK_STAMP) ## ruff
	@$(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check -q .

types: $(LOCK_STAMP) ## mypy --strict
	@$(VENV)/bin/mypy

imports: $(LOCK_STAMP) ## import contracts
	@$(VENV)/bin/lint-imports

apt: ## Debian packages of the tests (root only; says so)
	@tests/apt.sh

test: $(LOCK_STAMP) apt lint types imports ## lint, types, imports, then all tests
	@$(PY) -m pytest -q -n 2 --dist loadgroup

check: $(LOCK_STAMP) lint types imports ## the same without browser and fault layers
	@$(PY) -m pytest -q -n 2 --dist loadgroup -m "not browser and not fault and not long"

test-long: $(LOCK_STAMP) apt ## the long programmes too
	@HUB_TEST_LONG=1 $(PY) -m pytest -q -m "long or fault"

test-planted: $(LOCK_STAMP) ## plant known bugs in a copy: each must turn its named test red
	@$(PY) tests/planted/run.py

t: $(LOCK_STAMP) ## some tests: make t K=expression
	@$(PY) -m pytest -q -x -k "$(K)"

bench: $(LOCK_STAMP) ## print all figures
	@$(PY) bench/run.py

docs-shots: $(LOCK_STAMP) apt ## the pictures of the guides, from a demo county in a real browser (docs/shots)
	@$(PY) -m tests.browser.shots

page-shots: $(LOCK_STAMP) apt ## a picture of every page in both sizes (docs/shots/pages); N=part of a name for some
	@$(PY) -m tests.browser.album $(N)

english: $(LOCK_STAMP) ## refresh the English catalogue of the screens and account for it
	@$(HUB) english

lock: ## resolve dependencies anew
	@test -x $(PY) || $(PYTHON) -m venv $(VENV); $(VENV)/bin/pip install -q "uv==$(UV_VERSION)"
	@$(VENV)/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate \
	  --override requirements.overrides pyproject.toml --extra dev -o requirements-dev.lock
	@$(VENV)/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate \
	  --override requirements.overrides -c requirements-dev.lock pyproject.toml --extra whisper -o requirements.lock
