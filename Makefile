# `make demo` and `make test` do all the set-up that they need; see `make help`.
PYTHON ?= python3
VENV ?= .venv
PEERS ?= .venv-peers
NENGO ?= .venv-nengo
OUT ?= out/demo
JOBS ?= 2

BIN := $(VENV)/bin
READY := $(VENV)/.ready
BROWSER := $(VENV)/.browser

.DEFAULT_GOAL := help
.PHONY: help setup docs results demo test test-slow test-peers notebooks bench-training bench-spiking lint lock clean distclean

help:  ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1 /p' Makefile | while read -r name text; do printf '%-15s %s\n' "$$name" "$$text"; done

setup: $(READY)  ## system packages, the environment .venv and the locked Python packages

$(READY): .ci/setup.sh pyproject.toml requirements.lock requirements-build.lock
	@PYTHON='$(PYTHON)' VENV='$(VENV)' sh .ci/setup.sh
	@touch $@

# The tests look at the reports in a browser; `make demo` does without.
$(BROWSER): .ci/setup.sh | $(READY)
	@PYTHON='$(PYTHON)' VENV='$(VENV)' sh .ci/setup.sh browser
	@touch $@

demo: $(READY)  ## the whole flow on real digits; leaves its report in out/demo
	@$(BIN)/lmu-hw demo --out $(OUT)

# Tests run on all cores at once: threads of BLAS within each would only fight over them.
test test-slow: export OPENBLAS_NUM_THREADS = 1

test: lint $(BROWSER)  ## lint, and the tests that are not slow
	@$(BIN)/pytest -m "not slow" -n $(JOBS)

test-slow: $(READY) $(BROWSER)  ## the tests that `make test` leaves out
	@$(BIN)/pytest -m slow -n $(JOBS)

test-peers: $(READY) $(PEERS)/.ready  ## imported networks against keras-lmu and PyTorch; 2.5 GB of packages
	@LMU_HW_PEERS=$(abspath $(PEERS))/bin/python $(BIN)/pytest tests/peers

notebooks: $(READY) $(PEERS)/.ready  ## execute the notebooks of examples/ anew and render them into docs/notebooks
	@$(PEERS)/bin/python -m pip install --quiet -r tests/peers/notebooks.txt
	@PYTHONPATH=$(CURDIR):$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))') \
		$(PEERS)/bin/python examples/notebooks.py $(NOTEBOOKS)

bench-training: $(READY) $(PEERS)/.ready  ## training and inference timed against keras-lmu and PyTorch; 2.5 GB of packages
	@$(BIN)/lmu-hw experiment training-benchmark --peers $(PEERS)/bin/python $(BENCH)

$(PEERS)/.ready: tests/peers/requirements.txt tests/peers/keras-lmu.txt
	$(PYTHON) -m venv --clear $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet -r tests/peers/requirements.txt
	$(PEERS)/bin/python -m pip install --quiet --no-deps -r tests/peers/keras-lmu.txt
	@touch $@

# One thread each: the comparison is of the same cores.
bench-spiking: export OPENBLAS_NUM_THREADS = 1

bench-spiking: $(READY) $(NENGO)/.ready  ## error and time of the memory in spikes against Nengo
	@$(BIN)/lmu-hw experiment spiking-benchmark --peers $(NENGO)/bin/python $(BENCH)

$(NENGO)/.ready: tests/peers/nengo.txt
	$(PYTHON) -m venv --clear $(NENGO)
	$(NENGO)/bin/python -m pip install --quiet -r tests/peers/nengo.txt
	@touch $@

docs: $(READY)  ## the site of the documents, in build/site; opens from disk
	@$(BIN)/python -m sphinx -q -W --keep-going -b html docs build/site
	@echo build/site/index.html

results: $(READY)  ## renew the results and pictures of the documents that take a few minutes
	@$(BIN)/python docs/tools/results.py --quick
	@$(BIN)/python docs/tools/pictures.py
	@$(BIN)/python docs/tools/readme.py

lint: $(READY)  ## style, types and import rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

lock: $(READY)  ## renew the locks after a change of pyproject.toml; UPGRADE=1 takes the newest versions
	@$(BIN)/python -m pip install --quiet uv==0.13.9
	@$(COMPILE) --output-file requirements.lock --extra sim --extra train --extra formal --extra import --extra demo --extra docs --extra dev pyproject.toml
	@$(COMPILE) --output-file requirements-build.lock --group build

COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--custom-compile-command 'make lock' $(if $(UPGRADE),--upgrade)

clean:  ## remove what the targets left behind, but for the environment
	rm -rf out build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find lmu_hw rtl analog sim tests examples -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean  ## remove the environment too
	rm -rf $(VENV) $(PEERS) $(NENGO)
