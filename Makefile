# `make run` and `make test` do all the set-up; nothing else needs to be installed first but Python 3.11 or newer, and
# bubblewrap (a package of every Linux distribution) for submissions to run in a sandbox.
PYTHON ?= python3
BIN := .venv/bin
# Commands and tests start hundreds of processes, which would compile the package anew each time.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test test-all test-fast lint docs pages fuzz studies faults speeds gpu-check clean

run: .venv/installed
	$(BIN)/bench run --submission finetune

test: .venv/test-installed lint
	$(BIN)/pytest -m "not slow and not faults and not long"

# Everything but the studies: what has to hold before a change lands.
test-all: .venv/test-installed lint
	$(BIN)/pytest

# No sandbox, no pool, no process, and nothing that takes a third of a second.
test-fast: .venv/test-installed
	$(BIN)/pytest tests/unit -m "not slow and not seconds"

lint: .venv/test-installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

# The documentation site, in site/; a warning is an error. `.venv/bin/mkdocs serve` shows it while you write.
docs: .venv/test-installed
	$(BIN)/mkdocs build --strict

# The pages, and the part of README.md, that are written from the registry, the submissions and the committed boards.
pages: .venv/installed
	$(BIN)/python scripts/write_metrics.py
	$(BIN)/python scripts/write_methods.py
	$(BIN)/python scripts/write_results.py
	$(BIN)/python scripts/write_faq.py
	$(BIN)/python scripts/write_costs.py
	$(BIN)/python scripts/write_planted.py
	$(BIN)/python scripts/write_schema.py

# 2,000 mutated scenarios, data sets, submissions and records: each has to end well or in one sentence.
fuzz: .venv/test-installed
	$(BIN)/python scripts/fuzz.py --count 2000

# The full simulation studies behind the statistics (p-values, lower bounds, intervals, the gap closed): many minutes.
studies: .venv/test-installed
	$(BIN)/pytest -m slow --timeout 0

# Real processes that are killed, lose their disk, their scheduler or their terminal: the evidence stays the same.
faults: .venv/test-installed
	$(BIN)/pytest -m faults

# The speeds that docs/performance.md quotes.
speeds: .venv/installed
	$(BIN)/python scripts/measure_training.py
	$(BIN)/python scripts/measure_training.py --scenario digits-cnn
	$(BIN)/python scripts/measure_scoring.py

# What only a GPU can show, in at most eight minutes; writes the table of docs/performance.md.
gpu-check: .venv/installed
	$(BIN)/python scripts/check_gpu.py

.venv/installed: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

.venv/test-installed: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	touch .venv/installed $@

clean:
	rm -rf .venv
