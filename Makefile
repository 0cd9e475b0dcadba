# Samvad on one machine. Each target does its own set-up first (quick when there is nothing to do).
#   make run    the whole line: Kafka, MongoDB, every service; Ctrl-C stops all
#   make test   every test
#   make chaos  the line under faults, in its long form, with figures
#   make bench  the line's speed against bare baselines; wants an idle machine and some half an hour
#   make lint   style, types, import rules
# Settings: SAMVAD_HOME and the ports, see README.md.

PYTHON ?= python3
SETUP = @command -v $(PYTHON) >/dev/null 2>&1 \
	|| { echo 'setup: Samvad needs Python 3.11 or newer (command $(PYTHON)): install it and run the same again' >&2; exit 1; }; \
	$(PYTHON) deploy/local/setup.py

.PHONY: setup run test chaos bench lint
.DEFAULT_GOAL := run

setup:
	$(SETUP) run

run: setup
	@exec .venv/bin/samvad up

# The tests have a home and a stack of their own, beside one that may be running.
test: export SAMVAD_HOME = $(CURDIR)/.samvad-test
test:
	$(SETUP) test
	@exec .venv/bin/python -m pytest tests

# The tests of tests/chaos as `make test` has them, longer and harder; figures at the end of the storm.
chaos: export SAMVAD_HOME = $(CURDIR)/.samvad-test
chaos: export SAMVAD_CHAOS = long
chaos:
	$(SETUP) test
	@exec .venv/bin/python -m pytest tests/chaos -s

bench: setup
	@exec .venv/bin/samvad bench

lint:
	$(SETUP) test
	.venv/bin/ruff check .
	.venv/bin/mypy --strict services
	.venv/bin/lint-imports
