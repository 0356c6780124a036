# Two commands do all: `make demo` and `make test`. The others are their parts.
.PHONY: demo test setup build lint bench inference report soak studio screenshots clean help

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 10

setup: ## fetch native libraries and data into .deps/ (quick when nothing is to do)
	@scripts/setup

build: setup ## build the command, optimised
	@swift build -c release --product duet
	@echo "built: .build/release/duet"

demo: build ## the flights pipeline in both styles, compared; writes REPORT.md
	@.build/release/duet demo

report: build ## REPORT.md from three plays of the flights scenario, and one of the reviews with a model
	@scripts/setup models reviews
	@.build/release/duet demo --repeat 3
	@.build/release/duet compare pipelines/reviews --report REPORT.md --append

# One test at a time: several of them hold servers to their time-outs, and DuckDB uses all cores by itself.
test: setup ## build and run all tests
	@scripts/setup tpch tpcds models reviews studio browser excel servers datafactory arrow
	@scripts/run-tests

soak: setup ## a longer run of the generated tests, on a new seed; DUET_TEST_CASES, DUET_TEST_MINUTES bound it
	@scripts/setup tpch tpcds
	@swift build --build-tests
	@DUET_TEST_SEED=$${DUET_TEST_SEED:-$$(date +%s)} DUET_TEST_CASES=$${DUET_TEST_CASES:-20000} \
		DUET_TEST_MINUTES=$${DUET_TEST_MINUTES:-60} DUET_TEST_CASE_SECONDS=$${DUET_TEST_CASE_SECONDS:-60} \
		DUET_TPCDS_ALL=1 DUET_TPCDS_SCALE=$${DUET_TPCDS_SCALE:-0.1} \
		swift test --skip-build --no-parallel --filter "GeneratedTests|PropertyTests|TPCDSTests"

bench: build ## the benchmarks, as ratios against bare DuckDB measured in the same run
	@scripts/setup tpch
	@swift build -c release --product duet-bench
	@scripts/setup --quiet servers
	@.build/release/duet-bench
	@.build/release/duet-bench fetch

studio: build ## the flights pipeline in a web page: both styles side by side
	@scripts/setup studio
	@.build/release/duet serve

screenshots: setup ## pictures of the page, at three sizes and in both themes
	@scripts/setup studio browser
	@DUET_SCREENSHOTS=$(CURDIR)/docs/images swift test --filter ScreenshotTests

inference: build ## heads, accuracy on held-out reviews, the same answers as the reference in Python
	@scripts/setup models reviews
	@scripts/train-reviews minilm
	@scripts/train-reviews e5-small
	@scripts/check-inference

lint: ## formatting, and imports that the package does not declare
	@swift format lint --strict -r -p Sources Tests Benchmarks Package.swift
	@swift build --explicit-target-dependency-import-check error

clean: ## remove what was built; keeps .deps/
	@rm -rf .build Benchmarks/.build .duet
