# Two commands: `make demo` and `make test`. Everything is installed into .venv from pinned, hashed requirements.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed-base
TEST_STAMP := $(VENV)/.installed-test
S3 := $(VENV)/s3
S3_STAMP := $(S3)/.installed
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help demo test check serve loadtest peers protos lock clean

help:  ## Shows this list.
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

$(VENV)/bin/python:
	@command -v $(PYTHON) >/dev/null || { echo "storegate needs Python 3.11: install python3.11, or set PYTHON=/path/to/python3.11"; exit 1; }
	@echo "== creating $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(STAMP): requirements/base.txt pyproject.toml | $(VENV)/bin/python
	@echo "== installing the pinned packages (about a minute the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/base.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(TEST_STAMP): requirements/test.txt $(STAMP)
	@echo "== installing the test packages"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/test.txt
	@touch $@

$(S3_STAMP): requirements/s3.txt | $(VENV)/bin/python
	@echo "== installing the tests' S3 server, in an environment of its own"
	@$(BIN)/python -m venv $(S3)
	@$(S3)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/s3.txt
	@touch $@

demo: $(STAMP)  ## Builds the demo store, trains, starts the gateway and asks it; ONCE=1 stops after the answers.
	@$(BIN)/storegate demo $(if $(ONCE),--once,)

serve: $(STAMP)  ## Starts the gateway on Ray with the live models.
	@$(BIN)/storegate serve

test:  ## Sets up and runs every test and check; WORKERS=N processes (2), and what must be alone after them.
	@$(MAKE) --no-print-directory --jobs=2 check $(S3_STAMP)
	@together=0; alone=0; \
	$(BIN)/python -m pytest -n $(WORKERS) --max-worker-restart=0 -m "not alone" || together=$$?; \
	$(BIN)/python -m pytest -m alone || alone=$$?; \
	exit $$((together ? together : alone))

check: $(TEST_STAMP)  ## Format, lint, types, layers.
	@$(BIN)/ruff format --check --quiet . && $(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-cache --verbose >/dev/null || $(BIN)/lint-imports --no-cache

loadtest: $(TEST_STAMP) $(S3_STAMP)  ## Locust against the running gateway (or one of its own) for 30 seconds; writes an HTML report.
	@$(BIN)/python -m loadtests.run

peers: $(TEST_STAMP)  ## One pipeline behind our engine and behind other servers, side by side; long.
	@$(BIN)/python -m loadtests.peers

protos: $(TEST_STAMP)  ## Generates the protobuf code anew.
	@$(BIN)/python protos/generate.py

lock: $(TEST_STAMP)  ## Compiles requirements/*.txt from pyproject.toml (needs uv on the PATH).
	@uv pip compile --quiet --generate-hashes --no-header --python-version 3.11 -o requirements/base.txt pyproject.toml
	@uv pip compile --quiet --generate-hashes --no-header --python-version 3.11 --extra test \
		-c requirements/base.txt -o requirements/test.txt pyproject.toml
	@uv pip compile --quiet --generate-hashes --no-header --python-version 3.11 --extra neural \
		-c requirements/base.txt -o requirements/neural.txt pyproject.toml
	@uv pip compile --quiet --generate-hashes --no-header --python-version 3.11 -o requirements/s3.txt requirements/s3.in

clean:  ## Removes the environment and everything that was built.
	@rm -rf $(VENV) var build *.egg-info
