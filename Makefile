# Two commands from a bare machine with Python, make and git: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
PIP := $(BIN)/python -m pip install -q --disable-pip-version-check

# Tests are spread by file or group of files (tests/spread.py), so that what these prepare once is prepared once.
SPREAD := -n $(shell nproc 2>/dev/null || echo 2) --dist loadgroup --no-loadscope-reorder
# Those of the flows have a process of their own, for Prefect reads its settings once; it runs beside the others, since they mostly
# wait. What it says is kept until it has ended. Either one's failure fails both, and neither stops the other.
FLOWS := .venv/flows.said
BESIDE_EACH_OTHER := -s --no-print-directory -j2
OF :=
WHERE :=
UNIT := not slow and not browser and not prefect and not dear and not long
# What the figure of `make coverage` rests on: those, and the dear tests of the judging code.
COVERING := not slow and not browser and not prefect and not long
# Figures hold for these, whichever of them exist: every branch is tested.
JUDGING := cmvmon/rules/*,cmvmon/facts/*,cmvmon/episodes.py,cmvmon/assess.py

# What tests need that is not Python, installed where the machine lets them.
BESIDE := browser axe postgresql strace node

# Material for MkDocs says at each build until when it is kept; we say it once, in docs/decisions/0069-docs-site.md.
DOCS := NO_MKDOCS_2_WARNING=1 $(BIN)/python -P -m mkdocs

.PHONY: demo test test-long loopback prepared beside spread flows unit coverage check lint format generate lock docs bundle browser axe postgresql strace node openid spark image clean

demo: $(READY)          ## set up, then run one synthetic ward from a laboratory's file to its pages
	@$(BIN)/cmvmon demo

test: prepared          ## set up, then every test, import contract and generated-docs check
	@$(BIN)/lint-imports
	@$(MAKE) $(BESIDE_EACH_OTHER) spread flows OF="and not long"

test-long: prepared openid spark image  ## every test at its full length: before a release
	@$(BIN)/lint-imports
	@CMVMON_LONG=1 $(MAKE) $(BESIDE_EACH_OTHER) spread flows

loopback: prepared      ## every test where nothing but loopback is (Linux, as root)
	@$(MAKE) $(BESIDE_EACH_OTHER) spread flows OF="and not long" WHERE="$(BIN)/python -m tests.loopback"

# The kernels are compiled while what is not Python is installed, one after the other: Debian's installer runs once at a time.
prepared: $(READY)
	@$(MAKE) $(BESIDE_EACH_OTHER) .venv/.compiled beside

beside:
	@MAKEFLAGS= $(MAKE) --no-print-directory $(BESIDE)

# The two halves of a whole run. `OF`: of which tests; `WHERE`: the program that starts them.
spread:
	@$(WHERE) $(BIN)/python -m pytest $(SPREAD) -m "not prefect $(OF)"

flows:
	@$(WHERE) $(BIN)/python -m pytest -m "prefect $(OF)" tests/flows >$(FLOWS) 2>&1; ended=$$?; cat $(FLOWS); exit $$ended

unit: $(READY) .venv/.compiled  ## the fast tests only, while one works
	@$(BIN)/python -m pytest $(SPREAD) -m "$(UNIT)"

coverage: $(READY) .venv/.compiled  ## every branch of the judging code is tested, or this fails and names the line
	@$(BIN)/python -m pytest $(SPREAD) -m "$(COVERING)" --cov --cov-report=
	@$(BIN)/coverage report --include="$(JUDGING)" --show-missing --skip-covered --fail-under=100

check: test lint        ## test, and lint, format and strict types besides

lint: $(READY)          ## what takes a minute: lint, format, strict types, import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(READY)
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

generate: $(READY)      ## write again what is derived: contracts, frozen tables, docs/tables.md, rules.md, alerts.md
	@$(BIN)/python -m tests.generate

# Three locks: what the program runs with, what sets it up and builds it, and what only its developers need.
LOCKS := requirements.lock requirements-build.lock requirements-dev.lock
COMPILE = $(BIN)/uv pip compile -q pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header

lock: $(READY)          ## versions and hashes only: no host is written
	@$(COMPILE) --extra all -o requirements.lock
	@$(COMPILE:pyproject.toml=) --group build -c requirements.lock -o requirements-build.lock
	@$(COMPILE:pyproject.toml=) --group dev --group docs -c requirements.lock -c requirements-build.lock -o requirements-dev.lock

docs: $(READY) .venv/.compiled  ## the documentation as a site, to be opened as a file: site-docs/index.html
	@$(DOCS) -q build

bundle: $(READY)        ## wheels, hashes and install.sh in dist/, for a machine without a network (docs/deploying.md)
	@$(BIN)/python -P deploy/bundle.py

# uv installs the locks in seconds; plain pip does the same more slowly where uv can't be had or can't reach the index.
$(READY): $(LOCKS) pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "cmvmon needs Python 3.11 or later; this is " + sys.version.split()[0] + ". Name another one: make PYTHON=python3.12 ...")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "setting up .venv from requirements.lock ..."
	@( $(PIP) --require-hashes -r requirements-build.lock \
		&& $(BIN)/uv pip sync -q --no-build-isolation --require-hashes $(LOCKS) \
		&& $(BIN)/uv pip install -q --no-deps --no-build-isolation -e . ) \
	 || ( $(BIN)/python -m ensurepip >/dev/null; \
		$(PIP) --no-deps --no-build-isolation --require-hashes $(addprefix -r ,$(LOCKS)) \
		&& $(PIP) --no-deps --no-build-isolation -e . )
	@touch $(READY)

# The kernels are compiled once, before the tests are spread over processes; each process finds them in __pycache__.
.venv/.compiled: $(wildcard cmvmon/kinetics/*.py cmvmon/kinetics/*/*.py) | $(READY)
	@$(BIN)/cmvmon warmup
	@touch $@

