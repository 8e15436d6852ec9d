#!/usr/bin/env bash
# Measures rollouts on the local cluster, or with CLUSTER=current on kubectl's current
# context. A cluster that wasn't there before is removed afterwards.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."
source hack/lib.sh

if [ "${CLUSTER:-local}" = local ] && ! bin/cluster status > /dev/null 2>&1; then
  trap 'bin/cluster down' EXIT
fi
start_cluster
build_images
deliver_images out/images
install_operator
go run ./test/benchmark/rollout "$@"
