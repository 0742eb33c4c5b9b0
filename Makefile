# `make help` lists what there is. Every command sets itself up first; nothing but Python, make and git is needed.

SHELL := /bin/sh
PYTHON ?=
ARGS ?=
MINUTES ?= 6
ONLY ?=
VENV := .venv
STATE := .sluice
STAMP := $(VENV)/.installed
RUN := $(VENV)/bin
export PROMETHEUS_DISABLE_CREATED_SERIES := true

.PHONY: help install demo test lint openapi requirements mutants chaos bench clean
.DEFAULT_GOAL := help

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

install: $(STAMP) ## the virtual environment, from the lock file with hashes

$(STAMP): requirements-dev.lock .ci/install
	@PYTHON="$(PYTHON)" .ci/install $(VENV) requirements-dev.lock $(STATE)/install.log
	@touch $@

demo: $(STAMP) ## a shopping day on simulated vendors (ARGS="--once --orders 200 --faults rough")
	@$(RUN)/sluice demo $(ARGS)

test: $(STAMP) ## the whole suite (ARGS="tests/embedded -x" for a part)
	@$(RUN)/python -m pytest $(if $(ARGS),$(ARGS),-n auto -q)

lint: $(STAMP) ## ruff, mypy, import floors, house rules
	@$(RUN)/ruff check .
	@$(RUN)/ruff format --check .
	@$(RUN)/mypy
	@$(RUN)/lint-imports
	@$(RUN)/python -m pytest -q tests/house

openapi: $(STAMP) ## write openapi/sluice.json anew
	@$(RUN)/sluice openapi

requirements: $(STAMP) ## write docs/requirements.md from the marked tests
	@$(RUN)/python -m pytest -n auto -q -m requirement --write-requirements $(ARGS)

mutants: $(STAMP) ## break each promise and see its test fail
	@$(RUN)/python -m tests.mutants $(ARGS)

chaos: $(STAMP) ## kill loops, wipes and cuts, then an audit (MINUTES=60 for all of it)
	@$(RUN)/python -m tests.chaos --minutes $(MINUTES) $(if $(ONLY),--only "$(ONLY)") $(ARGS)

bench: $(STAMP) ## measure beside the peers (ONLY=accept for one)
	@$(RUN)/python -m bench $(if $(ONLY),--only $(ONLY)) $(ARGS)

clean: ## remove the virtual environment and all local data
	@for link in $$(find $(STATE) -type l -lname '/var/tmp/sluice-*' 2>/dev/null); do rm -rf "$$(readlink "$$link")"; done
	@rm -rf $(VENV) $(STATE) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build report.json
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
