# makeweight: `make study` trains seven networks on FashionMNIST, `make test` the tests; `make help` lists the rest.
PYTHON ?= python3
BIN := .venv/bin
SOURCES := $(wildcard pyproject.toml constraints.txt)

.DEFAULT_GOAL := help
.PHONY: help setup study test test-slow test-tflite bench bench-web corpus campaign lint format docs readme lessons images clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12

setup: .venv/installed ## make .venv, install makeweight with pinned versions, get FashionMNIST
	@scripts/get-fashion-mnist

study: setup ## train seven networks with three seeds each, and write the report
	@$(BIN)/makeweight study

test: .venv/installed-dev ## run the tests
	@scripts/get-fashion-mnist
	@scripts/get-tools
	$(BIN)/python -m pytest -m "not slow" --numprocesses auto --dist loadfile

test-slow: .venv/installed-dev ## run the tests that need minutes or an idle machine, and each property with many examples
	@scripts/get-fashion-mnist
	@scripts/get-tools
	$(BIN)/python -m pytest -m slow
	@$(MAKE) test-tflite
	$(BIN)/python -m pytest -m "hypothesis and not slow" --hypothesis-profile thorough --numprocesses auto

test-tflite: .venv-tflite/installed ## run the tests of LiteRT files, in an environment of its own: 1 GB, 2 minutes
	.venv-tflite/bin/python -m pytest -p no:anyio tests/export tests/contracts/test_after_training.py -m "not slow" -k "litert or tflite"

bench: .venv-bench/installed ## measure speed and memory beside other libraries, in an environment of its own: an hour
	@scripts/get-fashion-mnist
	.venv-bench/bin/python -m benchmarks

bench-web: .venv/installed-dev ## measure the dashboard: pages, updates, memory, what serving costs, strokes: 15 minutes
	$(BIN)/python -m benchmarks.web

corpus: .venv/installed-dev ## score the diagnosis on its corpus of broken and healthy programs: half an hour
	@scripts/get-fashion-mnist
	$(BIN)/python -m benchmarks.diagnosis.score --write

campaign: .venv/installed-dev ## injure makeweight in every way of a list, and write docs/reliability.md: an hour
	$(BIN)/python -m benchmarks.reliability

lint: .venv/installed-dev ## check style, types and import direction
	$(BIN)/ruff check src tests scripts benchmarks examples docs/conf.py
	$(BIN)/ruff format --check src tests scripts benchmarks examples docs/conf.py
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/installed-dev ## format the code
	$(BIN)/ruff check --fix src tests scripts benchmarks examples docs/conf.py
	$(BIN)/ruff format src tests scripts benchmarks examples docs/conf.py

docs: .venv/installed-dev ## write the references from the code, and make the site build/site/index.html
	$(BIN)/typer makeweight.cli.app utils docs --name makeweight --title "The commands" --output docs/commands.md
	$(BIN)/python scripts/write_reference.py
	$(BIN)/python -m sphinx -c docs --quiet --fail-on-warning --keep-going . build/site

readme: study ## run what the README shows, and write its output into it
	$(BIN)/python scripts/update_readme.py

lessons: .venv/installed-dev ## run the lessons on FashionMNIST, and keep their outputs: half an hour
	$(BIN)/python scripts/run_lessons.py

images: .venv/installed-dev ## draw docs/images from the finished study of make study
	$(BIN)/python scripts/draw_images.py
	$(BIN)/python scripts/draw_dashboard.py

clean: ## remove .venv and what tools left; studies and prepared data stay
	rm -rf .venv .venv-bench .venv-tflite build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache src/*.egg-info
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/bin/python:
	@scripts/make-venv $(PYTHON)

.venv/installed: .venv/bin/python $(SOURCES)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[onnx,web]'
	@touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

# The converter wants an older typing_extensions, and so older packages that depend on it.
.venv-tflite/installed: $(SOURCES)
	@test -d .venv-tflite || scripts/make-venv $(PYTHON) .venv-tflite
	@grep -vE '^(anyio|pydantic|pydantic_core|typing.extensions|typing-inspection)==' constraints.txt > .venv-tflite/constraints.txt
	.venv-tflite/bin/python -m pip install --quiet --constraint .venv-tflite/constraints.txt --editable '.[onnx,tflite]' hypothesis pytest pytest-timeout
	@touch $@

.venv-bench/installed: $(SOURCES) benchmarks/requirements.txt
	@test -d .venv-bench || scripts/make-venv $(PYTHON) .venv-bench
	.venv-bench/bin/python -m pip install --quiet --constraint constraints.txt --editable . --requirement benchmarks/requirements.txt
	@touch $@
