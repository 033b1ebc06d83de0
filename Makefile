# make demo    try winnow on the sample recording: before, after, and a picture of both
# make test    run the whole test suite
# make lint    style, types, and the direction of imports
# make clean   remove what the above have made
#
# PYTHON chooses the interpreter (3.10 or later), VENV the folder of the virtual environment.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: demo test lint clean

demo: $(VENV)/.demo
	$(BIN)/python samples/demo.py

test: $(VENV)/.dev
	$(BIN)/python -m pytest

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

clean:
	rm -rf .venv demo-output build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	  { echo "winnow needs Python 3.10 or later, and $(PYTHON) is older or missing: make PYTHON=/path/to/python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)

# The stamps are newer than pyproject.toml once everything is installed, so a second call starts at once.
$(VENV)/.demo: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing winnow into $(VENV)"
	@$(INSTALL) -e ".[demo]"
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing winnow with its tests into $(VENV); torch alone is 200 MB, this takes minutes"
	@$(INSTALL) -e ".[dev]"
	@touch $@ $(VENV)/.demo
