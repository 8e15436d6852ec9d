#!/usr/bin/env bash
# Copyright 2026 The Trainyard Authors.
# SPDX-License-Identifier: Apache-2.0

# compare.sh runs torchvision's classifiers, all or those named, in the engine and in ONNX Runtime, which it installs into
# .venv-torchvision, or uses from the environment that PYTHON belongs to. Remove out/torchvision to compare anew.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../../.." && pwd)
out=$top/out/torchvision

if [ -z "${PYTHON:-}" ]; then
  PYTHON=$("$top/test/peers/venv.sh" torchvision "$here/requirements.txt")/bin/python
fi
mkdir -p "$out"
cd "$top"
CGO_ENABLED=0 go build -o "$out/engine" ./test/benchmark/torchvision
exec "$PYTHON" "$here/compare.py" "$out/engine" "$out" "$@"
