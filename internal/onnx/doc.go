// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package onnx reads and writes models in the ONNX format.
//
// Decode reads a model once into the standard's protobuf types and checks it, brings its operators to the one form that
// internal/engine/graph knows, and hands the graph to onnx-go's decoder, which drives Backend: its operators become the
// engine's graph. Weights, names and metadata, which onnx-go would lose or copy, are kept aside. Encode writes a network
// as a model of opset 17.
//
// Models come from anywhere: whatever is wrong with one is an error that names node, operator and attribute.
package onnx
