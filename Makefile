# make setup    .venv alone
# make demo    zero-shot, IVLP and PromptSRC on the embedded benchmark -> output/demo
# make compare    every method on it -> output/compare
# make test    the whole suite
# make test-slurm    sweeps on a one-node Slurm of this machine (root; apt-get install slurm-wlm)
# make soak MINUTES=5 JOBS=200    long training and a sweep under fire: does anything grow, get lost or differ?
# All set up .venv first; a second call finds it ready.

PYTHON ?= python3
MINUTES ?= 5
JOBS ?= 200
BIN := .venv/bin

.PHONY: setup demo compare test test-slurm soak lint clean

setup: .venv/ready

demo: .venv/ready
	$(BIN)/python demo.py

compare: .venv/ready
	$(BIN)/python demo.py --compare

test: .venv/ready
	$(BIN)/python -m pytest -q

test-slurm: .venv/ready
	$(BIN)/python -m pytest -q -m slurm tests/sweep/test_cluster.py

soak: .venv/ready
	$(BIN)/python -W "ignore:pkg_resources" -m benchmarks.soak --minutes $(MINUTES) --jobs $(JOBS)

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

.venv/ready: requirements.txt setup.py engine/setup.py
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip "setuptools<81" wheel
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --no-build-isolation -r requirements.txt
	touch $@

clean:
	rm -rf .venv output
