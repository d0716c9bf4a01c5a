# make run     installs what is missing, builds, and starts the gateway for trying out
# make test    installs what is missing, and runs all the tests
# make help    the rest

.PHONY: help run test test-tsan test-asan soak fuzz faults breaks conformance bench bench-micro bench-check bench-million format lint clean
.DEFAULT_GOAL := help

SOURCES = Package.swift Sources Tests Examples Benchmarks

# More for the program: make run ARGS="--loops 4", make bench ARGS="fanout memory"
ARGS ?=

help:
	@echo "make run          build and start: carillon serve --dev (ARGS=... for more flags)"
	@echo "make test         all the tests"
	@echo "make test-tsan    the ring and the running gateway under ThreadSanitizer"
	@echo "make test-asan    the modules and the running gateway under AddressSanitizer"
	@echo "make soak         the simulation, from random seeds, until stopped (SECONDS=60)"
	@echo "make fuzz         each codec and a whole hub, 20 seconds each (SECONDS=300 ARGS=shard)"
	@echo "make faults       faults on the running program, with more clients and more often"
	@echo "make breaks       breaks the code on purpose and says what catches it, some 30 minutes"
	@echo "make conformance  the whole Autobahn WebSocket testsuite, some ten minutes"
	@echo "make bench        this machine, beside other servers: a report in Benchmarks/Results (QUICK=1: in minutes)"
	@echo "make bench-micro  times the codecs, the ring and a hub without sockets"
	@echo "make bench-check  their instructions and allocations against Benchmarks/costs.toml"
	@echo "make bench-million  a million connections: simulated, and as many real ones as the machine bears"
	@echo "make format       format the Swift sources; make lint only looks"
	@echo "make clean        remove what was built"

run:
	@scripts/need run
	swift build -c release --product carillon
	@exec .build/release/carillon serve --dev $(ARGS)

test:
	@scripts/need test
	@scripts/test

test-tsan:
	@scripts/need test
	@scripts/sanitized thread

# 10,000 connections dropped at once, among others. It needs 11,000 descriptors (ulimit -Hn).
faults:
	@scripts/need test
	swift build -c release --product carillon
	@scripts/python -m pytest Tests/Clients -k test_fault --heavy --timeout 600

test-asan:
	@scripts/need test
	@scripts/sanitized address

# Without SECONDS it goes on until it is stopped. A failure prints its seed, which
# `CARILLON_SEED=n swift test --filter SimulationTests` replays.
soak:
	@scripts/need test
	swift build --build-tests -c release -Xswiftc -enable-testing --scratch-path .build-soak
	CARILLON_SOAK_SECONDS=$(or $(SECONDS),forever) swift test --skip-build --disable-xctest -c release -Xswiftc -enable-testing --scratch-path .build-soak --filter 'as long as it is let run'

fuzz:
	@scripts/need test
	@SECONDS_EACH=$(or $(SECONDS),20) scripts/fuzz $(ARGS)

breaks:
	@scripts/need test
	@scripts/breaks $(ARGS)

# Group 9 sends messages of 16 MiB, and messages of 65,536 fragments.
conformance:
	@scripts/need test
	swift build -c release --product carillon
	@scripts/python Tests/Conformance/autobahn.py -- --message-bytes-max 67108864 --backlog-bytes-max 268435456 --history 1

bench:
	@scripts/need bench
	@Benchmarks/bench $(if $(QUICK),--quick) $(ARGS)

# Built apart, with a package that nothing else needs; the tool fetches and builds it.
bench-micro:
	@scripts/need run
	CARILLON_MICRO=1 swift package --scratch-path .build-micro --disable-sandbox benchmark --target Micro $(ARGS)

# Two to five minutes: callgrind is slow. What may rise for a reason is written down by
# `scripts/costs update`.
bench-check:
	@scripts/need check
	swift build -c release --product carillon-costs
	@scripts/costs all

# Some minutes, and 12 GB of memory for a million real ones; with less there are fewer
# (ARGS="--connections 100000").
bench-million:
	@scripts/need bench
	@Benchmarks/bench $(if $(QUICK),--quick) --servers carillon million connections $(ARGS)

format:
	swift format --in-place --parallel --recursive $(SOURCES)

lint:
	swift format lint --strict --parallel --recursive $(SOURCES)

clean:
	rm -rf .build .build-tsan .build-asan .build-soak .build-fuzz .build-breaks .build-nio .build-micro .build-venv .build-autobahn .build-autobahn-reports
