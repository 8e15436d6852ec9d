#!/usr/bin/env bash
# Copyright 2026 The Trainyard Authors.
# SPDX-License-Identifier: Apache-2.0

# bench.sh measures the rate and the peak memory of the inference server with a BaselineCNN for pictures of 224×224, in
# float32 and int8. SERVER may name another build to measure: bin/server.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."
out=out/bench-server

if ! ls "$out"/models/*/model.onnx >/dev/null 2>&1; then
  rm -rf "$out"
  mkdir -p "$out"
  bin/runner generate-data --out "$out/pets" --samples-per-class 20 --image-size 224
  bin/runner train --data "$out/pets" --image-size 224 --epochs 1 --batch-size 8 --quantization Int8 --output "$out/models"
fi
models=$(echo "$out"/models/*/)
go run ./test/benchmark/server --server "${SERVER:-bin/server}" --picture "$out/pets/cat/cat.00000.jpg" "$models"model-float32.onnx "$models"model.onnx
