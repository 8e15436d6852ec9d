#!/usr/bin/env bash
# Copyright 2026 The Trainyard Authors.
# SPDX-License-Identifier: Apache-2.0

# bench.sh S3-SERVER [FLAG...] measures 10,000 small files from an S3 server by `dvc pull`, which it installs, and as a run fetches
# them, and kills fetches at random moments. Its last line is "bench-data-sources: key=value ...". How fast pictures are decoded
# then is measured by make bench-pictures.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here/../../.."
dvc=$(test/peers/venv.sh dvc3 test/peers/dvc/requirements-dvc3.txt)/bin/dvc
mkdir -p out
go build -o out/datasources ./test/benchmark/datasources
exec out/datasources -dvc "$dvc" -server "$1" "${@:2}"
