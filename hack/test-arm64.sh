#!/usr/bin/env bash
# The tests of what computes and of what reads models and data, for arm64 under QEMU's user
# mode emulation (Debian and Ubuntu: qemu-user-static). Up to twenty minutes on 2 cores.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

emulator=qemu-aarch64-static
if ! command -v $emulator > /dev/null; then
  echo "error: $emulator is missing: apt-get install qemu-user-static" >&2
  exit 1
fi
# Allocations are counted over the whole process: while an emulated pass runs for seconds, the Go
# runtime makes some of its own. Tests that run themselves again in another process get no emulator for it.
GOARCH=arm64 CGO_ENABLED=0 go test -short -exec $emulator -skip 'DoesNotAllocate|KilledAtRandomMoments|TwoProcesses' -timeout=60m \
  ./internal/engine/... ./internal/model/... ./internal/onnx/... ./internal/classifier/... ./internal/quantize/... ./internal/artifact/... \
  ./internal/dataset/... ./internal/preprocess/...
# What -short leaves out of the tests of what calls kernels: buffers between unreadable pages, and prepared convolutions of all shapes.
GOARCH=arm64 CGO_ENABLED=0 go test -exec $emulator -run 'InBounds|Prepared' -timeout=60m ./internal/engine/ops/...
# CPUs of the first arm64 have no products of bytes.
QEMU_CPU=cortex-a72 GOARCH=arm64 CGO_ENABLED=0 go test -short -exec $emulator -run Quantized -timeout=60m ./internal/engine/ops/...
