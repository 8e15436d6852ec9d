#!/usr/bin/env bash
# Copyright 2026 The Trainyard Authors.
# SPDX-License-Identifier: Apache-2.0

# bench.sh measures the engine beside ONNX Runtime and PyTorch, which it installs into .venv-bench-engine.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../../.." && pwd)
venv=$("$top/test/peers/venv.sh" bench-engine "$here/requirements.txt")
models=$top/out/bench-engine

mkdir -p "$models"
if [ ! -e "$models/exported" ]; then
  "$venv/bin/python" "$here/peers.py" export "$models"
  touch "$models/exported"
fi
cd "$top"
CGO_ENABLED=0 go build -o "$models/engine" ./test/benchmark/engine
for model in baseline mobilenetv2; do
  "$models/engine" quantize "$models/$model.onnx" "$models/$model-int8.onnx"
done
if [ ! -e "$models/baseline-int8-ort.onnx" ]; then
  "$venv/bin/python" "$here/peers.py" quantize "$models/baseline.onnx" "$models/baseline-int8-ort.onnx"
fi
exec "$models/engine" -python "$venv/bin/python" -models "$models" "$@"
