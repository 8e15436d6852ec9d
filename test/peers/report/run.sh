#!/usr/bin/env bash
# Copyright 2026 The Trainyard Authors.
# SPDX-License-Identifier: Apache-2.0

# run.sh trains on drawn pictures and checks the page of the report in a browser: those of two classes, and of photographs
# where PHOTOS names a folder of class folders. SHOTS names a folder for screenshots.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."

chromium=${CHROMIUM:-$(command -v chromium || command -v google-chrome || true)}
if [ -z "$chromium" ]; then
  echo "run.sh: a Chromium is needed (Debian: apt-get install chromium), or its path in CHROMIUM" >&2
  exit 1
fi
export CHROMIUM=$chromium PEERS=$PWD/bin/report-peers

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
go build -o "$work/runner" ./runner
train() {
  "$work/runner" train --image-size 64 --rotation-degrees 15 --brightness 0.3 --contrast 0.3 --saturation 0.4 --gate accuracy=0.9 "$@" > "$work/log" 2>&1 \
    || { code=$?; [ "$code" = 5 ] || { cat "$work/log" >&2; exit "$code"; }; } # 5: a gate isn't met, which the page shows
}
for seed in 1 2; do # the second compares with the first
  train --samples-per-class 300 --label-noise-percent 10 --epochs 6 --seed "$seed" --name "drawn-$seed" --output "$work/drawn"
done
if [ -n "${PHOTOS:-}" ]; then
  train --data "$PHOTOS" --epochs 6 --report-samples Enabled --name photos --output "$work/photos"
  train --data "$PHOTOS" --epochs 1 --name private --output "$work/photos"
fi
for page in "$work"/drawn/drawn-2-*/report/report.html "$work"/photos/*/report/report.html; do
  [ -f "$page" ] || continue
  shots=
  if [ -n "${SHOTS:-}" ]; then
    shots=$SHOTS/$(basename "$(dirname "$(dirname "$page")")")
    mkdir -p "$shots"
  fi
  node test/peers/report/check.mjs "$page" $shots
done
