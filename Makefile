# make setup        create .venv
# make demo         zero-shot CLIP, IVLP and PromptSRC on the embedded benchmark -> output/demo
# make compare      every method on it -> output/compare
# make test         the whole test suite, a process per core
# make test-fast    in-process tests only, about a minute
# make test-slurm   sweeps on a one-node Slurm on this machine (root; apt-get install slurm-wlm)
# make test-plugins DIR="../CoOp ../MaPLe"   other people's trainers on the engine, unedited: a table
# make lint         ruff and mypy
# make soak MINUTES=5 JOBS=200   long training, and a sweep under kill signals: leaks, lost runs, changed results
# All of them create .venv first if it is missing or out of date.

PYTHON ?= python3
MINUTES ?= 5
JOBS ?= 200
BIN := .venv/bin

.PHONY: setup demo compare test test-fast test-slurm test-plugins lint soak clean

setup: .venv/ready

demo: .venv/ready
	$(BIN)/python demo.py

compare: .venv/ready
	$(BIN)/python demo.py --compare

test: .venv/ready
	$(BIN)/python -m pytest -q -n auto --dist worksteal

test-fast: .venv/ready
	$(BIN)/python -m pytest -q --in-process -m "not slow and not slurm"

test-slurm: .venv/ready
	$(BIN)/python -m pytest -q -m slurm tests/sweep/test_cluster.py

test-plugins: .venv/ready
	$(BIN)/python -W ignore -m tools.plugins $(DIR) $(if $(AGAINST),--against $(AGAINST))

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy promptsrc trainers runs

soak: .venv/ready
	$(BIN)/python -m benchmarks.soak --minutes $(MINUTES) --jobs $(JOBS)

.venv/ready: requirements.txt pyproject.toml $(wildcard engine/setup.py engine/pyproject.toml)
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -r requirements.txt
	touch $@

clean:
	rm -rf .venv output
