# `make demo` and `make test` set up everything by themselves.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
FOLDERS := proto ccmm_rules agent collector plugins/telephony plugins/access_control plugins/facilities plugins/records plugins/crm plugins/tables
CAPTURES ?= ../shared/data
# A test that hangs fails after ten minutes and shows what it waits for; the slowest takes two.
LIMIT ?= 600
# Tests wait more than they compute, for servers that they start. Worksteal keeps a module's tests, and its servers, together.
WORKERS ?= $(shell expr 2 '*' $$(nproc))
export CAPTURES

.PHONY: setup demo test properties mutants check bench packs proto lock clean

setup: $(VENV)/.ready

$(VENV)/.ready: requirements.lock $(addsuffix /pyproject.toml,$(FOLDERS))
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation $(addprefix -e ./,$(FOLDERS))
	touch $@

demo: setup
	$(BIN)/python -m demo

test: setup
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal --timeout $(LIMIT)

properties: setup
	$(BIN)/python -m pytest -n auto -m properties --histories 20000

mutants: setup
	$(BIN)/python -m tests.mutants

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy proto/ccmm_proto agent/ccmm_agent collector/ccmm_collector ccmm_rules/ccmm_rules plugins/*/ccmm_plugin_* plugins/tables/ccmm_tables tests demo bench
	$(BIN)/lint-imports
	$(BIN)/python tests/generated_is_current.py
	$(PYTHON) tests/agent_alone.py

bench: setup
	$(BIN)/python -m bench

# After a change of a pack or of the vocabulary: pins of the packs that use it, and the page of the vocabulary.
packs: setup
	$(BIN)/python -m ccmm_rules.pin
	$(BIN)/python -m ccmm_rules.vocabulary_page >docs/vocabulary.md

proto: setup
	cd proto && ../$(BIN)/python -m grpc_tools.protoc -I . --python_out=. --grpc_python_out=. \
	  --plugin=protoc-gen-mypy=../$(BIN)/protoc-gen-mypy --mypy_out=. \
	  --plugin=protoc-gen-mypy_grpc=../$(BIN)/protoc-gen-mypy_grpc --mypy_grpc_out=. ccmm_proto/v1/*.proto

lock: setup
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate \
	  $(addprefix --no-emit-package ,ccmm-proto ccmm-rules ccmm-agent ccmm-tables) --group dev --extra xlsx $(addsuffix /pyproject.toml,$(FOLDERS)) -o requirements.lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -prune -exec rm -rf {} +
