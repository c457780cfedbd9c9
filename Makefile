# multidigit: the two commands to begin with are `make compare` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
PART ?= parts
SECONDS ?= 60
TARGET ?=
MODULE ?=
UV := $(shell command -v uv 2>/dev/null)
# One worker a core; the tests of a file stay together, and with them what they make once.
PYTEST = $(BIN)/pytest -n auto --dist loadfile
SHEET = $(BIN)/multidigit generate --count 12 --sheet experiments/pictures

ifdef UV
MAKE_VENV = uv venv --quiet --seed --python $(PYTHON) $(VENV)
INSTALL = uv pip install --quiet --python $(BIN)/python
else
MAKE_VENV = $(PYTHON) -m venv $(VENV)
INSTALL = $(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check
endif

.DEFAULT_GOAL := help
.PHONY: help install compare test test-all check test-browser test-cluster fuzz faults mutants lint lock commands pretrained pictures \
	bench clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

compare: $(VENV)/.installed ## Install, train the three strategies and say which wins (ARGS="--quick" for a short one)
	$(BIN)/multidigit compare $(ARGS)

test: check ## Install what tests need, check style and types, run the tests (ARGS="-k name" for some)
	$(PYTEST) $(ARGS)

test-all: check $(VENV)/.installed-cluster ## The same, with the tests that take long; together must reach 95 % of the code
	$(PYTEST) -m "" $(or $(ARGS),--cov)

check: $(VENV)/.installed-tests ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test-browser: $(VENV)/.installed-tests ## Test the pages in a browser, installed where there is none
	@echo "Installing Playwright, which drives the browser (about 50 MB)"
	@$(INSTALL) "playwright>=1.50,<2"
	$(BIN)/python tests/browser.py
	MULTIDIGIT_NEEDS_BROWSER=1 $(BIN)/pytest -m "" tests/report/test_report_browser.py tests/labelling/test_label_browser.py $(ARGS)

test-cluster: $(VENV)/.installed-cluster ## Test --on with a Ray cluster on this machine
	$(BIN)/pytest -m "" tests/experiments/test_on_ray.py tests/cli/test_predict_on_ray.py $(ARGS)

fuzz: $(VENV)/.installed-tests ## Feed made-up files to all that reads files (SECONDS=3600 for each, TARGET=name for one)
	@echo "Installing atheris, which drives the fuzzing (about 35 MB)"
	@$(INSTALL) "atheris>=3,<4"
	$(BIN)/python tests/fuzz/run.py --seconds $(SECONDS) $(TARGET)

faults: $(VENV)/.installed-tests ## Make every write of every command fail in turn, in twelve ways (half an hour)
	$(BIN)/pytest -m "" -s tests/test_faults.py $(ARGS)

mutants: $(VENV)/.installed-tests ## Change what decides in small ways, which tests must notice (MODULE=metrics for one module)
	@echo "Installing mutmut, which makes the changes (about 15 MB)"
	@$(INSTALL) "mutmut>=3.8,<4"
	$(BIN)/mutmut run $(if $(MODULE),"multidigit.$(MODULE).*")
	@$(BIN)/mutmut results --all true | sed 's/\.x[^.]*:/:/' | sort | uniq -c
	@echo "$(BIN)/mutmut results names those that no test noticed, $(BIN)/mutmut show NAME shows one"

install: $(VENV)/.installed ## Only install, into .venv (with uv where there is one, else or with UV= with pip)

lint: $(VENV)/.installed-tests ## Correct formatting and what ruff can, then check style and types
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/mypy

commands: $(VENV)/.installed ## Write multidigit/COMMANDS.md anew from the help of every command
	$(BIN)/python -m multidigit.cli.reference

pretrained: $(VENV)/.installed ## Train the shipped finder and reader anew (up to 4 hours; after Ctrl-C the same call goes on)
	$(BIN)/python -m multidigit.pretraining finder
	$(BIN)/python -m multidigit.pretraining reader
	$(BIN)/python -m multidigit.pretraining finish
	$(BIN)/multidigit export --run runs/pretrained/reader --format run --trainable --out multidigit/shipped --force

pictures: $(VENV)/.installed ## Draw the sheets of strips in experiments/README.md anew
	$(SHEET)/digits-drawn.png --layout structured --set layout.length=5 --digits drawn
	$(SHEET)/digits-printed.png --layout structured --set layout.length=5 --digits printed
	$(SHEET)/digits-mixed.png --layout structured --set layout.length=5 --set "digits={drawn: 0.6, printed: 0.4}"
	for effects in none clean scan photo; do \
		$(SHEET)/effects-$$effects.png --set "layout.length=[3, 5]" --set effects=$$effects || exit; done

bench: $(VENV)/.installed ## Measure speed, accuracy and memory: lists the parts; PART=name runs one
	$(BIN)/python experiments/benchmarks/$(PART).py $(ARGS)

# backports-strenum 1.3 says that it is not for Python 3.11 and newer, an upper bound that uv ignores; LiteRT takes any.
LOCK = uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--custom-compile-command "make lock"

lock: ## Renew both requirements.lock files from pyproject.toml (needs uv)
	echo "backports-strenum<1.3" | $(LOCK) --constraints - --output-file requirements.lock pyproject.toml
	$(LOCK) --constraints requirements.lock --extra onnx --group dev --output-file tests/requirements.lock pyproject.toml

clean: ## Remove .venv and caches; runs stay
	rm -rf $(VENV) build mutants .coverage* *.egg-info .pytest_cache .ruff_cache .mypy_cache

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "multidigit needs Python 3.11 or newer; name one with: make PYTHON=python3.12 ..." >&2; exit 1; }
	@echo "Installing with $(if $(UV),uv,pip), step 1: an environment in $(VENV)"
	@$(MAKE_VENV)

$(VENV)/.installed: $(VENV)/bin/python requirements.lock pyproject.toml
	@echo "Step 2: TensorFlow (about 600 MB to download) and the rest (100 MB); 2.4 GB on disk; this takes some minutes"
	@$(INSTALL) --require-hashes -r requirements.lock
	@echo "Step 3: multidigit itself"
	@$(INSTALL) --no-deps --editable .
	@touch $@

$(VENV)/.installed-tests: $(VENV)/.installed tests/requirements.lock
	@echo "Step 4: what tests need (about 80 MB)"
	@$(INSTALL) --require-hashes -r tests/requirements.lock
	@touch $@

# moto needs boto3, of which only some versions suit S3FS; pip finds one of them only where it is asked for by this name.
$(VENV)/.installed-cluster: $(VENV)/.installed-tests
	@echo "Installing Ray, and moto, which stands for S3 (about 150 MB)"
	@$(INSTALL) --editable ".[ray]" "moto[server]>=5,<6" "aiobotocore[boto3]"
	@touch $@
