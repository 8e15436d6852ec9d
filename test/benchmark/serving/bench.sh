#!/usr/bin/env bash
# Copyright 2026 The Trainyard Authors.
# SPDX-License-Identifier: Apache-2.0

# bench.sh ARGUMENTS… measures the inference server beside others, which it installs into .venv-bench-… or builds, on the cores that CORES
# names (0,1). Remove out/bench-serving/settings.json to have their settings chosen anew.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../../.." && pwd)
out=$top/out/bench-serving
cd "$top"
mkdir -p "$out/models" "$out/pictures"

# once FILE COMMAND… runs a command unless the file that it writes is there.
once() {
  [ -e "$1" ] || "${@:2}"
}

train() {
  rm -rf "$out/$1"
  bin/runner train --data "$out/pets" --batch-size 8 --quantization Int8 --output "$out/$1" "${@:2}"
}

networks() {
  once "$out/pets/dog" bin/runner generate-data --out "$out/pets" --samples-per-class 60 --image-size 224
  if [ ! -e "$out/models/baseline-int8.onnx" ]; then
    train baseline --image-size 224 --epochs 2
    cp "$out"/baseline/*/model-float32.onnx "$out/models/baseline.onnx"
    cp "$out"/baseline/*/model.onnx "$out/models/baseline-int8.onnx"
  fi
  if [ ! -e "$out/models/small.onnx" ]; then
    train small --image-size 32 --epochs 1
    cp "$out"/small/*/model-float32.onnx "$out/models/small.onnx"
  fi
  once "$out/pictures/4000x3000.jpg" go run ./test/benchmark/serving/pictures "$out/pets" "$out/pictures"
}

peers() {
  for name in serving bentoml mlserver; do
    test/peers/venv.sh "bench-$name" "$here/peers/requirements-$name.txt"
  done
  python=$top/.venv-bench-serving/bin/python
  once "$out/models/mobilenetv2-int8-ort.onnx" "$python" "$here/peers/prepare.py" "$out/models/baseline.onnx" "$out/pets" "$out/models"
  once "$out/models/mobilenetv2-int8.onnx" bin/runner quantize --model "$out/models/mobilenetv2.onnx" --out "$out/models/mobilenetv2-int8.onnx" --data "$out/pets"
  for tool in cargo cmake nasm; do
    if ! command -v "$tool" >/dev/null; then
      echo "bench.sh: $tool is needed to build the Rust server (Debian and Ubuntu: apt-get install cargo cmake nasm)" >&2
      exit 1
    fi
  done
  RUSTFLAGS='-C target-cpu=native' CARGO_TARGET_DIR=$out/rust cargo build --quiet --release --locked --manifest-path test/peers/rust-server/Cargo.toml
}

networks
case " $* " in
  *soak*) ;;
  *) peers ;;
esac
CGO_ENABLED=0 go build -o "$out/serving" ./test/benchmark/serving
exec taskset --cpu-list "${CORES:-0,1}" "$out/serving" --server "$top/bin/server" --rust "$out/rust/release/rust-server" \
  --library "$(echo "$top"/.venv-bench-serving/lib/python3*/site-packages/onnxruntime/capi/libonnxruntime.so.*)" \
  --models "$out/models" --picture-files "$out/pictures" --out "$out" --venvs "$top" --peers "$here/peers" "$@"
