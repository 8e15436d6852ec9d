// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package ops holds the engine's operations: functions of a workspace (package exec), which has the threads, the scratch
// memory and the kernel set. Layers, optimizers and the inference executor call it; nothing else computes on tensors.
//
// # Layout
//
// Tensors are dense float32 slices in row-major order: activations NCHW, convolution weights
// [outChannels, inChannels/groups, kernelH, kernelW], linear weights [out, in]. Slices may be longer than their shape
// needs, never shorter: a short slice is a programming error and panics. Shapes that come from outside the program are
// checked with their Validate method first.
package ops
