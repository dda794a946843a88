# Every target does its own set-up and says what to do when it cannot.
# Variables: PKGS (default ./...), FUZZTIME (default 5s per target), BENCHTIME (default 1s), DIR (of conformance),
# TIMEOUT (default 15m a package, 30m under the race detector).

SHELL     := /bin/bash
GO        ?= go
PKGS      ?= ./...
FUZZTIME  ?= 5s
BENCHTIME ?= 1s
TIMEOUT   ?= 15m

TOOLS := $(GO) tool -modfile=.ci/tools.mod

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## build the binaries into bin/, without C: such a program starts half a millisecond sooner
	CGO_ENABLED=0 $(GO) build -o bin/ ./cmd/...

.PHONY: check
check: check-format check-vet check-lint check-tree ## formatting, vet, lint, shape of the tree

.PHONY: check-format
check-format:
	@files=$$(git ls-files -z --cached --others --exclude-standard '*.go' | xargs -0 -r ls -d 2>/dev/null | xargs -r gofmt -l); \
	if [ -n "$$files" ]; then printf 'not formatted:\n%s\nrun: make format\n' "$$files"; exit 1; fi

.PHONY: check-vet
check-vet:
	$(GO) vet $(PKGS)

.PHONY: check-systems
check-systems: ## vet for the systems that tests do not run on
	@set -e; for s in windows/amd64 windows/arm64 darwin/amd64 darwin/arm64 freebsd/amd64 freebsd/arm64 linux/arm64; do \
	  echo $$s; CGO_ENABLED=0 GOOS=$${s%/*} GOARCH=$${s#*/} $(GO) vet $(PKGS); done

.PHONY: check-lint
check-lint:
	$(TOOLS) staticcheck $(PKGS)

.PHONY: check-tree
check-tree:
	$(GO) test -count=1 .

.PHONY: format
format: ## rewrite the Go files as gofmt wants them
	@git ls-files -z --cached --others --exclude-standard '*.go' | xargs -0 -r ls -d 2>/dev/null | xargs -r gofmt -w

.PHONY: generate
generate: ## write the generated files again
	$(GO) generate $(PKGS)

.PHONY: test
test: ## every test; installs the databases the tests use (as root, Debian)
	@PKGS="$(PKGS)" TIMEOUT="$(TIMEOUT)" bash ./test.sh

.PHONY: test-race
test-race: TIMEOUT = 30m
test-race: ## every test under the race detector
	@PKGS="$(PKGS)" TIMEOUT="$(TIMEOUT)" bash ./test.sh -race

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME each
	@FUZZTIME="$(FUZZTIME)" PKGS="$(PKGS)" bash .ci/fuzz

.PHONY: bench
bench: ## every benchmark; ends with one line a figure
	@BENCHTIME="$(BENCHTIME)" PKGS="$(PKGS)" bash .ci/bench

.PHONY: conformance
conformance: ## the reference suites, or those in DIR; one line a suite
	@bash .ci/conformance $(if $(DIR),-dir "$(DIR)")

.PHONY: hostile
hostile: ## hostile modules and components beside a victim; prints the count
	@set -o pipefail; LATTICEWORK_ALONE=1 $(GO) test -count=1 -timeout 20m -v ./test/hostile | grep -E '^(hostile:|ok|FAIL|panic)|--- FAIL|_test.go:.*(victim: |besides|times that)'

.PHONY: oracle
oracle: abi-oracle guests-oracle ## both oracles

.PHONY: guests-oracle
guests-oracle: ## the example guests under another runtime (Node), answers compared
	@bash examples/oracle.sh

.PHONY: abi-oracle
abi-oracle: ## the canonical ABI beside the specification's definitions.py, of COMPONENT_MODEL, on RUNS fresh seeds
	@bash .ci/abi-oracle

.PHONY: guests
guests: ## build every guest that is kept, of examples/ and of the benchmarks, from source
	@bash examples/build.sh
	@bash test/perf/guest/build.sh

.PHONY: toolchains
toolchains: ## the toolchains that build guests: versions, and how to get what is missing
	@bash .ci/toolchains
