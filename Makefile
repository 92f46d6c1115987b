# `make help` lists the targets.
.DEFAULT_GOAL := help
.PHONY: help build demo run-serve run-worker run-beat migrate fmt lint test test-faults fuzz bench deny test-services clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-14s %s\n", $$1, $$2 }' Makefile

build: cc ## Build the release binary, target/release/maestro-reports
	cargo build --release --locked

demo: cc ## Make a dozen reports of a sample inventory and serve them
	cargo run --release --locked -- demo

run-serve: cc ## Serve the Reports API
	cargo run --release --locked -- serve

run-worker: cc ## Take tasks from the queue
	cargo run --release --locked -- worker

run-beat: cc ## Request reports on their timetable
	cargo run --release --locked -- beat

migrate: cc ## Bring the report store's schema up to date
	cargo run --release --locked -- migrate

fmt: ## Format the code
	cargo fmt

lint: cc ## Check format and lints
	cargo fmt --check
	cargo clippy --all-targets --locked -- -D warnings

test: test-services ## Run all tests, with RabbitMQ and a MongoDB server
	cargo test --locked --lib --test it

test-faults: test-services ## Break every part in the middle of reports; FAULTS=rabbit for those whose name holds it
	cargo test --locked --test faults -- --test-threads=2 $(FAULTS)

fuzz: ## Feed every border with anything for longer; SECONDS=60 for each target
	MAESTRO_FUZZ_SECONDS=$(or $(SECONDS),60) cargo test --locked --test it -- fuzz:: --test-threads=2

bench: test-services ## Measure speed and memory; BENCH='--sizes 1000 --parts embedded' for a part, '--help' for more
	MAESTRO_TEST_JAVA_HEAP=12g cargo bench --locked --bench bench -- $(BENCH)

# The version that deny.toml is written for; building it takes two minutes.
deny: CARGO_DENY := 0.20.2
deny: ## Check licences, sources and advisories of all crates; CHECK='bans licenses sources' needs no advisory database
	@cargo deny --version 2>/dev/null | grep -qx 'cargo-deny $(CARGO_DENY)' || cargo install --locked cargo-deny@$(CARGO_DENY)
	cargo deny --locked check $(CHECK)

test-services: ## Install what the tests start: RabbitMQ, a MongoDB server
	tests/support/setup.sh services

# SQLite is compiled from its C source.
.PHONY: cc
cc:
	@command -v cc >/dev/null || tests/support/setup.sh compiler

clean: ## Remove everything that was built
	cargo clean
