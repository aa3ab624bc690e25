# make demo    the page at http://127.0.0.1:8000, with everything that it needs set up first
# make test    every check: ruff, mypy, the web page's own checks, pytest
# Both need Python 3.11 or newer with venv, and a network the first time. See docs/development.md.

SHELL := /bin/bash
.DEFAULT_GOAL := help

# The first Python that is new enough and can make virtual environments; `make PYTHON=/path/to/python` overrides.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	"$$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo "$$python" && break; done)
SETUP = $(PYTHON) scripts/setup.py
BIN := .venv/bin
PYTEST = env OMP_NUM_THREADS=$${OMP_NUM_THREADS:-2} OMP_WAIT_POLICY=$${OMP_WAIT_POLICY:-PASSIVE} $(BIN)/python -m pytest
COMPUTATION = tests/core tests/evaluation tests/training

# Packages are installed uncompiled: Python is to keep what it compiles when it first imports them.
unexport PYTHONDONTWRITEBYTECODE

# More arguments for the command that a target ends with: make demo ARGS="--port 9000", make bench ARGS="--media DIR"
ARGS ?=

.PHONY: help setup packages page web wheel demo test lint python-checks web-checks computation-tests browser-tests other-tests soak test-gpu test-deploy bench site clean python

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile
	@echo "make lint    ruff, mypy and the web page's own checks only"
	@echo "make soak    one live session for a long time: memory, latency and pictures are watched"
	@echo "make test-gpu  kernels, attention, graphs, recorded runs and memory on an NVIDIA GPU, as a report"
	@echo "make test-deploy  builds and runs the image, compose files and wheel (as root, on Debian; docs/development.md)"
	@echo "make bench   speed of this machine: fps, ms per stage, pruning on against off"
	@echo "make site    the documentation, as web pages in site/"
	@echo "make setup   everything that make test needs, without running it"
	@echo "make wheel   a wheel with the page, in dist/"
	@echo "make web     the web page's build only"
	@echo "make clean   removes what these targets made"

python:
	@test -n "$(PYTHON)" || { echo "make: no Python 3.11 or newer with the venv module was found." \
		"Install one (Debian, Ubuntu: apt install python3 python3-venv) or name it: make PYTHON=/path/to/python" >&2; exit 1; }

packages: python
	@$(SETUP) packages dev eval train

page: packages
	@$(SETUP) tools
	@$(SETUP) web

setup: page

web: python
	@$(SETUP) packages
	@$(SETUP) web

wheel: web
	@$(SETUP) packages dev
	$(BIN)/python -m hatchling build --target wheel --directory dist

demo: web
	@$(BIN)/lipar serve $(ARGS)

# Of jobs that run at once, each one's output appears as a whole when it ends (make 3.81 cannot do this).
ALL_AT_ONCE = $(MAKE) --no-print-directory -j4 $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)
# These use the computing time that those which wait for media leave. Not 19: on a busy machine a test would then
# get so little that it times out.
AT_LOW_PRIORITY = nice -n 10

lint: setup
	@$(ALL_AT_ONCE) python-checks web-checks

python-checks: packages
	$(AT_LOW_PRIORITY) $(BIN)/ruff check .
	$(AT_LOW_PRIORITY) $(BIN)/ruff format --check .
	$(AT_LOW_PRIORITY) $(BIN)/mypy

web-checks: page
	@$(AT_LOW_PRIORITY) $(SETUP) npm typecheck lint test

ifeq ($(strip $(ARGS)),)
test: packages
	@echo "make: linters and tests run at once; each one's output appears when it ends, after minutes"
	@$(ALL_AT_ONCE) python-checks web-checks browser-tests other-tests computation-tests
else
test: lint
	$(PYTEST) $(ARGS)
endif

browser-tests: page
	$(PYTEST) -p no:cacheprovider tests/browser

other-tests: page
	$(PYTEST) $(COMPUTATION:%=--ignore=%) --ignore=tests/browser

computation-tests: python-checks web-checks
	$(AT_LOW_PRIORITY) $(PYTEST) -p no:cacheprovider $(COMPUTATION)

soak: setup
	$(BIN)/python -m pytest -m soak --timeout 0 -s $(ARGS)

test-gpu: python
	@$(SETUP) packages
	@$(BIN)/python -m benchmarks.gpu_report $(ARGS)

# In a mount namespace of its own: no mount of a container or of debootstrap remains, whatever happens.
test-deploy: setup
	@$(SETUP) packages deploy
	@$(SETUP) tools deployment
	LIPAR_OUTER_MOUNTS="$$(readlink /proc/self/ns/mnt)" unshare --mount --propagation private \
		$(BIN)/python -m pytest -m deploy --verbose --capture=tee-sys --show-capture=no $(ARGS)

bench: python
	@$(SETUP) packages
	@$(BIN)/lipar bench --preset tiny $(ARGS)

site: python
	@$(SETUP) packages dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet

clean:
	rm -rf site .venv web_client/node_modules server/static .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
