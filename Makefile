# Two commands matter: `make serve` and `make test`. Each installs what it needs.

TARGET := $(or $(CARGO_TARGET_DIR),target)
MODEL := smollm2-135m-instruct
GEMMA := gemma3-270m
EMBEDDER := all-minilm-l6-v2
VENV := .venv
# The frameworks want other versions of the same packages than the official clients do.
FRAMEWORKS := .venv-frameworks
NODE_CLIENT := gateway/tests/clients/node
# cargo-nextest runs tests in parallel processes and reports better; plain cargo does where it is not installed.
NEXTEST := $(shell cargo nextest --version >/dev/null 2>&1 && echo yes)
RUN_TESTS := $(if $(NEXTEST),cargo nextest run --workspace,cargo test --workspace)

.PHONY: serve test lint check-cuda fmt bench clients

serve:
	cargo build --release --package gateway
	$(TARGET)/release/penstock run configs/quickstart.yaml

# Tests run the real models and the official clients, which are fetched first.
test: clients
	$(RUN_TESTS) --no-run
	PENSTOCK_TEST_MODEL="$$($(TARGET)/debug/penstock pull $(MODEL))" \
	PENSTOCK_TEST_GEMMA="$$($(TARGET)/debug/penstock pull $(GEMMA))" \
	PENSTOCK_TEST_EMBEDDER="$$($(TARGET)/debug/penstock pull $(EMBEDDER))" \
	PENSTOCK_TEST_PYTHON="$(CURDIR)/$(VENV)/bin/python" \
	PENSTOCK_TEST_FRAMEWORKS_PYTHON="$(CURDIR)/$(FRAMEWORKS)/bin/python" \
	  $(RUN_TESTS)

lint:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo check --package engine --no-default-features
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --quiet
	$(MAKE) check-cuda

# The feature `cuda` without a GPU and without the toolkit: a stand-in for nvcc makes what candle's kernels compile to
# empty, and types are checked. Nothing of this can run. All packages, so that what `make lint` checked is not checked
# again: on top of that it takes some 50 seconds of one core, once candle's crates are there 20.
check-cuda:
	PATH="$(CURDIR)/engine/cuda/stub:$$PATH" CUDA_COMPUTE_CAP=80 \
	  cargo clippy --workspace --features gateway/cuda --lib --bins --test cuda -- -D warnings

fmt:
	cargo fmt --all

# Kernels against the machine's limits, then the whole server beside llama-server on the same file, row by row. The head
# of the script names what can be chosen.
bench:
	loadtest/bench.sh

clients: $(VENV)/installed $(FRAMEWORKS)/installed $(NODE_CLIENT)/node_modules/installed

$(VENV)/installed: gateway/tests/clients/requirements.txt
	python3 -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --requirement $<
	touch $@

$(FRAMEWORKS)/installed: gateway/tests/clients/requirements-frameworks.txt
	python3 -m venv $(FRAMEWORKS)
	$(FRAMEWORKS)/bin/pip install --quiet --no-compile --requirement $<
	touch $@

$(NODE_CLIENT)/node_modules/installed: $(NODE_CLIENT)/package.json
	npm install --prefix $(NODE_CLIENT) --no-audit --no-fund --loglevel=error
	touch $@
