#!/usr/bin/env bash
# Copyright 2026 The Trainyard Authors.
# SPDX-License-Identifier: Apache-2.0

# run.sh compares what is read of repositories that DVC 2 and DVC 3 make, pushed to a folder and to an S3 server, with what
# `dvc pull` gives. TestAsTheToolPulls of internal/dataset/source does.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
for version in 2 3; do
  "$here/../venv.sh" "dvc$version" "$here/requirements-dvc$version.txt"
done
cd "$here/../../.."
go test -count=1 -v -run TestAsTheToolPulls ./internal/dataset/source
