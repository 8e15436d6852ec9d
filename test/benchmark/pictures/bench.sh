#!/usr/bin/env bash
# Copyright 2026 The Trainyard Authors.
# SPDX-License-Identifier: Apache-2.0

# bench.sh FOLDER ARGUMENTS… measures decoding and resizing beside Pillow, and the first epoch beside torchvision's loader,
# which it installs into .venv-bench-pictures. FOLDER holds JPEG photographs; without one, or if it is empty, pictures are drawn.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."
here=test/benchmark/pictures
out=out/bench-pictures
venv=$(test/peers/venv.sh bench-pictures "$here/requirements.txt")

data=${1:-}
mkdir -p "$out"
if [ -z "$data" ]; then
  data=$out/drawn
  rm -rf "$data"
  bin/runner generate-data --out "$data" --samples-per-class 200 --image-size 200
fi
CGO_ENABLED=0 go build -o "$out/bench" ./test/benchmark/pictures
exec "$out/bench" -python "$venv/bin/python" -data "$data" -out "$out/pictures" "${@:2}"
