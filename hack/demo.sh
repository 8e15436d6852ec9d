#!/usr/bin/env bash
# The demo on a cluster: cluster, images, installation, then hack/demo. A machine that can't have a cluster, and
# CLUSTER=none, is told the same story without one, by hack/demo/story. DATA is a folder of class folders to train on, in
# about MINUTES; empty means drawn pictures.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# missing says in one line what keeps this machine from a cluster of its own; nothing where it can have one.
missing() {
  local said
  if [ "$(uname -s)" != Linux ]; then
    echo "it needs Linux"
  elif [ "$(id -u)" != 0 ]; then
    echo "it needs root"
  elif ! said=$(bin/cluster preflight 2>&1); then
    sed -n '/^cluster: /,$ { s/^cluster: //; /cannot run a cluster yet:$/d; p }' <<< "$said" | paste -sd' ' | cut -c1-400
  fi
}

if [ -z "${CLUSTER:-}" ]; then
  CLUSTER=local
  if [ "$(uname -s) $(id -u)" = "Linux 0" ]; then
    go build -o bin/cluster ./hack/cluster
  fi
  why=$(missing)
  if [ -n "$why" ]; then
    echo "No cluster on this machine: $why. The same story without one follows (CLUSTER=local insists on one)."
    CLUSTER=none
  fi
fi
args=()
if [ -n "${DATA:-}" ]; then
  args+=(--data="$DATA" --limit="${MINUTES:-2}m")
fi

if [ "$CLUSTER" = none ]; then
  echo "Building the programs (minutes for the first time)"
  go build -o bin/ ./runner ./server ./hack/demo/story
  exec bin/story "${args[@]}"
fi

source hack/lib.sh
go build -o bin/ ./hack/cluster ./hack/images
start_cluster
build_images
deliver_images out/images
install_operator
"$KUBECTL" delete namespace trainyard-demo --ignore-not-found --timeout=2m
go run ./hack/demo --kubectl="$KUBECTL" --prober-image="$PROBER_IMAGE" "${args[@]}"
