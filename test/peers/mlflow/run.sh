#!/usr/bin/env bash
# Copyright 2026 The Trainyard Authors.
# SPDX-License-Identifier: Apache-2.0

# run.sh records runs in MLflow 2 and MLflow 3, with SQLite and their own proxy of artifacts, and reads them with MLflow's own client.
# TestWithMLflow of runner/internal/tracking does.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
for version in 2 3; do
  "$here/../venv.sh" "mlflow$version" "$here/requirements-mlflow$version.txt"
done
cd "$here/../../.."
go test -count=1 -v -timeout 30m -run TestWithMLflow ./runner/internal/tracking
