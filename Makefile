# Everything runs from a fresh clone: only Python (3.11 or newer) and make are needed.
# Another Python than python3, by its name or path: make PYTHON=python3.13 …
PYTHON ?=
VENV := .venv
BIN := $(VENV)/bin

# Python keeps what it has compiled, also where the machine's default is not to: the tests start many processes.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: FORCE help demo check test containers upgrade bench golden fuzz soak audit lint contract format docs dist lock grafana dashboards clean

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*## /make \1\t/p' $(MAKEFILE_LIST)

# Looked at each time: an environment that does not work (any more) is made anew, and all that depends on it.
$(VENV)/.made-for: FORCE
	@PYTHON="$(PYTHON)" .ci/venv $(VENV)

# Runtime only, so that `make demo` is quick; the hashes in the lock are checked by every install.
$(VENV)/.runtime: requirements.lock pyproject.toml $(VENV)/.made-for
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

FLOORS ?=
ROOMS ?=
demo: $(VENV)/.runtime  ## the backend on 127.0.0.1:8080 against the embedded simulator (FLOORS=200 ROOMS=20: a large company)
	@exec $(BIN)/butlr-grafana demo$(if $(FLOORS), --floors $(FLOORS))$(if $(ROOMS), --rooms-per-floor $(ROOMS))

check: $(VENV)/.dev  ## under a minute, before each commit: lint, types, import contract, the fast tests
	@$(MAKE) --no-print-directory lint
	$(BIN)/python -m pytest -q -m fast $$(grep -rl --include='test_*.py' 'pytest.mark.fast' tests)

# Two a core: Chromium and the servers that tests start keep a test waiting for a quarter of its time.
PROCESSES ?= $(shell echo $$((2 * $$(getconf _NPROCESSORS_ONLN))))
test: $(VENV)/.dev  ## every test, in two processes a core (PROCESSES=0: in this one)
	$(BIN)/python -m pytest -n $(PROCESSES) --dist loadfile --no-loadscope-reorder

containers: $(VENV)/.dev  ## builds the image and runs docker-compose.yml for real (CONTAINERS_STAND_INS=1: without an image registry)
	CONTAINERS=1 $(BIN)/python -m pytest tests/containers

upgrade:  ## what docker compose runs here becomes this version, without a gap
	@provisioning/upgrade

golden: $(VENV)/.dev  ## writes tests/golden/files/ anew from what the backend answers now; prints what changed
	$(BIN)/python -m tests.golden

bench: $(VENV)/.dev  ## the benchmark: prints a table, writes bench.json
	$(BIN)/python -m tests.bench

SECONDS ?= 60
fuzz: $(VENV)/.dev  ## made-up bodies for every decoder, others at each run (SECONDS=60)
	$(BIN)/python -m tests.fuzz $(SECONDS)

VIEWERS ?= 60
MINUTES ?= 10
soak: $(VENV)/.dev  ## viewers of a page for minutes; memory and threads into soak.png (VIEWERS=60 MINUTES=10)
	VIEWERS=$(VIEWERS) MINUTES=$(MINUTES) $(BIN)/python -m tests.soak

audit: requirements-audit.lock  ## known vulnerabilities of everything in the locks
	@PYTHON="$(PYTHON)" .ci/venv .venv-audit
	.venv-audit/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-audit.lock
	@.venv-audit/bin/pip-audit --strict --require-hashes --disable-pip -r requirements.lock -r requirements-dev.lock -r requirements-audit.lock \
		|| { echo "NOT CLEAN, or NOT AUDITED where the database of vulnerabilities cannot be reached: see above"; exit 1; }

lint: $(VENV)/.dev  ## formatting, lint, types, import contract
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	@$(MAKE) --no-print-directory contract

contract: $(VENV)/.dev  ## which module may import which (pyproject.toml)
	$(BIN)/lint-imports

format: $(VENV)/.dev  ## formats the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(VENV)/.dev  ## writes the README's tables from the code
	$(BIN)/python docs/tables.py

dashboards: $(VENV)/.dev  ## builds grafana-dashboards/*.json from their source
	$(BIN)/python grafana-dashboards/build.py

grafana: $(VENV)/.runtime  ## an installed Grafana (GRAFANA_HOME) on the provisioning of this repository
	@exec provisioning/run-grafana

dist: $(VENV)/.dev  ## the package, as a wheel and as its source, in dist/
	rm -rf dist build
	$(BIN)/python -m build --no-isolation --outdir dist .

lock:  ## pins the dependencies anew, with hashes
	@PYTHON="$(PYTHON)" .ci/venv .venv-lock
	.venv-lock/bin/pip install --quiet uv
	.venv-lock/bin/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links --python-version 3.11 --extra build pyproject.toml -o requirements.lock
	.venv-lock/bin/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links --python-version 3.11 --extra build --extra dev pyproject.toml -c requirements.lock -o requirements-dev.lock
	echo pip-audit | .venv-lock/bin/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links --python-version 3.11 - -o requirements-audit.lock
	.venv-lock/bin/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links --python-version 3.11 --resolution lowest-direct pyproject.toml -o tests/deploy/lowest.lock
	rm -rf .venv-lock

clean:  ## removes what make made
	rm -rf $(VENV) .venv-lock .venv-audit build dist bench.json soak.json soak.png tests/contract/grafana/node_modules tests/contract/grafana/*/node_modules
