#!/usr/bin/env bash
# Copyright 2026 The Trainyard Authors.
# SPDX-License-Identifier: Apache-2.0

# compare.sh trains BaselineCNN twice on a folder of class folders, with the runner and with PyTorch: the same images,
# split, size, epochs, augmentation and optimizer. It prints both test accuracies, the times and the machine.
#
# Usage: compare.sh FOLDER. SIZE, EPOCHS, BATCH, SEED and WORKERS may be set. It needs bin/runner and python3 with its venv
# module.
set -euo pipefail

data=$(realpath -e "${1:?usage: compare.sh FOLDER, a folder of class folders}")
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."
here=test/benchmark/compare
out=out/compare
venv=$(test/peers/venv.sh compare "$here/requirements.txt")
size=${SIZE:-64} epochs=${EPOCHS:-12} batch=${BATCH:-32} seed=${SEED:-42} workers=${WORKERS:-2}


rm -rf "$out"
mkdir -p "$out"
echo "--- training with the runner"
# What time prints goes to a file, what the runner prints to the terminal.
TIMEFORMAT='%R %U %S'
{ time bin/runner train --name compare --data "$data" --architecture BaselineCNN --image-size "$size" --epochs "$epochs" \
  --batch-size "$batch" --learning-rate 0.001 --optimizer AdamW --weight-decay 0.0001 --dropout 0.5 --seed "$seed" \
  --horizontal-flip --brightness 0.2 --contrast 0.2 --saturation 0.2 --workers "$workers" \
  --output "$out/models" --split-out "$out/split.json" --result "$out/result.json" 2>&3; } 3>&2 2> "$out/times"

echo "--- training with PyTorch"
"$venv/bin/python" "$here/pytorch.py" --data "$data" --split "$out/split.json" --result "$out/result.json" \
  --runner-times "$out/times" --size "$size" --epochs "$epochs" --batch "$batch" --seed "$seed" --workers "$workers"
