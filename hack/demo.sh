#!/usr/bin/env bash
# The demo: cluster, images, installation, then hack/demo. DATA is a folder of
# class folders to train on; empty means generated pictures.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source hack/lib.sh

start_cluster
build_images
deliver_images out/images
install_operator
"$KUBECTL" delete namespace trainyard-demo --ignore-not-found --timeout=2m
args=()
if [ -n "${DATA:-}" ]; then
  # Small pictures, for there may be many, and no accuracy is known that can be reached.
  args+=(--data --image-size=64 --min-accuracy=0 --picture="$(find -L "$DATA" -mindepth 2 -type f ! -name '.*' | sort | sed -n 1p)")
fi
go run ./hack/demo --kubectl="$KUBECTL" --prober-image="$PROBER_IMAGE" "${args[@]}"
