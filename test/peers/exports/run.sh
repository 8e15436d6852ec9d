#!/usr/bin/env bash
# Copyright 2026 The Trainyard Authors.
# SPDX-License-Identifier: Apache-2.0

# run.sh exports classifiers by PyTorch and Keras, which it installs into .venv-exports, serves them, and compares the answers
# with ONNX Runtime's and the frameworks'. Remove out/exports to export anew.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../../.." && pwd)
out=$top/out/exports

cmp -s "$here/requirements.txt" "$top/.venv-exports/requirements.txt" || rm -rf "$out" # what other versions have exported
venv=$("$here/../venv.sh" exports "$here/requirements.txt")
mkdir -p "$out"
cd "$top"
CGO_ENABLED=0 go build -o "$out/server" ./server
# exported WORD COMMAND... runs a command once.
exported() {
  [ -e "$out/$1.done" ] || "${@:2}"
  touch "$out/$1.done"
}
export CUDA_VISIBLE_DEVICES='' TF_CPP_MIN_LOG_LEVEL=3
exported torchvision "$venv/bin/python" "$here/export_torchvision.py" "$out"
for backend in torch tensorflow; do
  exported "keras-$backend" env KERAS_BACKEND="$backend" "$venv/bin/python" "$here/export_keras.py" "$out"
done
exec "$venv/bin/python" "$here/check.py" "$out/server" "$out"
