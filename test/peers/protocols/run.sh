#!/usr/bin/env bash
# Copyright 2026 The Trainyard Authors.
# SPDX-License-Identifier: Apache-2.0

# run.sh asks a server with the clients of Triton and KServe, with grpcurl and with schemathesis, and restarts servers under a
# thousand requests in flight. Tests of server/internal/httpapi do; it prints what each has come to.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
for name in clients schemathesis; do
  "$here/../venv.sh" "$name" "$here/requirements-$name.txt"
done
cd "$here/../../.."
log=$(mktemp)
trap 'rm -f "$log"' EXIT
RESTARTS=${RESTARTS:-20} IN_FLIGHT=${IN_FLIGHT:-1000} go test -count=1 -v -timeout 30m -run '^(TestWith|TestRestarts$)' ./server/internal/httpapi | tee "$log"
if grep -q -- '--- SKIP' "$log"; then
  echo "run.sh: a test was skipped" >&2
  exit 1
fi
echo "test-protocols: $(sed -n 's/^.*peer: //p' "$log" | tr '\n' ' ')"
