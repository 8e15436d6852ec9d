// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package onnxpb holds the Go types of the ONNX standard's protobuf schema, registered as trainyard.onnx.* so that they
// live in one binary with onnx-go's, which are registered as onnx.*.
package onnxpb

//go:generate ./generate.sh
