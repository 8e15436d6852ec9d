#!/usr/bin/env bash
# Copyright 2026 The Trainyard Authors.
# SPDX-License-Identifier: Apache-2.0

# bench.sh measures whether generated pictures are worth training on: on one and the same split of 4,000 pictures to train
# on and 1,000 to test, a linear model of the pixels must stay under 75 % accuracy, and BaselineCNN, trained by the
# runner, must reach 94 %. It needs bin/runner and python3 with its venv module. EPOCHS and SEED may be set.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."
here=test/benchmark/data
out=out/bench-data
venv=$(test/peers/venv.sh bench-data "$here/requirements.txt")


rm -rf "$out"
mkdir -p "$out"
echo "--- drawing 5,264 pictures of 64×64 pixels"
time bin/runner generate-data --out "$out/pets" --samples-per-class 2632 --image-size 64 --seed "${SEED:-1}"

echo "--- training BaselineCNN on 4,000 of them, with 264 to validate on and 1,000 to test"
time bin/runner train --name bench-data --data "$out/pets" --image-size 64 --epochs "${EPOCHS:-5}" \
  --validation-percent 5 --test-percent 19 --output "$out/models" --split-out "$out/split.json" --result "$out/result.json"

echo "--- fitting a logistic regression to the pixels of the same 4,000"
"$venv/bin/python" "$here/compare.py" "$out"
