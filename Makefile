# What people do daily. `make demo` and `make test` install all they need, the first time.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON := $(shell docker/find-python.sh "$(PYTHON)")
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
ARGS ?=
CORES ?= 3
SOAK = $(foreach each,docs minutes seed cluster database,$(addprefix --$(each)=,$($(shell echo $(each) | tr a-z A-Z))))

.PHONY: help install demo test soak screenshots lint format bench bench-search bench-console lock clean

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(READY): requirements.lock pyproject.toml
	@docker/prepare-python.sh "$(PYTHON)" "$(VENV)"
	@touch $(READY)

install: $(READY) ## a virtual environment with everything pinned

ifeq ($(PYTHON),)
# No Python 3.11 on this machine: the same, in a container.
demo test soak bench:
	@docker/in-docker.sh $@ "$(if $(filter soak,$@),$(SOAK) )$(ARGS)"
else
demo: $(READY) ## a small country exchanges signed documents (ARGS=--keep leaves it running)
	@$(BIN)/python -m tests.demo $(ARGS)

test: $(READY) lint ## every ring of tests, on a real RabbitMQ and PostgreSQL
	@$(BIN)/python -m tests.support.services ensure rabbitmq postgresql chromium
ifneq ($(ARGS),)
	$(BIN)/pytest $(ARGS)
else
	$(BIN)/pytest -n $(CORES) --dist loadfile --no-loadscope-reorder tests/acceptance/test_demo.py \
	    tests/integration tests/contract tests/attacks tests/unit
	$(BIN)/pytest -n $(CORES) --dist loadfile tests/browser
	$(BIN)/pytest tests/acceptance/test_soak.py
endif

bench: $(READY) ## routed documents per second, as a ratio to a raw relay of the same payload
	@$(BIN)/python -m tests.support.services ensure rabbitmq
	@$(BIN)/python -m tests.benchmarks $(ARGS)

soak: $(READY) ## documents travel while everything breaks (DOCS= MINUTES= SEED= CLUSTER=3 DATABASE=postgresql)
	@$(BIN)/python -m tests.soak $(SOAK) $(ARGS)

bench-search: $(READY) ## the search among a million legs, on SQLite and PostgreSQL
	@$(BIN)/python -m tests.support.services ensure postgresql
	@$(BIN)/python -m tests.benchmarks.search $(ARGS)

bench-console: $(READY) ## the console's pages of a hub with 100,000 organs and a million legs
	@$(BIN)/python -m tests.benchmarks.console $(ARGS)

screenshots: $(READY) ## pictures of the console's pages, light and dark, desktop and phone, in .browser
	@$(BIN)/python -m tests.support.services ensure chromium
	@$(BIN)/python -m tests.browser.screenshots
endif

lint: $(READY) ## ruff, strict mypy, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY) ## let ruff arrange the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(READY) ## write requirements.lock anew from pyproject.toml
	$(BIN)/pip-compile --quiet --extra dev --strip-extras --allow-unsafe --no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
	    --no-annotate --generate-hashes --output-file requirements.lock pyproject.toml

clean: ## remove what the demo, the benchmark and the tests left behind
	rm -rf .demo .bench .soak .browser .pytest_cache .mypy_cache .ruff_cache .hypothesis build *.egg-info
