# `make` lists the targets. Needs Python >= 3.11 and make; the rest is set up in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
.DEFAULT_GOAL := help
.PHONY: help install serve setup demo test check lint types contracts unit simulate chaos fuzz docs format clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(BIN)/.runtime: requirements.txt requirements-demo.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Graygate needs Python >= 3.11; name one: make PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-demo.txt
	@touch $@

$(BIN)/.dev: $(BIN)/.runtime requirements-dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

install: $(BIN)/.runtime ## make .venv with what Graygate needs to run

serve: $(BIN)/.runtime ## web, worker and beat on this machine, until Ctrl-C
	$(BIN)/python manage.py serve

setup: $(BIN)/.dev ## make .venv and install everything

# REAL=1: through HAProxy, Prometheus and Alertmanager; REAL=0: without; else: with, if they are here.
real_0 := no
real_1 := yes
demo: $(BIN)/.runtime ## the whole loop on real traffic; ONCE=1 ends after the story, SEED=n repeats one, REAL=0|1 without or with HAProxy and Prometheus
	$(BIN)/python -m demo $(if $(ONCE),--once) $(if $(SEED),--seed $(SEED)) \
	  --real $(or $(real_$(REAL)),auto)

check: $(BIN)/.dev lint types contracts unit ## lint, types, contracts, unit tests: under a minute

lint: $(BIN)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(BIN)/.dev
	$(BIN)/mypy attribution rollout controlplane demo

contracts: $(BIN)/.dev
	$(BIN)/lint-imports

unit: $(BIN)/.dev
	$(BIN)/pytest tests/unit -q -n 2

SEED ?= 1
STEPS ?= 80
SCHEDULES ?= 1
simulate: $(BIN)/.dev ## schedules of workers, people and faults, drawn from SEED; STEPS, SCHEDULES, SECONDS, JOBS, TRACE=1 (docs/reliability.md)
	$(BIN)/python -m tests.simulation --seed $(SEED) --steps $(STEPS) --schedules $(SCHEDULES) \
	  $(if $(JOBS),--jobs $(JOBS)) $(if $(SECONDS),--seconds $(SECONDS)) $(if $(TRACE),--trace)

EXAMPLES ?= 1000
fuzz: $(BIN)/.dev ## hostile bodies, files and answers, EXAMPLES of each, other ones each time; hours (docs/reliability.md)
	GRAYGATE_FUZZ_EXAMPLES=$(EXAMPLES) $(BIN)/pytest tests/unit/fuzzing tests/integration/fuzzing -q -n 2 --dist loadfile
	GRAYGATE_SCHEMA_EXAMPLES=$(EXAMPLES) $(BIN)/pytest tests/integration/api/test_schema.py -q

chaos: $(BIN)/.dev ## a real production struck while it releases, plans drawn from SEED; SCHEDULES, SECONDS (docs/reliability.md)
	$(BIN)/python -m tests.chaos --seed $(SEED) --schedules $(SCHEDULES) \
	  $(if $(SECONDS),--seconds $(SECONDS))

test: $(BIN)/.dev ## everything that can be tested here; INSTALL=1 installs system packages first
	./tests/run

docs: $(BIN)/.dev ## write the generated parts of docs/ again
	$(BIN)/python manage.py docs

format: $(BIN)/.dev ## format and fix what can be fixed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## remove .venv and what ran
	rm -rf $(VENV) var .mypy_cache .ruff_cache .pytest_cache .hypothesis
