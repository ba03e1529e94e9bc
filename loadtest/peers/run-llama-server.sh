#!/bin/sh
# Starts llama-server with settings for a row of the benchmark: run-llama-server.sh PROGRAM MODEL NAME, with PORT, ROW,
# CLIENTS and TOKENS (of the longest prompt with its answer) from `loadtest bench`, and THREADS and OPTIONS, if set.
set -eu
program=$1 model=$2 name=$3
# A slot for each client, with as much context as a request of the row needs (cut into pieces of 256 tokens).
slots=$CLIENTS
context=$(((TOKENS + 255) / 256 * 256))
case $ROW in
# Requests share a prefix: everything that may find it again stays on.
prefix) cache=8192 ;;
# No two prompts are alike: what is kept of finished ones beside the slots only costs time and memory.
*) cache=0 ;;
esac
# shellcheck disable=SC2086 # options are words
exec "$program" --model "$model" --alias "$name" --port "$PORT" --threads "${THREADS:-$(nproc)}" --parallel "$slots" \
  --ctx-size $((slots * context)) --flash-attn auto --cache-ram "$cache" ${OPTIONS:-}
