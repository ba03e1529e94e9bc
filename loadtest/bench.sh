#!/usr/bin/env bash
# The kernels against the machine's limits, then the whole server beside llama-server on the same file, in turn.
# Options go to `loadtest bench`: loadtest/bench.sh --rows stream-1,prefill --rounds 2. Wants an otherwise idle machine.
# From the environment:
#   MODEL         a GGUF file to measure in place of the quickstart's model
#   PENSTOCK      a built program, else it is built here
#   LLAMA_SERVER  a built peer, else it is built here, which takes about 10 minutes the first time
#   SKIP_KERNELS  not empty: the servers only
set -euo pipefail
cd "$(dirname "$0")/.."
export THREADS=${THREADS:-$(nproc)}
target=${CARGO_TARGET_DIR:-target}
out=$target/bench
mkdir -p "$out"

cargo build --release --package loadtest
if [ -z "${PENSTOCK:-}" ]; then
  cargo build --release --package gateway
  PENSTOCK=$target/release/penstock
fi
[ -n "${SKIP_KERNELS:-}" ] || cargo bench --package engine
if [ -z "${LLAMA_SERVER:-}" ]; then
  loadtest/peers/llama-server.sh "$target/peers"
  LLAMA_SERVER=$target/peers/llama-server
fi
if [ -n "${MODEL:-}" ]; then
  model=$(realpath "$MODEL") name=bench config=$out/bench.yaml
  printf 'models:\n  - name: %s\n    source: "%s"\n' "$name" "$model" >"$config"
else
  name=smollm2-135m-instruct config=configs/quickstart.yaml
  model=$("$PENSTOCK" pull "$name")
fi

# Ours runs as it is shipped, with one configuration for all rows.
exec "$target/release/loadtest" bench --model "$name" --logs "$out" --json "$out/bench.json" \
  --server "penstock='$PENSTOCK' run '$config' --port \$PORT" \
  --server "llama-server='$PWD/loadtest/peers/run-llama-server.sh' '$LLAMA_SERVER' '$model' '$name'" "$@"