# Chromium comes from Debian's package where we may install it; elsewhere the browser tests say why they were skipped.
browser:
	@command -v chromium >/dev/null 2>&1 || { \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
			echo "installing chromium for the browser tests ..."; \
			{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium; } >/dev/null 2>&1 \
			|| echo "chromium could not be installed: the browser tests will say that they were skipped"; fi; }

# axe-core (MPL-2.0) finds barriers on a page. It comes from npm; version and hash stand in its lock; no host is written there.
axe: $(READY)
	@cmp -s tests/pages/axe/package-lock.json .venv/axe/package-lock.json || { \
		if command -v npm >/dev/null 2>&1; then \
			echo "installing axe-core for the browser tests ..."; \
			{ mkdir -p .venv/axe && cp tests/pages/axe/package.json tests/pages/axe/package-lock.json .venv/axe/ \
				&& npm ci --prefix .venv/axe --ignore-scripts --no-audit --no-fund; } >/dev/null 2>&1 \
			|| { rm -rf .venv/axe; echo "axe-core could not be installed: the tests of barriers will say that they were skipped"; }; fi; }

# A server for the tests of the store: each run starts one of its own in a temporary folder; Debian's own need not run.
postgresql:
	@ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || { \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
			echo "installing postgresql for the tests of the store ..."; \
			{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq postgresql; } >/dev/null 2>&1 \
			|| echo "postgresql could not be installed: the tests on it will say that they were skipped"; fi; }

# What shows in which order a program syncs and answers, and what it does where a disk fails.
strace:
	@command -v strace >/dev/null 2>&1 || { \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
			echo "installing strace for the tests of durability ..."; \
			{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq strace; } >/dev/null 2>&1 \
			|| echo "strace could not be installed: the tests with it will say that they were skipped"; fi; }

# A client of HL7 in another language, for tests of the listener, by the versions and hashes of its lock.
PEER := tests/listen/node
node:
	@command -v npm >/dev/null 2>&1 && command -v node >/dev/null 2>&1 || exit 0; \
		test $(PEER)/node_modules/.package-lock.json -nt $(PEER)/package-lock.json || { \
			echo "installing node-hl7-client for the tests of the listener ..."; \
			{ npm ci --prefix $(PEER) --no-audit --no-fund && touch $(PEER)/node_modules/.package-lock.json; } >/dev/null 2>&1 \
			|| echo "node-hl7-client could not be installed: the tests with it will say that they were skipped"; }

# Who signs people in, for the long test of the proxy: Apache with mod_auth_openidc from Debian, an OpenID provider from npm.
openid: $(READY)
	@test -e /usr/lib/apache2/modules/mod_auth_openidc.so || { \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
			echo "installing apache2 and mod_auth_openidc for the test of the proxy ..."; \
			{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
				apt-get install -y -qq --no-install-recommends apache2 libapache2-mod-auth-openidc iproute2; } >/dev/null 2>&1 \
			|| echo "apache2 could not be installed: the test of the proxy will say that it was skipped"; fi; }
	@cmp -s tests/deploy/openid/package-lock.json .venv/openid/package-lock.json || { \
		if command -v npm >/dev/null 2>&1; then \
			echo "installing oidc-provider for the test of the proxy ..."; \
			{ mkdir -p .venv/openid && cp tests/deploy/openid/package.json tests/deploy/openid/package-lock.json .venv/openid/ \
				&& npm ci --prefix .venv/openid --ignore-scripts --no-audit --no-fund; } >/dev/null 2>&1 \
			|| { rm -rf .venv/openid; echo "oidc-provider could not be installed: the test of the proxy will say that it was skipped"; }; fi; }

# Spark itself, for the long tests of analyses on an engine and for `python -m benchmarks engines`: by the version and hash of its lock.
spark: $(READY)
	@command -v java >/dev/null 2>&1 || { \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
			echo "installing Java for the tests on Spark ..."; \
			{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq default-jre-headless; } >/dev/null 2>&1 || true; fi; }
	@$(BIN)/python -m tests.spark

# What builds and runs the container's image, for its long tests, and a base for it, since no registry is reached.
image: $(READY)
	@command -v podman >/dev/null 2>&1 && command -v crun >/dev/null 2>&1 && command -v debootstrap >/dev/null 2>&1 || { \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
			echo "installing podman, crun and debootstrap for the tests of the container's image ..."; \
			{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
				apt-get install -y -qq --no-install-recommends podman crun debootstrap; } >/dev/null 2>&1 || true; fi; }
	@$(BIN)/python -m tests.deploy.base_image

clean:
	rm -rf .venv site site-docs
