#!/usr/bin/env bash
# The kernels against the machine's limits, then the whole server beside llama-server on the same file, in turn.
# Options go to `loadtest bench`: loadtest/bench.sh --concurrency 1 --rounds 5. Wants an otherwise idle machine.
set -euo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}
name=smollm2-135m-instruct
ours=8200 peer=8201

cargo build --release --package gateway --package loadtest
[ -n "${SKIP_KERNELS:-}" ] || cargo bench --package engine
loadtest/peers/llama-server.sh "$target/peers"
model=$("$target/release/penstock" pull "$name")

trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT
"$target/release/penstock" run configs/quickstart.yaml --port "$ours" >"$target/penstock.log" 2>&1 &
# 32 slots of 512 tokens: as many as the load has clients.
"$target/peers/llama-server" --model "$model" --alias "$name" --port "$peer" --threads "$(nproc)" \
  --parallel 32 --ctx-size 16384 >"$target/llama-server.log" 2>&1 &
for port in "$ours" "$peer"; do
  for _ in $(seq 120); do
    curl -sf "http://127.0.0.1:$port/health" >/dev/null && break
    sleep 0.5
  done
done
"$target/release/loadtest" bench --url "http://127.0.0.1:$ours" --vs "http://127.0.0.1:$peer" --model "$name" \
  --json "$target/bench.json" "$@"
