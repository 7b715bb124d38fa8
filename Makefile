PYTHON ?= python3
CORPORA ?= corpora
GOLD ?= ../shared/gold
MODELS ?= classifier/models

# Folders that are not there are left out: our own pages serve without them.
found = $(if $(wildcard $(2)),$(1) $(2))
DATA = datasets/pages $(call found,--corpora,$(CORPORA)) $(call found,--gold,$(GOLD)) \
	--annotations datasets/annotations.jsonl --gates datasets/gates --cache .cache/features

# Floors hold for the whole of the data alone.
FLOORS = $(if $(and $(wildcard $(CORPORA)),$(wildcard $(GOLD))),--floors datasets/floors.json)

.DEFAULT_GOAL := help
.PHONY: help install check test doors train evaluate adapt-figures bench profile scale soak robustness fuzz screenshots build clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "%-10s %s\n", $$1, $$2 }' Makefile
	@echo "variables: PYTHON=$(PYTHON) CORPORA=$(CORPORA) GOLD=$(GOLD) MODELS=$(MODELS)"

install: ## install in place, with what training and the tests need
	$(PYTHON) -m pip install --editable '.[test]'

check: ## linter, types and tests
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy
	$(PYTHON) -m pytest

test: ## tests alone
	$(PYTHON) -m pytest

doors: ## tests of Scrapy, datatrove, Spark and the service (installs them; needs Java 17)
	$(PYTHON) -m pip install --editable '.[test,doors]'
	$(PYTHON) -m pytest tests/bulk tests/integrations

train: ## fit the models that ship, into MODELS
	$(PYTHON) -m classifier.cli train $(DATA) -o $(MODELS)

evaluate: ## cross-validate: labels, main text, access verdict
	$(PYTHON) -m classifier.cli evaluate $(DATA) $(FLOORS)

bench: ## time a page beside lxml and other extractors
	$(PYTHON) -m training.bench $(call found,--corpora,$(CORPORA)) --growth --json bench.json --html bench.html

profile: ## where the time of a page goes, by stage
	$(PYTHON) -m training.bench $(call found,--corpora,$(CORPORA)) --profile

adapt-figures: ## what adapting to a site is worth
	$(PYTHON) -m training.adapt_figures $(DATA)

scale: ## what a stream of pages costs, into docs/scale.md
	$(PYTHON) -m training.scale $(call found,--corpora,$(CORPORA)) --write docs/scale.md

soak: ## 100,000 pages through the pool: memory, recovery
	$(PYTHON) -m training.soak

robustness: ## hostile pages, beside other extractors; growth of the work with the page
	$(PYTHON) -m training.robustness --json robustness.json --write docs/robustness.md
	OPENBLAS_NUM_THREADS=1 $(PYTHON) -m training.scaling

SECONDS ?= 600
fuzz: ## SECONDS of mutated input for each way in
	for target in page jsonld model labels; do \
		OPENBLAS_NUM_THREADS=1 $(PYTHON) -m training.fuzz $$target --seconds $(SECONDS) --inputs 100000000 \
			--findings fuzz-findings/$$target || exit 1; \
	done

screenshots: ## the annotation page into docs/annotate.png
	$(PYTHON) docs/screenshots.py

build: ## wheel and source distribution into dist/
	rm -rf build dist
	$(PYTHON) -m build

clean: ## remove what the other targets left, but no model
	rm -rf build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find classifier training tests -name __pycache__ -exec rm -rf {} +
