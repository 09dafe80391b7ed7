# The house's daily commands. Each makes and uses .venv by itself; a second run does not install again.

PYTHON ?= python3
SEEDS ?=
ARGS ?=
WHOLE ?=

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
OLDEST := 3.11

# Tests start many processes; without kept bytecode each of them compiles every library anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run test check format bench soak clean
.DEFAULT_GOAL := help

help: ## List the targets
	@echo "make TARGET [PYTHON=python3.12] [ARGS=...]"
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-8s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: $(INSTALLED) ## Sandbox, daemon and demo traffic in the foreground; Ctrl-C stops all
	@$(BIN)/python -m leadrelay run $(ARGS)

test: $(INSTALLED) ## What needs no service and no patience (ARGS="tests/webhooks -k cors"); WHOLE=1 for all, as CI
	@$(if $(WHOLE),LEADRELAY_TEST_WHOLE=1 )$(BIN)/python -m pytest -q -n 4 --dist worksteal $(ARGS)

check: $(INSTALLED) ## Format, lint and types, as CI runs them
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

format: $(INSTALLED) ## Put the code into the house's format
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(INSTALLED) ## Measure what docs and README claim
	@$(BIN)/python -m benchmarks $(ARGS)

soak: $(INSTALLED) ## The long seeded runs, and each journey and story on its other store (hours; SEEDS=1:50 for fewer)
	@$(if $(SEEDS),SEEDS=$(SEEDS) )$(BIN)/python -m pytest -q -m soak tests/crash tests/journeys tests/sync tests/agreement tests/scaled $(ARGS)

clean: ## Remove .venv and everything that was made
	@rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis \
	  tests/sandbox/node/node_modules
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { \
	  echo "There is no $(PYTHON). Install Python $(OLDEST) or newer, or name one: make PYTHON=/path/to/python3.12"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < tuple(map(int, "$(OLDEST)".split("."))))' || { \
	  echo "$(PYTHON) is $$($(PYTHON) --version 2>&1); leadrelay needs Python $(OLDEST) or newer."; \
	  echo "Name a newer one: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "$(PYTHON) cannot make a virtual environment: its venv module is missing. Install it:"; \
	  echo "  Debian, Ubuntu   sudo apt-get install python3-venv"; \
	  echo "  Fedora           sudo dnf install python3 python3-pip"; \
	  echo "  macOS            brew install python"; exit 1; }
	@$(BIN)/python -c 'import sys, pip; sys.exit(sys.version_info < tuple(map(int, "$(OLDEST)".split("."))))' 2>/dev/null \
	  || $(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -c constraints.txt -e '.[dev,scaled]'
	@touch $@
