#!/usr/bin/env bash
# Unit tests, then integration tests against a real API server, then the coverage
# of hand-written code by both together.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
mkdir -p out

if [ "$(id -u)" = 0 ]; then
  bin/cluster preflight # installs python3-venv where it is missing
fi
echo "--- ONNX Runtime, to compare with"
test/peers/venv.sh
export TRAINYARD_PEERS=required

echo "--- unit tests"
unit=$(go list ./... | grep -v -e /test/integration -e /test/e2e -e /test/install)
bin/gotestsum --format pkgname --hide-summary skipped -- -short -coverprofile=out/unit.cover $unit
# The decoders of each format are tested through the package that chooses among them.
TRAINYARD_PEERS= go test -short -coverpkg=./internal/preprocess/... -coverprofile=out/preprocess.cover ./internal/preprocess

echo "--- a real API server for the integration tests"
KUBEBUILDER_ASSETS=$(bin/cluster build --envtest)
export KUBEBUILDER_ASSETS

echo "--- integration tests"
watched=$(go list ./api/... ./controllers/... ./internal/conditions/... ./internal/patch/... ./internal/plugin/... | paste -sd,)
# standard-verbose: what Ginkgo says of its specs is wanted, their number above all.
bin/gotestsum --format standard-verbose -- -timeout=30m -coverpkg="$watched" -coverprofile=out/integration.cover ./test/integration/...

echo "--- installation: the chart, kustomize, and whether the rights suffice"
HELM=$PWD/bin/helm bin/gotestsum --format testname -- -count=1 ./test/install

# Generated code, programs that only wire and tools for tests are not counted;
# commands are tested by running them.
{
  echo "mode: set"
  grep -h -v -e '^mode:' out/unit.cover out/preprocess.cover out/integration.cover |
    grep -v -e 'zz_generated' -e '\.pb\.go:' -e '/main\.go:' -e '/hack/' -e 'test/' -e '_gen\.go:'
} > out/cover.out
total=$(go tool cover -func=out/cover.out | awk '/^total:/ { sub("%", "", $3); print $3 }')
echo "coverage of hand-written code: $total % (at least 80 %)"
awk -v t="$total" 'BEGIN { exit !(t >= 80) }' || { echo "error: coverage is below 80 %: go tool cover -html=out/cover.out" >&2; exit 1; }
