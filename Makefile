# make run     installs what is missing, builds, and starts the gateway for trying out
# make test    installs what is missing, and runs all the tests
# make help    the rest

.PHONY: help run test test-tsan faults conformance bench format lint clean
.DEFAULT_GOAL := help

SOURCES = Package.swift Sources Tests Examples Benchmarks

# More for the program: make run ARGS="--loops 4", make bench ARGS="fanout idle"
ARGS ?=

help:
	@echo "make run          build and start: carillon serve --dev (ARGS=... for more flags)"
	@echo "make test         all the tests"
	@echo "make test-tsan    the ring and the running gateway under ThreadSanitizer"
	@echo "make faults       faults on the running program, with more clients and more often"
	@echo "make conformance  the whole Autobahn WebSocket testsuite, some ten minutes"
	@echo "make bench        the figures of Documentation/performance.md"
	@echo "make format       format the Swift sources; make lint only looks"
	@echo "make clean        remove what was built"

run:
	@scripts/need run
	swift build -c release --product carillon
	@exec .build/release/carillon serve --dev $(ARGS)

test:
	@scripts/need test
	@scripts/test

# The ring and the running gateway under ThreadSanitizer, built apart.
test-tsan:
	@scripts/need test
	swift test --sanitize=thread --scratch-path .build-tsan --filter 'RingTests|StoreTests|GatewayTests|ClientTests'

# 10,000 connections dropped at once, among others. It needs 11,000 descriptors (ulimit -Hn).
faults:
	@scripts/need test
	swift build -c release --product carillon
	@scripts/python -m pytest Tests/Clients -k test_fault --heavy --timeout 600

# Group 9 sends messages of 16 MiB, and messages of 65,536 fragments.
conformance:
	@scripts/need test
	swift build -c release --product carillon
	@scripts/python Tests/Conformance/autobahn.py -- --message-bytes-max 67108864 --backlog-bytes-max 268435456 --history 1

bench:
	@scripts/need bench
	swift build -c release
	@Benchmarks/compare.sh $(ARGS)

format:
	swift format --in-place --parallel --recursive $(SOURCES)

lint:
	swift format lint --strict --parallel --recursive $(SOURCES)

clean:
	rm -rf .build .build-tsan .build-venv .build-autobahn .build-autobahn-reports
