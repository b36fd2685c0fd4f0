# boshd: what one does with it. `make` alone explains.

.DEFAULT_GOAL := help
.PHONY: help run test clients-page check fmt fmt-check lint spec load bench fuzz mutants model soak audit clean

help: ## these lines
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## the sandbox on http://127.0.0.1:5280/
	cargo run --release --bin boshd

test: ## every test, tier by tier (needs Rust, make, a C compiler, and root to install the servers and clients it tests with)
	@tools/test-tiers

clients-page: ## docs/clients.md anew, from what the tests with real clients see
	rm -rf target/tmp/clients
	cargo test --test clients
	BOSHD_WRITE=1 cargo test --test clients_page

check: fmt-check lint ## the quick loop: format, lints, and the tests that need no other program
	@tools/test-tiers pure wire

fmt: ## format the code
	cargo fmt --all

fmt-check:
	cargo fmt --all --check

lint: ## clippy, warnings denied
	cargo clippy --workspace --all-targets -- -D warnings

spec: ## which test carries which of the 303 requirements, and which of the 54 rules of real clients
	@cargo test --quiet --test spec -- --nocapture

load: ## the load test: a table of ratios to a floor from the same run; LOAD='--smoke' for a few seconds
	cargo build --release --workspace
	target/release/loadtest run --boshd target/release/boshd $(LOAD)

bench: ## how fast XML is read, beside a plain tokenizer
	cargo bench --package boshd --bench splitter

fuzz: ## feed the readers random bytes, SECONDS=60 each (nightly Rust; installs cargo-fuzz if it is missing)
	@command -v cargo-fuzz > /dev/null || cargo install --locked cargo-fuzz
	@for target in splitter body stream session script polling; do \
		cargo +nightly fuzz run $$target -- -max_total_time=$(or $(SECONDS),60) || exit 1; \
	done

mutants: ## which small changes to the pure floors no pure test notices (an hour; installs cargo-mutants if it is missing), FILES='src/bosh/keys.rs'
	@tools/mutants $(FILES)

model: ## the session against its reference, CASES=100000 random runs of some 50 steps each way
	CARGO_PROFILE_TEST_OPT_LEVEL=2 MODEL_CASES=$(or $(CASES),100000) cargo test --target-dir target/model --test model

soak: ## the tests with real servers, clients and proxies, TIMES=20 in a row
	@tools/soak $(or $(TIMES),20)

audit: ## licences, advisories and duplicates of what we depend on (installs cargo-deny if it is missing)
	@command -v cargo-deny > /dev/null || cargo install --locked cargo-deny
	cargo deny check

clean: ## remove what was built
	cargo clean
