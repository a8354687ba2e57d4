# The three doors: run it, test it, measure it. Every target sets up what it needs and says so.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup run test bench proof profile clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install what building and testing need; quick when it is already there
	@scripts/setup.sh

run: setup ## Build, start the service, show a first ReEncrypt, keep serving
	@scripts/step.sh build scripts/release.sh build --release --locked -p reseal
	@scripts/run-demo.sh

test: setup ## Format, lints, import table, all tests; ends with "N passed, N failed"
	@scripts/test.sh

bench: setup ## CPU per request beside a bare HTTP echo, and the cost of decisions
	@scripts/release.sh run --release --locked -p xtask -- bench
	@scripts/release.sh bench --quiet --locked -p reseal-core --features test-util --bench decisions

proof: setup ## The long forms: fifty kills under load, every byte of a ciphertext flipped
	@scripts/proof.sh

profile: setup ## Renew what releases are optimised by: which code calls run
	@scripts/profile.sh

clean: ## Remove everything that these targets made
	@cargo clean --quiet
	@rm -rf .local tests/node/node_modules tests/python/.pytest_cache
	@find tests scripts -name __pycache__ -type d -prune -exec rm -rf {} +
