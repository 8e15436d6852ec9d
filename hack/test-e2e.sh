#!/usr/bin/env bash
# End-to-end tests: the specs of test/e2e on the local cluster, or with
# CLUSTER=current on kubectl's current context. A cluster that wasn't there before
# is removed afterwards, unless KEEP_CLUSTER=yes. SPECS=nodes runs those that need
# two nodes, in a local cluster of that many, SPECS=upgrade the one that replaces the
# operator by another version, SPECS=install those that install, upgrade and remove it in
# each way, SPECS=autoscaling those that need load and metrics-server, and SPECS=argocd those
# of Argo CD, which installs the operator itself; otherwise they are left out.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source hack/lib.sh

if [ "${SPECS:-}" = upgrade ] && ! has_previous; then
  echo "NOT TESTED: the upgrade of the operator. This clone doesn't have commit $PREVIOUS of the version before: git fetch --unshallow" >&2
  exit 0
fi
if [ "${CLUSTER:-local}" = local ] && [ "${KEEP_CLUSTER:-no}" != yes ] && ! bin/cluster status > /dev/null 2>&1; then
  trap 'bin/cluster down' EXIT
fi
case "${SPECS:-}" in
  nodes)
    filter=nodes
    NODES=2
    ;;
  upgrade) filter=upgrade ;;
  install) filter=install ;;
  argocd) filter=argocd ;;
  autoscaling)
    filter=autoscaling
    METRICS=yes
    ;;
  *) filter='!nodes && !upgrade && !install && !autoscaling && !argocd' ;;
esac
start_cluster
go build -o bin/kubectl-trainyard ./internal/plugin
export PATH="$PWD/bin:$PATH" # where kubectl finds its plugin
build_images
build_s3_image
deliver_images out/images
case "$filter" in
  upgrade) prepare_upgrade ;;
  install) prepare_install ;;
  argocd) prepare_argocd ;;
  *) install_operator ;;
esac
go test ./test/e2e -count=1 -timeout=45m -v -ginkgo.v -ginkgo.label-filter="$filter" -ginkgo.show-node-events=false
