#!/usr/bin/env bash
# Copyright 2026 The Trainyard Authors.
# SPDX-License-Identifier: Apache-2.0

# generate.sh writes onnx.proto (the standard's schema in its proto3 form, under this package's own names) and the Go
# types of it. The schema comes from PyPI's onnx package and protoc from grpcio-tools, both as pinned in test/peers;
# protoc-gen-go is that of go.mod.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../../.." && pwd)
venv=$("$root/test/peers/venv.sh")
package=github.com/trainyard-dev/trainyard/internal/onnx/onnxpb
proto=trainyard/onnx/onnx.proto

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/trainyard/onnx"
standard=$("$venv/bin/python" -c 'import importlib.util, pathlib; print(pathlib.Path(importlib.util.find_spec("onnx").origin).parent / "onnx.proto")')

# Package and file path differ from the standard's, because protobuf's registry is global to a binary and onnx-go
# already registers its types as onnx.*. Names are no part of the wire format.
{
  echo "// Copied by generate.sh from the onnx package of test/peers/requirements.txt, in the standard's proto3 form. DO NOT EDIT."
  sed -E \
    -e 's/^syntax = "proto2";/syntax = "proto3";/' \
    -e 's/^package onnx;/package trainyard.onnx;/' \
    -e 's/^( *)optional /\1/' \
    -e 's/[[:space:]]+$//' \
    "$standard"
} >"$work/$proto"

(cd "$root" && go build -o "$work/protoc-gen-go" google.golang.org/protobuf/cmd/protoc-gen-go)
"$venv/bin/python" -m grpc_tools.protoc --plugin="protoc-gen-go=$work/protoc-gen-go" --proto_path="$work" \
  --go_out="$work" --go_opt=paths=source_relative --go_opt="M$proto=$package" "$proto"
cp "$work/$proto" "$here/onnx.proto"
cat "$root/hack/boilerplate.go.txt" <(echo) "$work/trainyard/onnx/onnx.pb.go" >"$here/onnx.pb.go"
