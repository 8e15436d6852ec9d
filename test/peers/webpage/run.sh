#!/usr/bin/env bash
# Copyright 2026 The Trainyard Authors.
# SPDX-License-Identifier: Apache-2.0

# run.sh trains on drawn pictures, serves the model and checks the server's page in a browser. SHOTS names a folder for screenshots.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."

chromium=${CHROMIUM:-$(command -v chromium || command -v google-chrome || true)}
if [ -z "$chromium" ]; then
  echo "run.sh: a Chromium is needed (Debian: apt-get install chromium), or its path in CHROMIUM" >&2
  exit 1
fi
export CHROMIUM=$chromium PEERS=$PWD/bin/report-peers

work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$work"' EXIT
go build -o "$work/runner" ./runner
go build -o "$work/server" ./server
"$work/runner" generate-data --out "$work/pets" --samples-per-class 60 --image-size 128 > "$work/log" 2>&1
"$work/runner" train --data "$work/pets" --image-size 64 --epochs 4 --name pets --output "$work/models" > "$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
port=$((20000 + RANDOM % 20000))
"$work/server" serve --name pets --model "$(echo "$work"/models/*/model.onnx)" --address 127.0.0.1 --port "$port" 2> "$work/log" &
server=$!
for _ in $(seq 200); do
  curl -fs -o /dev/null "http://127.0.0.1:$port/v2/health/ready" && break
  kill -0 "$server" || { cat "$work/log" >&2; exit 1; }
  sleep 0.1
done
node test/peers/webpage/check.mjs "http://127.0.0.1:$port/" "$(find "$work/pets" -name '*.jpg' | sort | head -1)" ${SHOTS:+"$SHOTS"}
