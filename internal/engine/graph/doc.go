// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package graph is the engine's inference graph: a small intermediate representation of a feed-forward network, and a
// compiler that turns it into a Program.
//
// Operators carry the names and the meaning of the ONNX standard in one form, that of opset 21 (axes and clip bounds are
// inputs, Softmax works along one axis); internal/onnx brings older and newer models to this form.
//
// A plan is compiled for one batch size, so that every shape is known before anything runs: shape arithmetic, which
// exporters are fond of, is folded away, and what remains are operators on float32 tensors in buffers laid out
// beforehand. Whatever is wrong with a graph is therefore found by Compile, as an error that names node and operator.
package graph
