#!/usr/bin/env bash
# End-to-end tests: the specs of test/e2e on the local cluster, or with
# CLUSTER=current on kubectl's current context. A cluster that wasn't there before
# is removed afterwards, unless KEEP_CLUSTER=yes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source hack/lib.sh

if [ "${CLUSTER:-local}" = local ] && [ "${KEEP_CLUSTER:-no}" != yes ] && ! bin/cluster status > /dev/null 2>&1; then
  trap 'bin/cluster down' EXIT
fi
start_cluster
build_images
build_s3_image
deliver_images
install_operator
go test ./test/e2e -count=1 -timeout=45m -v -ginkgo.v -ginkgo.show-node-events=false
