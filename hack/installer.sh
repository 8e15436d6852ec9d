#!/usr/bin/env bash
# installer.sh REGISTRY TAG: prints CRDs, RBAC and manager for the images REGISTRY/trainyard-*:TAG.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

prefix=${1:+$1/}
tag=$2
mkdir -p out
overlay=$(mktemp -d out/installer.XXXXXX)
trap 'rm -r "$overlay"' EXIT
cat > "$overlay/kustomization.yaml" <<YAML
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
- ../../config/default
images:
- name: trainyard-manager
  newName: ${prefix}trainyard-manager
  newTag: "$tag"
patches:
- patch: |
    apiVersion: apps/v1
    kind: Deployment
    metadata:
      name: trainyard-manager
      namespace: trainyard-system
    spec:
      template:
        spec:
          containers:
          - name: manager
            env:
            - name: RUNNER_IMAGE
              value: ${prefix}trainyard-runner:$tag
            - name: SERVER_IMAGE
              value: ${prefix}trainyard-server:$tag
YAML
"${KUBECTL:-kubectl}" kustomize "$overlay"
